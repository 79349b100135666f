"""What the engine takes as it comes: aborted transactions, any compression, any header name, any size, poison.

One worker for all; the kernel panics on a value that holds the word of `PANIC`.
"""

import asyncio
import json
from collections.abc import Iterator

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.record.util import calc_crc32c
from aiokafka.structs import ConsumerRecord
from confluent_kafka import Producer

from deploy.admin import librdkafka
from deploy.dev.cluster import DevCluster
from tests.audited import check_chain, fates, released, wait_fates
from tests.deployment import Deployment, WorkerProcess, until
from tests.integration.engine_policy import CHECKOUT, CLEAN, POLICY, lane, plain

PANIC = "provoke"
LIMIT = 1_048_588  # bytes: max.message.bytes of a flow's quarantine topics
PAN = b"4111111111111111"


@pytest.fixture(scope="module")
def panlock(cluster: DevCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with Deployment(cluster, tmp_path_factory.mktemp("points"), POLICY) as deployment:
        deployment.worker(faults=f"panic={PANIC}").wait_ready(2)
        yield deployment
        assert [worker.process.poll() for worker in deployment.workers] == [None], "it served every test"
        check_chain(deployment)


def _ids(partition: int, offsets: list[int]) -> dict[str, list[str]]:
    return released(CHECKOUT, partition, offsets)


def test_aborted_and_control_batches_move_the_position_and_nothing_else(panlock: Deployment) -> None:
    (first,) = panlock.produce(CHECKOUT, plain(0, 1))
    asyncio.run(_transaction(panlock, commit=False))
    asyncio.run(_transaction(panlock, commit=True))
    asyncio.run(_transaction(panlock, commit=False))
    wait_fates(panlock, _ids(0, [first, first + 5, first + 6, first + 7]))  # 3 aborted, marker, 3 committed, marker
    end = first + 13
    until("the position behind the last marker", lambda: _position(panlock.workers[0], 0) == end)
    (last,) = panlock.produce(CHECKOUT, plain(0, 1))
    assert last == end
    wait_fates(panlock, _ids(0, [last]))
    aborted = {f"{CHECKOUT}/0/{first + offset}" for offset in (1, 2, 3, 9, 10, 11)}
    assert not aborted & set(fates(panlock))


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_a_producers_compression_is_its_own_affair(panlock: Deployment, codec: str) -> None:
    value = b'{"card":{"number":"%b"},"text":"%b"}' % (PAN, b"again and " * 200)
    offsets = _librdkafka(panlock, [(b"k", value, [("trace", b"1")])] * 20, compression=codec)
    wait_fates(panlock, _ids(1, offsets))
    (record,) = [each for each in panlock.read(CLEAN) if _id(each) == f"{CHECKOUT}/1/{offsets[0]}"]
    body = json.loads(record.value or b"")
    assert (body["text"], body["card"]["number"][:7]) == ("again and " * 200, "tok_k1_")


def test_a_header_name_that_is_not_utf8_rejects_its_record_alone(panlock: Deployment) -> None:
    """aiokafka raises in the middle of such a fetch; its neighbours in the same batch are read all the same."""
    offsets = asyncio.run(_raw_header_names(panlock, [b"trace", b"\xff\xfe", b"trace"]))
    wait_fates(
        panlock,
        {
            **_ids(0, [offsets[0], offsets[2]]),
            f"{CHECKOUT}/0/{offsets[1]}": ["rejected invalid-utf8"],
        },
    )


def test_a_record_that_makes_the_kernel_panic_is_rejected_alone(panlock: Deployment) -> None:
    values = [b'{"n":1}', b'{"n":"%b"}' % PANIC.encode(), b'{"n":2}', b'{"n":3}']
    offsets = panlock.produce(CHECKOUT, [(1, b"k", value) for value in values])
    wait_fates(
        panlock,
        {
            **_ids(1, [offsets[0], *offsets[2:]]),
            f"{CHECKOUT}/1/{offsets[1]}": ["rejected internal-error"],
        },
    )
    told = [json.loads(record.value or b"") for record in panlock.read("panlock.rejections.checkout")]
    assert [each["reason"] for each in told if each["record"].endswith(f"/1/{offsets[1]}")] == ["internal-error"]
    log = panlock.workers[0].log.read_text()
    assert "panicked" not in log
    assert PANIC not in log


def test_the_largest_record_that_quarantine_takes_is_held(panlock: Deployment) -> None:
    """In panlock.pending and panlock.state it is base64 inside JSON."""
    (offset,) = panlock.produce(CHECKOUT, [(0, b"large", _text(LIMIT - 200, b'"hold":"long",'))])
    wait_fates(panlock, {f"{CHECKOUT}/0/{offset}": ["held"]})


def test_a_record_that_masking_makes_larger_than_its_clean_topic_is_rejected(panlock: Deployment) -> None:
    """25,000 card numbers become 25,000 longer tokens; what comes after finds the lane at work."""
    many = b'{"card":[%b]}' % b",".join([b'{"number":"%b"}' % PAN] * 25_000)
    large = b'{"card":{"number":"%b"},"text":"%b"}' % (PAN, b"x" * (LIMIT - 300))
    offsets = panlock.produce(CHECKOUT, [(1, b"k", many), (1, b"k", large), (1, b"k", b"{}")])
    wait_fates(panlock, {f"{CHECKOUT}/1/{offsets[0]}": ["rejected too-large"], **_ids(1, offsets[1:])})


def test_more_evidence_than_an_event_may_hold_is_counted(panlock: Deployment) -> None:
    many = b'{"cards":[%b]}' % b",".join([b'"%b"' % PAN] * 5_000)
    (offset,) = panlock.produce(CHECKOUT, [(0, b"k", many)])
    wait_fates(panlock, _ids(0, [offset]))
    (event,) = [e for e in panlock.events("record.released") if e["resource"]["record"] == f"{CHECKOUT}/0/{offset}"]
    assert (len(event["masking"]), event["masking_more"]) == (100, {"pan": 4_900})


async def _transaction(panlock: Deployment, commit: bool) -> None:
    """Three records in a producer's own transaction."""
    producer = AIOKafkaProducer(transactional_id="producers-own", **panlock.client("admin"))
    await producer.start()
    await producer.begin_transaction()
    for _ in range(3):
        await producer.send_and_wait(CHECKOUT, b"{}", partition=0)
    await (producer.commit_transaction() if commit else producer.abort_transaction())
    await producer.stop()


def _librdkafka(
    panlock: Deployment, records: list[tuple[bytes, bytes, list[tuple[str, bytes]]]], compression: str
) -> list[int]:
    """In as few batches as librdkafka makes, to partition 1; returns the offsets."""
    client = librdkafka(panlock.cluster.config("checkout"))
    producer = Producer({**client, "compression.type": compression, "linger.ms": 100})
    offsets: list[int] = []
    for key, value, headers in records:
        producer.produce(CHECKOUT, value, key, 1, headers=headers,
                         on_delivery=lambda error, message: offsets.append(message.offset()))  # fmt: skip
    assert producer.flush(30) == 0
    return offsets


async def _raw_header_names(panlock: Deployment, names: list[bytes]) -> list[int]:
    """One batch with these header names, which no client library writes: its bytes are altered."""

    producer = AIOKafkaProducer(**panlock.client("checkout"))
    await producer.start()
    try:
        batch = producer.create_batch()
        build = batch._build

        def altered() -> bytearray:
            raw = bytearray(build())
            for name in names:
                raw = raw.replace(b"x" * len(name), name, 1)
            raw[17:21] = calc_crc32c(bytes(raw[21:])).to_bytes(4, "big")
            batch._buffer = raw
            return raw

        batch._build = altered
        for name in names:
            batch.append(key=b"k", value=b"{}", timestamp=None, headers=[("x" * len(name), b"1")])
        batch.close()
        sent = await (await producer.send_batch(batch, CHECKOUT, partition=0))
        return [sent.offset + index for index in range(len(names))]
    finally:
        await producer.stop()


def _text(size: int, before: bytes = b"") -> bytes:
    """JSON of so many bytes."""
    head, tail = b'{%b"text":"' % before, b'"}'
    return head + b"x" * (size - len(head) - len(tail)) + tail


def _position(worker: WorkerProcess, partition: int) -> int | None:
    inputs = lane(worker, partition)["inputs"]
    return next(each["position"] for each in inputs if each["topic"] == CHECKOUT)


def _id(record: ConsumerRecord) -> str:
    return dict(record.headers)["panlock-record-id"].decode()
