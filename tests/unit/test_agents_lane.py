"""What a lane takes from its inputs, and what a full inbox shuts, on a real inbox and gates without Kafka."""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any, cast

import pytest
from faust.types import TP

import agents.lane
from agents import inbox
from agents.issuers.fetching import issuer_context
from agents.issuers.observer import IssuerObserver
from agents.lane import Lane, LaneFailedError
from agents.opening import Opened
from agents.tally import Tally
from agents.transport import Chunk
from pipeline.effects import Effects, Out
from pipeline.opening import Bounds
from pipeline.state import Loss, encode_position, next_key
from tables.store import Applied
from tests.lane import DECISIONS, TOPIC, MemoryLane, MemoryState, fetched

Q0, Q2, D0 = TP(TOPIC, 0), TP(TOPIC, 2), TP(DECISIONS, 0)


class FakeConsumer:
    """Remembers what was opened and shut."""

    def __init__(self) -> None:
        self.number = 0
        self.openings: dict[TP, int] = {}
        self.positions: dict[TP, int] = {}
        self.found: dict[TP, Bounds] = {}
        self.fetches: dict[TP, int] = {}

    def new_opening(self) -> int:
        self.number += 1
        return self.number

    async def open_at(self, number: int, positions: Mapping[TP, int]) -> None:
        self.positions.update(positions)
        self.openings.update(dict.fromkeys(positions, number))
        self.fetches.update(positions)
        await self.on_open(number)

    async def on_open(self, number: int) -> None:
        """What happens while an opening is under way."""

    def fetched(self, tp: TP) -> int | None:
        return self.fetches.get(tp)

    async def shut(self, inputs: Any) -> None:
        for tp in inputs:
            self.openings.pop(tp, None)

    async def bounds(self, inputs: Any) -> dict[TP, Bounds]:
        return {tp: self.found[tp] for tp in inputs}


class FakeStore(MemoryState):
    """A state that remembers how far its changelog has been applied."""

    position: Applied | None = None

    def apply(self, changes: Any, applied: Any = None) -> None:
        super().apply(Effects(changes=changes))
        self.position = applied

    def next_expiry(self) -> int | None:
        return None


class FakeProducer:
    """Takes every transaction, or fails it."""

    task = None

    def __init__(self) -> None:
        self.fails: Exception | None = None
        self.sends: list[dict[tuple[str, int], list[Out]]] = []

    async def transact(self, sends: Any) -> Any:
        if self.fails is not None:
            raise self.fails
        self.sends.append(sends)
        return dict.fromkeys(sends, SimpleNamespace(offset=40, timestamp=None))


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1, "enforce") as made:
        yield made


@pytest.fixture
def consumer(monkeypatch: pytest.MonkeyPatch) -> FakeConsumer:
    monkeypatch.setattr(inbox, "BATCH_RECORDS", 10)
    monkeypatch.setattr(inbox, "BATCH_BYTES", 1_000)
    monkeypatch.setattr(inbox, "FULL", 2)
    return FakeConsumer()


def opened_lane(consumer: FakeConsumer, pool: ThreadPoolExecutor, inputs: set[TP], number: int = 0) -> Lane:
    memory = MemoryLane()
    issuers = IssuerObserver(memory.policy, issuer_context(None))
    shared = {
        "sources": memory.context.sources,
        "pool": pool,
        "issuers": issuers,
        "tally": Tally(memory.context.policy),
    }
    services = SimpleNamespace(consumer=consumer, **shared)
    lane = Lane(number, inputs, cast("Any", services))
    lane.opened = Opened(cast("Any", FakeProducer()), cast("Any", FakeStore()), memory.context, Effects())
    return lane


def chunk(opening: int, records: int, start: int = 0, value: bytes = b"{}") -> Chunk:
    made = [fetched(start + n, 1, b"k", value, ()) for n in range(records)]
    return Chunk(opening, start, made, start + records)


async def test_chunks_of_a_former_opening_are_dropped(consumer: FakeConsumer, pool: ThreadPoolExecutor) -> None:
    lane = opened_lane(consumer, pool, {Q0, D0})
    await lane._let_flow()
    former, present = lane.records.number - 1, lane.records.number
    await lane.put(Q0, chunk(former, 1))
    assert lane.record_inbox.records == 0
    await lane.put(Q0, chunk(present, 1))
    assert lane.record_inbox.records == 1
    await lane.records.forget()
    await lane.put(Q0, chunk(present, 1, 1))
    assert lane.record_inbox.records == 1


async def test_a_full_inbox_shuts_its_own_lanes_quarantine_inputs_only(
    consumer: FakeConsumer, pool: ThreadPoolExecutor
) -> None:
    full = opened_lane(consumer, pool, {Q0, Q2, D0})
    other = opened_lane(consumer, pool, {TP(TOPIC, 1), TP(DECISIONS, 1)}, 1)
    await full._let_flow()
    await other._let_flow()
    await full.put(Q0, chunk(full.records.number, 20))
    assert {Q0, Q2} <= set(consumer.openings)
    await full.put(Q2, chunk(full.records.number, 1))
    assert set(consumer.openings) == {D0, TP(TOPIC, 1), TP(DECISIONS, 1)}


async def test_decisions_have_their_own_bound(consumer: FakeConsumer, pool: ThreadPoolExecutor) -> None:
    lane = opened_lane(consumer, pool, {Q0, D0})
    await lane._let_flow()
    await lane.put(D0, chunk(lane.decisions.number, 21))
    assert set(consumer.openings) == {Q0}
    assert lane.record_inbox.records == 0


async def test_what_had_been_fetched_when_the_inbox_filled_is_still_taken(
    consumer: FakeConsumer, pool: ThreadPoolExecutor
) -> None:
    lane = opened_lane(consumer, pool, {Q0, D0})
    await lane._let_flow()
    await lane.put(Q0, chunk(lane.records.number, 21))
    await lane.put(Q0, chunk(lane.records.number, 5, 21))
    assert lane.record_inbox.records == 26


async def test_a_full_inbox_opens_at_half_behind_what_waits(consumer: FakeConsumer, pool: ThreadPoolExecutor) -> None:
    lane = opened_lane(consumer, pool, {Q0, Q2, D0})
    await lane._let_flow()
    for start in range(0, 30, 5):
        await lane.put(Q0, chunk(lane.records.number, 5, start))
    assert Q0 not in consumer.openings
    former = lane.records.number
    while lane.record_inbox.records > 10:
        await lane._reopen()
        assert not lane.records.open
        await lane._commit(lane.record_inbox.take())
    await lane._reopen()
    assert lane.records.open and lane.records.number > former
    assert consumer.positions[Q0] == 30 and consumer.positions[Q2] == 0
    await lane.put(Q0, chunk(former, 5, 30))
    assert lane.record_inbox.records <= 10, "read before the inputs were opened again, so it is read once more"


async def test_enforcement_happens_in_the_pool(
    consumer: FakeConsumer, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[str] = []

    def enforce(*_: object) -> str:
        threads.append(threading.current_thread().name)
        return "enforced"

    monkeypatch.setattr(agents.lane, "enforce", enforce)
    lane = opened_lane(consumer, pool, {Q0, D0})
    await lane._let_flow()
    await lane.put(Q0, chunk(lane.records.number, 1))
    (arrival,) = lane.record_inbox.take()
    assert cast("Any", await arrival.ready) == "enforced"
    assert threads == ["enforce_0"]


async def test_the_loop_goes_on_while_a_chunk_is_enforced(
    consumer: FakeConsumer, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    monkeypatch.setattr(agents.lane, "enforce", lambda *_: go_on.wait(10))
    lane = opened_lane(consumer, pool, {Q0, D0})
    await lane._let_flow()
    await lane.put(Q0, chunk(lane.records.number, 1))
    (arrival,) = lane.record_inbox.take()
    await asyncio.sleep(0)
    go_on.set()
    assert cast("Any", await arrival.ready) is True


async def test_nothing_is_applied_before_the_commit(consumer: FakeConsumer, pool: ThreadPoolExecutor) -> None:
    lane = opened_lane(consumer, pool, {Q0, D0})
    await lane._let_flow()
    opened = lane._lane()
    store, producer = cast("FakeStore", opened.store), cast("FakeProducer", opened.producer)
    await lane.put(Q0, chunk(lane.records.number, 3))
    arrivals = lane.record_inbox.take()
    producer.fails = TimeoutError()
    with pytest.raises(TimeoutError):
        await lane._commit(arrivals)
    assert store.content == {} and store.position is None and not lane.outcomes
    producer.fails = None
    await lane._commit(arrivals)
    assert store.content[next_key(TOPIC, 0)] == encode_position(3)
    changelog = producer.sends[0]["panlock.state", 0]
    assert {out.key: out.value for out in changelog} == store.content
    assert store.position is not None and store.position.position == 40 + len(changelog)


async def test_one_transaction_takes_all_that_waits(consumer: FakeConsumer, pool: ThreadPoolExecutor) -> None:
    lane = opened_lane(consumer, pool, {Q0, Q2, D0})
    await lane._let_flow()
    await lane.put(Q0, chunk(lane.records.number, 3))
    await lane.put(Q2, chunk(lane.records.number, 3))
    await lane._commit(lane.record_inbox.take())
    (sends,) = cast("FakeProducer", lane._lane().producer).sends
    assert [len(sends["clean.payments", partition]) for partition in (0, 2)] == [3, 3]
    assert len(sends["panlock.audit", 0]) == 6


@pytest.mark.parametrize(
    ("bounds", "loss"),
    [
        pytest.param(Bounds(7, 20), Loss(TOPIC, 0, 0, 7), id="removed unread"),
        pytest.param(Bounds(0, 20), None, id="the records are still there: the consumer ran ahead"),
    ],
)
async def test_a_chunk_above_the_position_is_a_loss_only_where_the_log_lost_it(
    consumer: FakeConsumer, pool: ThreadPoolExecutor, bounds: Bounds, loss: Loss | None
) -> None:
    lane = opened_lane(consumer, pool, {Q0, D0})
    await lane._let_flow()
    consumer.found = {Q0: bounds}
    await lane.put(Q0, chunk(lane.records.number, 3, 7))
    arrivals = lane.record_inbox.take()
    if loss is None:
        with pytest.raises(LaneFailedError):
            await lane._losses(arrivals)
    else:
        assert await lane._losses(arrivals) == [loss]


async def test_chunks_that_follow_each_other_in_one_batch_are_no_loss(
    consumer: FakeConsumer, pool: ThreadPoolExecutor
) -> None:
    lane = opened_lane(consumer, pool, {Q0, D0})
    await lane._let_flow()
    for start in (0, 3, 6):
        await lane.put(Q0, chunk(lane.records.number, 3, start))
    await lane.put(Q0, Chunk(lane.records.number, 9, [], 12))  # aborted
    assert await lane._losses(lane.record_inbox.take()) == []


async def test_a_chunk_without_records_moves_the_position(consumer: FakeConsumer, pool: ThreadPoolExecutor) -> None:
    lane = opened_lane(consumer, pool, {Q0, D0})
    await lane._let_flow()
    await lane.put(Q0, Chunk(lane.records.number, 0, [], 12))
    await lane._commit(lane.record_inbox.take())
    assert lane.positions()[Q0] == 12


async def test_the_first_chunk_of_an_opening_may_come_while_it_is_still_under_way(
    consumer: FakeConsumer, pool: ThreadPoolExecutor
) -> None:
    lane = opened_lane(consumer, pool, {Q0, D0})

    async def on_open(number: int) -> None:
        await lane.put(Q0, chunk(number, 1))  # the consumer's thread is quick

    consumer.on_open = on_open  # type: ignore[method-assign]
    await lane._let_flow()
    assert lane.record_inbox.records == 1


async def test_a_fetch_that_was_lost_on_its_way_is_noticed_at_the_second_look(
    consumer: FakeConsumer, pool: ThreadPoolExecutor
) -> None:
    lane = opened_lane(consumer, pool, {Q0, D0})
    await lane._let_flow()
    assert [lane.overtaken(), lane.overtaken()] == [False, False]
    consumer.fetches[Q0] = 7
    assert not lane.overtaken(), "it may be on its way"
    await lane.put(Q0, chunk(lane.records.number, 7))
    assert not lane.overtaken(), "it waits"
    await lane._commit(lane.record_inbox.take())
    consumer.fetches[Q0] = 9
    assert [lane.overtaken(), lane.overtaken()] == [False, True]
