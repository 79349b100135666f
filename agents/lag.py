"""How far a lane is behind the end of an input."""

import asyncio
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from faust.types import TP

from agents.lane import Lane

if TYPE_CHECKING:
    from agents.app import Worker

PATIENCE = 5.0  # seconds that brokers have to tell an end: who asks waits for the answer


class Lag(NamedTuple):
    """Offsets; `seconds` since the broker's time of what was last decided, 0 where nothing waits. None: not known."""

    position: int | None
    end: int | None
    records: int | None
    seconds: float | None


async def shut_ends(worker: "Worker") -> dict[TP, int]:
    """Ends of the inputs that are not fetched: what a closed lane has before it. Asked for; nothing if that fails."""
    shut = [tp for lane in worker.lanes.values() if not lane.records.open for tp in lane.records.inputs]
    if not shut:
        return {}
    try:
        async with asyncio.timeout(PATIENCE):
            return {tp: bounds.end for tp, bounds in (await worker.app.consumer.bounds(shut)).items()}
    except (KafkaError, TimeoutError):
        return {}


def lag(worker: "Worker", lane: Lane, tp: TP, ends: Mapping[TP, int]) -> Lag:
    """`ends`: of inputs that are not fetched."""
    position, end = lane.position_of(tp), ends.get(tp, _fetched(worker, tp))
    if position is None or end is None:
        return Lag(position, end, None, None)
    records = max(0, end - position)
    if not records:
        return Lag(position, end, 0, 0.0)
    decided = lane.times.get(tp)
    return Lag(position, end, records, None if decided is None else max(0.0, time.time() - decided / 1000))


def _fetched(worker: "Worker", tp: TP) -> int | None:
    """The last stable offset, as of the last fetch."""
    subscription = worker.app.consumer.kafka._subscription.subscription
    state = None if subscription is None else subscription.assignment
    tps = TopicPartition(*tp)
    return state.state_value(tps).lso if state is not None and tps in state.tps else None
