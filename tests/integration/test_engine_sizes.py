"""Records at, around and above every size limit: each has one outcome, and the lane goes on."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from deploy.dev.cluster import DevCluster
from pipeline.turn import BATCH_OVERHEAD
from tests.approving import Person, pending
from tests.audited import clean_ids, fates, released, wait_fates
from tests.deployment import Deployment, until

ANA = Person("ana")
CHECKOUT, CLEAN = "quarantine.payments.checkout", "clean.payments"
LARGEST = 200_000  # bytes of the flow's largest batch
POLICY = f"""
version: 1
lanes: 1
principals:
  checkout: {{spiffe: spiffe://pay.example/checkout}}
people:
  ana@pay.example: {{certificate: ana, roles: [approvers], keys: [{ANA.jwk}]}}
flows:
  payments:
    producers: [checkout]
    partitions: 1
    ordering: none
    max_message_bytes: {LARGEST}
    fields:
      - {{path: $.card.number, class: pan, strategy: token}}
    hold:
      - {{id: long, when: 'has(record.hold)', reason: a test, approvers: [approvers], expires: 1h}}
"""
PLAIN = b'{"n":1}'


@pytest.fixture
def panlock(cluster: DevCluster, tmp_path: Path) -> Iterator[Deployment]:
    with Deployment(cluster, tmp_path, POLICY) as deployment:
        yield deployment


def produce(
    panlock: Deployment, name: str, send: Callable[[AIOKafkaProducer], Awaitable[None]], **settings: Any
) -> None:
    """Run `send` with a producer of that certificate."""

    async def go() -> None:
        producer = AIOKafkaProducer(**panlock.client(name), max_request_size=16 << 20, **settings)
        await producer.start()
        try:
            await send(producer)
        finally:
            await producer.stop()

    asyncio.run(go())


def set_limit(panlock: Deployment, topic: str, size: int) -> None:
    entry = ConfigEntry("max.message.bytes", str(size), incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    panlock.admin.incremental_alter_configs([resource])[resource].result(30)


@pytest.mark.parametrize("hold", [False, True], ids=["clean", "held"])
def test_a_record_that_was_small_only_while_compressed_is_rejected_alone(panlock: Deployment, hold: bool) -> None:
    """The broker's limit counts compressed bytes: 6 MB of spaces are a few KB."""
    worker = panlock.worker().wait_ready(1)
    bomb = b'{%s"text":"%s"}' % (b'"hold":1,' if hold else b"", b" " * 6_000_000)

    async def send(producer: AIOKafkaProducer) -> None:
        for value in (PLAIN, bomb, PLAIN):
            await producer.send_and_wait(CHECKOUT, value, partition=0)

    produce(panlock, "checkout", send, compression_type="gzip")
    wait_fates(panlock, {f"{CHECKOUT}/0/1": ["rejected too-large"], **released(CHECKOUT, 0, (0, 2))})
    assert "opens again" not in worker.log.read_text()


def _document(size: int, start: bytes = b'{"text":"') -> bytes:
    """A JSON object of exactly so many bytes."""
    return start + b"x" * (size - len(start) - 2) + b'"}'


def test_a_record_as_large_as_its_topic_takes_is_released(panlock: Deployment) -> None:
    panlock.worker().wait_ready(1)
    batch = BatchBuilder(1 << 20, 0, is_transactional=0)
    batch.append(timestamp=1, key=b"k", value=_document(LARGEST - 100))
    size = LARGEST - 100 + LARGEST - len(batch._build())

    async def send(producer: AIOKafkaProducer) -> None:
        exact = producer.create_batch()
        exact.append(timestamp=1, key=b"k", value=_document(size))
        assert len(exact._build()) == LARGEST
        await (await producer.send_batch(exact, CHECKOUT, partition=0))

    produce(panlock, "checkout", send, max_batch_size=1 << 20)
    wait_fates(panlock, released(CHECKOUT, 0, (0,)))
    assert len(panlock.read(CLEAN)[0].value or b"") == size


def test_around_the_limit_of_a_clean_topic_every_size_has_an_outcome(panlock: Deployment) -> None:
    limit = 5_000
    set_limit(panlock, CLEAN, limit)
    worker = panlock.worker().wait_ready(1)
    sizes = range(limit - BATCH_OVERHEAD - 400, limit + 20, 5)
    panlock.produce(CHECKOUT, [(0, b"k", _document(size)) for size in sizes])
    found = _all_fates(panlock, len(sizes))
    assert set(found) == {"released", "rejected too-large"}
    first = found.index("rejected too-large")
    assert set(found[first:]) == {"rejected too-large"}
    assert sizes[first] > limit - 400, "rejected although there was room"
    assert "opens again" not in worker.log.read_text()


def test_around_the_limit_of_pending_every_size_has_an_outcome_and_can_be_released(panlock: Deployment) -> None:
    limit = 30_000
    set_limit(panlock, "panlock.pending", limit)
    worker = panlock.worker().wait_ready(1)
    # base64 takes four bytes for three; the rest is room for a vote and a break-glass signature, and the JSON around
    sizes = range((limit - 12_000) * 3 // 4, limit * 3 // 4, 100)
    panlock.produce(CHECKOUT, [(0, b"k", _document(size, b'{"hold":1,"text":"')) for size in sizes])
    found = _all_fates(panlock, len(sizes))
    assert set(found) == {"held", "rejected too-large"}
    held = found.index("rejected too-large")
    assert set(found[held:]) == {"rejected too-large"}
    until("the previews", lambda: len(pending(panlock)) == held)
    ANA.decide(panlock, lambda each: True)
    until("their release", lambda: len(clean_ids(panlock, CLEAN)) == held)
    assert "opens again" not in worker.log.read_text()


def _all_fates(panlock: Deployment, count: int) -> list[str]:
    """The first outcome of each offset."""

    def complete() -> dict[str, list[str]] | None:
        found = fates(panlock)
        return found if len(found) >= count else None

    found = until(f"{count} outcomes", complete)
    return [found[f"{CHECKOUT}/0/{offset}"][0] for offset in range(count)]
