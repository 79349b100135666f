"""/healthz, /readyz and /lanes on the worker's web port. No payload, no key, no card data: numbers and names."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from faust.types import TP

from agents.lane import Lane
from pipeline.approval.glass import Alarm

if TYPE_CHECKING:
    from agents.app import Worker


def serve_status(worker: "Worker") -> None:
    """Serve on Faust's web server; the chosen port is written to <store>/web.port."""
    server, config = worker.app.web, worker.config.web
    server.default_blueprints = []  # Faust's own pages tell of tables and routes that Panlock does not have

    def site() -> web.TCPSite:
        return web.TCPSite(server._runner, config.host, config.port)

    server._transport_handlers = {"tcp": site}

    async def healthz(request: web.Request) -> web.Response:
        return web.json_response({"ok": True, "worker": worker.services.worker})

    async def readyz(request: web.Request) -> web.Response:
        waiting = {number: lane.why_closed for number, lane in sorted(worker.lanes.items()) if lane.why_closed}
        ready = worker.joined and worker.kafka_answers and not waiting
        unreviewed = {number: found for number, lane in worker.lanes.items() if (found := len(lane.glass()))}
        return web.json_response(
            {"ready": ready, "kafka": worker.kafka_answers, "closed": waiting, "break_glass": unreviewed},
            status=200 if ready else 503,
        )

    async def lanes(request: web.Request) -> web.Response:
        return web.json_response(status(worker, await _ends(worker)))

    for path, handler in (("/healthz", healthz), ("/readyz", readyz), ("/lanes", lanes)):
        server.web_app.router.add_get(path, handler)

    async def announce() -> None:
        addresses = server._runner.addresses
        (worker.config.store / "web.port").write_text(f"{addresses[0][1]}\n")

    worker.app.task(announce)


async def _ends(worker: "Worker") -> dict[TP, int]:
    """Ends of the inputs that are not fetched: what a closed lane has before it. Asked for; nothing if that fails."""
    shut = [tp for lane in worker.lanes.values() if not lane.records.open for tp in lane.records.inputs]
    try:
        return {tp: bounds.end for tp, bounds in (await worker.app.consumer.bounds(shut)).items()} if shut else {}
    except (KafkaError, TimeoutError):
        return {}


def status(worker: "Worker", ends: Mapping[TP, int]) -> dict[str, Any]:
    """What `panlock lanes` shows."""
    return {
        "worker": worker.services.worker,
        "policy": worker.policy.hash,
        "of": worker.policy.lanes,
        "lanes": [_lane(worker, lane, ends) for _, lane in sorted(worker.lanes.items())],
    }


def _lane(worker: "Worker", lane: Lane, ends: Mapping[TP, int]) -> dict[str, Any]:
    return {
        "lane": lane.number,
        "state": "open" if lane.why_closed is None else "closed",
        "why": lane.why_closed,
        "alarm": lane.alarm,
        "break_glass": [_alarm(alarm) for alarm in lane.glass()],
        "inbox": {"records": lane.record_inbox.records, "bytes": lane.record_inbox.size},
        "transaction_seconds": round(lane.transaction_seconds, 4),
        "inputs": [_input(worker, lane, tp, ends) for tp in sorted(lane.inputs)],
        "outcomes": [
            {"flow": flow, "outcome": outcome, "reason": reason, "records": count}
            for (flow, outcome, reason), count in sorted(lane.outcomes.items())
        ],
    }


def _alarm(alarm: Alarm) -> dict[str, Any]:
    """An open alarm of break-glass: the record, who released it, the event to review."""
    return {"record": alarm.record, "people": list(alarm.people), "event": alarm.event, "time": alarm.time}


def _input(worker: "Worker", lane: Lane, tp: TP, ends: Mapping[TP, int]) -> dict[str, Any]:
    position = lane.positions().get(tp)
    subscription = worker.app.consumer.kafka._subscription.subscription
    state = None if subscription is None else subscription.assignment
    tps = TopicPartition(*tp)
    fetched = state.state_value(tps).lso if state is not None and tps in state.tps else None
    end = ends.get(tp, fetched)
    lag = None if position is None or end is None else max(0, end - position)
    behind = 0.0 if not lag else max(0.0, time.time() - lane.times.get(tp, 0) / 1000) if tp in lane.times else None
    return {
        "topic": tp.topic,
        "partition": tp.partition,
        "position": position,
        "end": end,
        "lag": lag,
        "lag_seconds": behind if behind is None else round(behind, 3),
    }
