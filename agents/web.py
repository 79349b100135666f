"""/healthz, /readyz, /lanes and /metrics on the worker's web port: numbers and names, no payload, no card data."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aiohttp import web
from faust.types import TP
from prometheus_client import CONTENT_TYPE_LATEST

from agents.lag import lag, shut_ends
from agents.lane import Lane
from agents.metrics import rendered
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
        return web.json_response(status(worker, await shut_ends(worker)))

    async def metrics(request: web.Request) -> web.Response:
        return web.Response(body=await rendered(worker), headers={"Content-Type": CONTENT_TYPE_LATEST})

    pages = ("/healthz", healthz), ("/readyz", readyz), ("/lanes", lanes), ("/metrics", metrics)
    for path, handler in pages:
        server.web_app.router.add_get(path, handler)

    async def announce() -> None:
        addresses = server._runner.addresses
        (worker.config.store / "web.port").write_text(f"{addresses[0][1]}\n")

    worker.app.task(announce)


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
    found = lag(worker, lane, tp, ends)
    return {
        "topic": tp.topic,
        "partition": tp.partition,
        "position": found.position,
        "end": found.end,
        "lag": found.records,
        "lag_seconds": None if found.seconds is None else round(found.seconds, 3),
    }
