"""A lane's producer: every delivery before the commit, every batch within its topic's limit."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import ClassVar

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import ProducerFenced
from aiokafka.producer.message_accumulator import MessageAccumulator
from aiokafka.producer.sender import Sender
from aiokafka.producer.transaction_manager import TransactionManager
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import RecordMetadata
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agents import faults
from agents.producer import BATCH, LaneProducer, _Batch
from pipeline.effects import Out
from pipeline.turn import batch_bytes

PRODUCER = 7, 1, 2  # id, epoch, sequence of the first record


class RefusedError(Exception):
    """A broker that does not take a batch."""


def built(batch: _Batch) -> bytes:
    """As aiokafka's sender does."""
    batch._set_producer_state(*PRODUCER)
    return bytes(batch._build())


class FakeKafka:
    """aiokafka's producer, as far as a transaction needs it: tells what was called, and fails what it is told to."""

    def __init__(self, refused: Sequence[int] = (), silent: bool = False) -> None:
        self.calls: list[str] = []
        self.batches: list[tuple[str, int, bytes]] = []
        self.refused, self.silent = refused, silent
        self.answers: list[asyncio.Future[RecordMetadata]] = []

    async def begin_transaction(self) -> None:
        self.calls.append("begin")

    async def send_batch(self, batch: _Batch, topic: str, *, partition: int) -> "asyncio.Future[RecordMetadata]":
        number = len(self.batches)
        self.calls.append("send")
        self.batches.append((topic, partition, built(batch)))
        answer: asyncio.Future[RecordMetadata] = asyncio.get_running_loop().create_future()
        self.answers.append(answer)
        if number in self.refused:
            answer.set_exception(RefusedError())
        elif not self.silent:
            answer.set_result(RecordMetadata(topic, partition, TopicPartition(topic, partition), 100 * number, 7, 2, 0))
        return answer

    async def commit_transaction(self) -> None:
        self.calls.append("commit")


def lane_producer(kafka: FakeKafka, limit: int = 1 << 20) -> LaneProducer:
    producer = LaneProducer.__new__(LaneProducer)
    producer._limits = dict.fromkeys(("clean", "audit"), limit)
    producer._kafka = kafka  # type: ignore[assignment]
    return producer


def outs(*values: bytes) -> list[Out]:
    return [Out(b"k", value, 1) for value in values]


def decoded(raw: bytes) -> list[Out]:
    batches, found = MemoryRecords(raw), []
    while batches.has_next():
        batch = batches.next_batch()
        assert batch.validate_crc()
        found += [Out(each.key, each.value, each.timestamp, tuple(each.headers)) for each in batch]
    return found


async def test_commit_comes_after_everything_that_was_sent() -> None:
    kafka = FakeKafka()
    placed = await lane_producer(kafka).transact({("clean", 3): outs(b"a"), ("audit", 0): outs(b"b", b"c")})
    assert kafka.calls == ["begin", "send", "send", "commit"]
    assert {to: metadata.offset for to, metadata in placed.items()} == {("clean", 3): 0, ("audit", 0): 100}


@pytest.mark.parametrize("refused", [0, 1])
async def test_one_delivery_that_fails_prevents_the_commit(refused: int) -> None:
    """aiokafka would commit the rest of the transaction."""
    kafka = FakeKafka([refused])
    with pytest.raises(RefusedError):
        await lane_producer(kafka).transact({("clean", 3): outs(b"a"), ("audit", 0): outs(b"b")})
    assert "commit" not in kafka.calls


async def test_a_later_batch_of_a_partition_that_fails_prevents_the_commit() -> None:
    kafka = FakeKafka([1])
    with pytest.raises(RefusedError):
        await lane_producer(kafka, 300).transact({("clean", 3): outs(b"a" * 200, b"b" * 200)})
    assert kafka.calls == ["begin", "send", "send"]


async def test_a_delivery_without_an_answer_delays_the_commit() -> None:
    kafka = FakeKafka(silent=True)
    transaction = asyncio.ensure_future(lane_producer(kafka).transact({("clean", 3): outs(b"a")}))
    await asyncio.sleep(0.01)
    assert "commit" not in kafka.calls and not transaction.done()
    kafka.answers[0].set_result(RecordMetadata("clean", 3, TopicPartition("clean", 3), 5, 7, 2, 0))
    await transaction
    assert kafka.calls[-1] == "commit"


@pytest.mark.parametrize("point", ["delivery", "before-commit"])
async def test_a_fault_before_the_commit_prevents_it(point: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "PLAN", {point: ("fail", 1)})
    monkeypatch.setattr(faults, "_passages", faults.Counter())
    kafka = FakeKafka()
    with pytest.raises(faults.InjectedError):
        await lane_producer(kafka).transact({("clean", 3): outs(b"a")})
    assert "commit" not in kafka.calls


def test_a_fault_comes_at_the_passage_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "PLAN", faults._parse("delivery=fail@3,panic=x"))
    monkeypatch.setattr(faults, "_passages", faults.Counter())
    assert faults.PLAN == {"delivery": ("fail", 3), "panic": ("x", 1)}
    for _ in range(2):
        faults.reach("delivery")
        faults.reach("after-commit")
    with pytest.raises(faults.InjectedError):
        faults.reach("delivery")
    faults.reach("delivery")


async def test_each_topic_has_its_own_limit() -> None:
    kafka = FakeKafka()
    producer = lane_producer(kafka)
    producer._limits = {"clean": 300, "audit": 1 << 20}
    values = [bytes([65 + n]) * 200 for n in range(4)]
    await producer.transact({("clean", 0): outs(*values), ("audit", 0): outs(*values)})
    sizes: dict[str, list[int]] = {}
    for topic, _, raw in kafka.batches:
        sizes.setdefault(topic, []).append(len(raw))
    assert len(sizes["clean"]) == 4 and max(sizes["clean"]) <= 300
    assert len(sizes["audit"]) == 1


def test_a_batch_takes_its_first_record_whatever_its_size() -> None:
    batch = _Batch(outs(b"x" * 500, b"y"), 0, 100)
    assert batch.record_count() == 1 and batch.closed()


def test_a_batch_without_a_producer_is_not_sent_empty() -> None:
    batch = _Batch(outs(b"x"), 0, BATCH)
    with pytest.raises(RuntimeError):
        batch._build()


VALUES = st.one_of(st.none(), st.binary(max_size=300))
HEADERS = st.lists(st.tuples(st.text(max_size=20), st.one_of(st.none(), st.binary(max_size=50))), max_size=3).map(tuple)
OUTS = st.lists(
    st.builds(Out, st.one_of(st.none(), st.binary(max_size=50)), VALUES, st.integers(0, 2**41), HEADERS), max_size=40
)


@settings(deadline=None)
@given(OUTS, st.integers(120, 2_000))
def test_what_is_sent_is_what_was_given_in_order_and_within_the_limit(given_outs: list[Out], limit: int) -> None:
    kafka = FakeKafka()
    asyncio.run(lane_producer(kafka, limit).transact({("clean", 0): given_outs}))
    sent = [decoded(raw) for _, _, raw in kafka.batches]
    assert [out for batch in sent for out in batch] == given_outs
    assert all(len(raw) <= limit for (_, _, raw), batch in zip(kafka.batches, sent, strict=True) if len(batch) > 1)


@settings(deadline=None)
@given(st.lists(OUTS.filter(len).map(lambda each: each[0]), min_size=1, max_size=3))
@example([Out(b"k" * 70_000, b"v" * 3_000_000, 2**41, (("h" * 300, b"x" * 70_000),) * 200)])
def test_the_size_that_enforcement_checks_is_an_upper_bound(given_outs: list[Out]) -> None:
    """What `batch_bytes` lets pass fits, or a record would fail the lane's transactions for good."""
    for out in given_outs:
        assert len(built(_Batch([out], 0, BATCH))) <= batch_bytes(out.key, out.value, out.headers)


@settings(deadline=None)
@given(OUTS.filter(len))
def test_a_batch_is_byte_for_byte_what_aiokafka_writes(given_outs: list[Out]) -> None:
    builder = DefaultRecordBatchBuilder(
        2, 0, is_transactional=1, producer_id=-1, producer_epoch=-1, base_sequence=-1, batch_size=1 << 30
    )
    for number, (key, value, timestamp, headers) in enumerate(given_outs):
        builder.append(number, timestamp, key=key, value=value, headers=list(headers))
    builder.set_producer_state(*PRODUCER)
    batch = _Batch(given_outs, 0, 1 << 30)
    assert batch.size() == builder.size()
    assert built(batch) == bytes(builder.build())


class FakeClient:
    """aiokafka's client, as far as it is closed."""

    _conns: ClassVar[dict[str, object]] = {}
    closed = False

    async def close(self) -> None:
        self.closed = True


async def test_a_producer_that_is_fenced_while_it_is_thrown_away_ends_quietly() -> None:
    """A worker that was stopped and continued learns of its fencing from a request in flight, at any moment."""
    transactions = TransactionManager("lane", 1_000)
    transactions.set_pid_and_epoch(1, 0)
    transactions.begin_transaction()
    sender = Sender(
        FakeClient(),
        acks=-1,
        txn_manager=transactions,
        message_accumulator=MessageAccumulator(None, 1 << 10, 0, 1_000, txn_manager=transactions),
        retry_backoff_ms=5,
        request_timeout_ms=1_000,
    )
    request, asked = asyncio.get_running_loop().create_future(), asyncio.Event()
    sender._maybe_do_transactional_request = lambda: (asked.set(), request)[1]
    await sender.start()
    await asked.wait()
    producer = LaneProducer.__new__(LaneProducer)
    producer._kafka = SimpleNamespace(_sender=sender, client=sender.client)  # type: ignore[assignment]

    discarding = asyncio.ensure_future(producer.discard())
    asyncio.get_running_loop().call_soon(request.set_exception, ProducerFenced())  # after the sender's cancellation
    await discarding
    assert sender.client.closed
    assert isinstance(transactions._transaction_waiter.exception(), ProducerFenced)
