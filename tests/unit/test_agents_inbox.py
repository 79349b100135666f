"""A lane's inbox: batches bounded in records and bytes, but never less than a chunk."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from faust.types import TP

from agents import inbox as module
from agents.inbox import Arrival, Inbox
from agents.transport import Chunk
from pipeline.holds import Messages

RECORD = cast("Any", SimpleNamespace())


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH_RECORDS", 10)
    monkeypatch.setattr(module, "BATCH_BYTES", 100)
    monkeypatch.setattr(module, "FULL", 2)


def arrival(records: int, size: int, partition: int = 0, end: int = 0) -> Arrival:
    ready: asyncio.Future[Any] = cast("Any", None)
    return Arrival(TP("q", partition), Chunk(1, 0, [RECORD] * records, end), ready, size)


def filled(*arrivals: Arrival) -> Inbox:
    inbox = Inbox(asyncio.Event())
    for each in arrivals:
        inbox.put(each)
    return inbox


@pytest.mark.parametrize(
    ("chunks", "taken"),
    [
        pytest.param([(4, 1), (4, 1), (4, 1), (4, 1)], 3, id="records bound it, the last chunk whole"),
        pytest.param([(1, 60), (1, 60), (1, 60)], 2, id="bytes bound it"),
        pytest.param([(5_000, 5_000), (1, 1)], 1, id="a chunk above every bound is taken, alone"),
        pytest.param([(0, 0), (0, 0), (1, 1)], 3, id="chunks without records cost nothing"),
        pytest.param([], 0, id="empty"),
    ],
)
def test_a_batch_is_bounded(chunks: list[tuple[int, int]], taken: int) -> None:
    arrivals = [arrival(*each) for each in chunks]
    inbox = filled(*arrivals)
    assert inbox.take() == arrivals[:taken]
    left = arrivals[taken:]
    assert (inbox.records, inbox.size) == (sum(len(a.chunk.records) for a in left), sum(a.size for a in left))
    assert bool(inbox) == bool(left)
    assert inbox.take() == left


@pytest.mark.parametrize(("records", "size"), [(21, 0), (0, 201)])
def test_full_by_records_or_by_bytes(records: int, size: int) -> None:
    assert filled(arrival(records, size)).full()
    assert not filled(arrival(20, 200)).full()


@pytest.mark.parametrize(("records", "size"), [(11, 0), (0, 101)])
def test_half_empty_by_records_and_by_bytes(records: int, size: int) -> None:
    assert not filled(arrival(records, size)).half_empty()
    assert filled(arrival(10, 100)).half_empty()


def test_it_knows_where_each_input_that_waits_goes_on() -> None:
    inbox = filled(arrival(1, 1, 0, 5), arrival(1, 1, 2, 7), arrival(1, 1, 0, 9))
    assert inbox.ends() == {TP("q", 0): 9, TP("q", 2): 7}
    inbox.clear()
    assert inbox.ends() == {} and (inbox.records, inbox.size) == (0, 0) and not inbox


def test_what_arrives_wakes_the_lane() -> None:
    arrived = asyncio.Event()
    Inbox(arrived).put(arrival(1, 1))
    assert arrived.is_set()


async def test_what_waits_for_an_issuer_holds_up_what_is_behind_it_and_is_cancelled_with_the_lane() -> None:
    inbox, waits = Inbox(asyncio.Event(), cancels=True), asyncio.ensure_future(asyncio.sleep(60, Messages([], 1)))
    done: asyncio.Future[Messages] = asyncio.get_running_loop().create_future()
    done.set_result(Messages([], 2))
    for end, ready in ((1, waits), (2, done)):
        inbox.put(Arrival(TP("panlock.decisions", 0), Chunk(1, end - 1, [], end), ready, 0))
    assert not inbox.ready() and inbox.take_ready(50) == [] and inbox
    inbox.clear()
    await asyncio.sleep(0)
    assert waits.cancelled() and not inbox
