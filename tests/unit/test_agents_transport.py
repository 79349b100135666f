"""One fetch of one partition is one message; what moved without records, or cannot be read, is told, too."""

import asyncio
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from agents.transport import Chunk, ChunkConsumer, ChunkThread, ConsumerGoneError

A, B = TP("q", 0), TP("q", 1)
KA, KB = TopicPartition("q", 0), TopicPartition("q", 1)


class Fetched:
    """A ChunkThread whose consumer stands at `before`, and whose next fetch moves it to `after`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, before: Mapping[TopicPartition, int | None]) -> None:
        self.subscription = SimpleNamespace(assignment=None)
        self.assign(before)
        subscriptions = SimpleNamespace(subscription=self.subscription)
        self.kafka = SimpleNamespace(_subscription=subscriptions, assignment=lambda: self.subscription.assignment.tps)
        self.lock = asyncio.Lock()
        self.reassigned: Mapping[TopicPartition, int | None] | None = None
        self.asked: list[TopicPartition] | None = None
        self.records: dict[TopicPartition, list[Any]] = {}
        self.after: dict[TopicPartition, int] = {}
        self.error: Exception | None = None
        self.openings: dict[TP, int] = {}
        self.sought: dict[TP, int] = {}
        self.meanwhile: dict[TP, int] | None = None
        monkeypatch.setattr(driver.AIOKafkaConsumerThread, "_fetch_records", self._fetch)

    def assign(self, positions: Mapping[TopicPartition, int | None]) -> None:
        """aiokafka makes new states for each assignment; the former ones stay as they were."""
        self.states = {tp: SimpleNamespace(_position=position) for tp, position in positions.items()}
        self.subscription.assignment = SimpleNamespace(tps=set(positions), state_value=self.states.get)

    async def _fetch(self, consumer: Any, partitions: list[TopicPartition], **_: Any) -> dict[TopicPartition, Any]:
        self.asked = partitions
        for tp, position in self.after.items():
            self.states[tp]._position = position
        if self.meanwhile is not None:
            self.openings.clear()
            self.openings.update(self.meanwhile)
        if self.reassigned is not None:
            self.assign(self.reassigned)
        if self.error is not None:
            raise self.error
        return self.records

    async def chunks(self) -> dict[TopicPartition, Chunk]:
        thread = ChunkThread.__new__(ChunkThread)
        thread.__dict__["consumer"] = SimpleNamespace(openings=self.openings, sought=self.sought)
        thread._fetching = self.lock
        return await thread._fetch_records(self.kafka, None, timeout=0.1)


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> Fetched:
    made = Fetched(monkeypatch, {KA: 10, KB: 20})
    made.openings = {A: 3, B: 4}
    return made


async def test_a_chunk_says_where_its_fetch_began_and_ended(fetched: Fetched) -> None:
    fetched.records, fetched.after = {KA: ["r1", "r2"]}, {KA: 13}
    assert await fetched.chunks() == {KA: Chunk(3, 10, ["r1", "r2"], 13)}


async def test_a_position_that_moved_without_records_is_a_chunk(fetched: Fetched) -> None:
    """Aborted transactions and markers."""
    fetched.after = {KB: 25}
    assert await fetched.chunks() == {KB: Chunk(4, 20, [], 25)}


async def test_shut_partitions_are_not_fetched(fetched: Fetched) -> None:
    fetched.openings = {B: 4}
    await fetched.chunks()
    assert fetched.asked == [KB]


async def test_with_nothing_open_nothing_is_fetched(fetched: Fetched) -> None:
    """aiokafka takes an empty list as all partitions."""
    fetched.openings = {}
    assert await fetched.chunks() == {} and fetched.asked is None


async def test_a_partition_that_was_not_sought_yet_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    fetched = Fetched(monkeypatch, {KA: None, KB: 20})
    fetched.openings = {A: 3, B: 4}
    await fetched.chunks()
    assert fetched.asked == [KB]


async def test_what_cannot_be_read_ends_where_it_starts(fetched: Fetched) -> None:
    fetched.error = OffsetOutOfRangeError({KA: 10})
    assert await fetched.chunks() == {KA: Chunk(3, 10, [], 10)}


@pytest.mark.parametrize("error", [NoOffsetForPartitionError(KB), OffsetOutOfRangeError({KB: 20})])
async def test_an_error_of_one_partition_does_not_lose_the_move_of_another(fetched: Fetched, error: KafkaError) -> None:
    fetched.error, fetched.after = error, {KA: 13}
    assert (await fetched.chunks())[KA] == Chunk(3, 10, [], 13)


async def test_what_was_shut_during_the_fetch_is_dropped(fetched: Fetched) -> None:
    fetched.records, fetched.after = {KA: ["r"], KB: ["s"]}, {KA: 11, KB: 21}
    fetched.meanwhile = {B: 4}
    assert await fetched.chunks() == {KB: Chunk(4, 20, ["s"], 21)}


async def test_what_was_opened_anew_during_the_fetch_begins_where_that_opening_did(fetched: Fetched) -> None:
    """Never at the former position: the lane would take the distance for a loss."""
    fetched.records, fetched.after = {KA: ["r"]}, {KA: 42}
    fetched.meanwhile, fetched.sought = {A: 5, B: 4}, {A: 40}
    assert await fetched.chunks() == {KA: Chunk(5, 40, ["r"], 42)}


async def test_an_opening_during_the_fetch_that_brought_nothing_is_no_chunk(fetched: Fetched) -> None:
    fetched.after, fetched.meanwhile, fetched.sought = {KA: 40}, {A: 5, B: 4}, {A: 40}
    assert await fetched.chunks() == {}


async def test_positions_of_a_former_assignment_move_nothing(fetched: Fetched) -> None:
    """They are ahead of what was committed: 40 to 42 were fetched before the rebalance, and dropped."""
    fetched.after, fetched.reassigned = {KA: 43}, {KA: 40, KB: 20}
    fetched.meanwhile, fetched.sought = {A: 5, B: 4}, {A: 40}
    assert await fetched.chunks() == {}


async def test_a_partition_that_left_during_the_fetch_is_dropped(fetched: Fetched) -> None:
    fetched.records, fetched.after, fetched.reassigned = {KA: ["r"]}, {KA: 11}, {KB: 20}
    assert await fetched.chunks() == {}


async def test_fetches_do_not_overlap(fetched: Fetched, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that nobody waits for any more would drain what another has begun to count."""
    running = most = 0

    async def slow(*_: Any, **__: Any) -> dict[TopicPartition, Any]:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return {}

    monkeypatch.setattr(driver.AIOKafkaConsumerThread, "_fetch_records", slow)
    await asyncio.gather(fetched.chunks(), fetched.chunks())
    assert most == 1


def bare_consumer() -> ChunkConsumer:
    consumer = ChunkConsumer.__new__(ChunkConsumer)
    consumer.openings, consumer.sought, consumer._number = {}, {}, 0
    return consumer


def test_faust_is_never_told_that_nothing_is_active() -> None:
    """It would sleep for a second."""
    consumer = bare_consumer()
    assert consumer._get_active_partitions()
    consumer.openings = {A: 1}
    assert consumer._get_active_partitions() == {A}


async def test_shutting_takes_effect_before_the_consumer_thread_answers() -> None:
    consumer = bare_consumer()
    consumer.openings = {A: 1, B: 1}
    asked = asyncio.Event()

    async def in_thread(*_: Any) -> None:
        asked.set()
        assert consumer.openings == {B: 1}

    consumer.in_thread = in_thread  # type: ignore[method-assign]
    consumer.__dict__["_thread"] = SimpleNamespace(_consumer=None)
    await consumer.shut([A])
    assert asked.is_set()


async def test_openings_seek_first_and_are_numbered() -> None:
    consumer = bare_consumer()
    calls: list[tuple[str, Any]] = []
    kafka = SimpleNamespace(
        seek=lambda tp, position: calls.append(("seek", (tp, position))),
        resume=lambda *tps: calls.append(("resume", (tps, dict(consumer.openings)))),
    )
    consumer.__dict__["_thread"] = SimpleNamespace(_consumer=kafka)
    consumer._read_offset = {}

    async def in_thread(call: Any, *_: Any) -> None:
        call()

    consumer.in_thread = in_thread  # type: ignore[method-assign]
    assert (consumer.new_opening(), consumer.new_opening()) == (1, 2)
    await consumer.open_at(1, {A: 7})
    await consumer.open_at(2, {B: 9})
    assert calls[:2] == [("seek", (KA, 7)), ("resume", ((KA,), {}))]
    assert consumer.openings == {A: 1, B: 2} and consumer.sought == {A: 7, B: 9}


async def test_nobody_waits_for_a_consumer_thread_that_has_ended() -> None:
    consumer = bare_consumer()
    consumer.__dict__["_thread"] = SimpleNamespace(_consumer=None, should_stop=True)
    with pytest.raises(ConsumerGoneError):
        await consumer.in_thread(lambda: None)
