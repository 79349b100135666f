"""A batch that decompresses into more than a worker can hold: told to its producer, and nobody else's matter."""

import asyncio
import json
from pathlib import Path

import cramjam
from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.util import calc_crc32c

from agents.decompression import ATTRIBUTES, HEADER, LIMIT
from deploy.dev.cluster import DevCluster
from tests.audited import check_chain, released, wait_fates
from tests.deployment import Deployment

CHECKOUT, CLEAN, REJECTIONS = "quarantine.payments.checkout", "clean.payments", "panlock.rejections.checkout"
POLICY = """
version: 1
lanes: 1
principals:
  checkout: {spiffe: spiffe://pay.example/checkout}
flows:
  payments:
    producers: [checkout]
    consumers: [ledger]
    partitions: 1
"""
RECORDS, SIZE = 48, 16 << 20  # 768 MiB
BEFORE, AFTER = b'{"place":"before"}', b'{"place":"after"}'


async def _produce(panlock: Deployment, batch: BatchBuilder) -> None:
    producer = AIOKafkaProducer(**panlock.client("checkout"))
    await producer.start()
    try:
        await producer.send_and_wait(CHECKOUT, BEFORE, partition=0)
        await (await producer.send_batch(batch, CHECKOUT, partition=0))
        await producer.send_and_wait(CHECKOUT, AFTER, partition=0)
    finally:
        await producer.stop()


def _bomb() -> BatchBuilder:
    """RECORDS records of SIZE bytes each, as one zstd frame, which is made record by record."""
    batch = BatchBuilder(2 * SIZE, 0)
    batch.append(timestamp=1, key=None, value=b'{"text":"%s"}' % (b"a" * SIZE))
    batch.close()
    raw = bytearray(batch._build())
    record, stream = raw[HEADER:], cramjam.zstd.Compressor(3)
    for number in range(RECORDS):
        record[6] = 2 * number  # offset delta (zig-zag), after the length (4 bytes), attributes and timestamp delta
        stream.compress(bytes(record))
    raw[HEADER:] = bytes(stream.finish())
    raw[8:12] = (len(raw) - 12).to_bytes(4, "big")
    raw[ATTRIBUTES] |= 4
    raw[23:27], raw[57:61] = (RECORDS - 1).to_bytes(4, "big"), RECORDS.to_bytes(4, "big")
    raw[17:21] = calc_crc32c(bytes(raw[21:])).to_bytes(4, "big")
    batch._buffer = raw
    return batch


def test_a_bomb_is_rejected_and_told_and_its_neighbours_are_released(cluster: DevCluster, tmp_path: Path) -> None:
    with Deployment(cluster, tmp_path, POLICY) as panlock:
        worker = panlock.worker().wait_ready(1)
        asyncio.run(_produce(panlock, _bomb()))
        refused = {f"{CHECKOUT}/0/{offset}": ["rejected too-large"] for offset in range(1, RECORDS + 1)}
        wait_fates(panlock, {**refused, **released(CHECKOUT, 0, (0, RECORDS + 1))})
        assert [record.value for record in panlock.read(CLEAN, "ledger")] == [BEFORE, AFTER]
        told = [json.loads(record.value) for record in panlock.read(REJECTIONS, "checkout")]
        assert [(each["record"], each["reason"]) for each in told] == [(record, "too-large") for record in refused]
        check_chain(panlock)
        assert _peak(worker.process.pid) < 5 * LIMIT
        assert worker.stop() == 0


def _peak(pid: int) -> int:
    """Bytes of memory that the process has had at most."""
    (line,) = [each for each in Path(f"/proc/{pid}/status").read_text().splitlines() if each.startswith("VmHWM")]
    return int(line.split()[1]) * 1024
