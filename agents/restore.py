"""Bringing a lane's store up to its changelog, and its chain head against the audit topic."""

import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.fetcher import READ_UNCOMMITTED
from aiokafka.structs import ConsumerRecord

from agents.closing import hang_up
from agents.settings import Kafka
from pipeline.errors import PanlockError
from pipeline.policy.topics import AUDIT, STATE
from pipeline.state import CHAIN, decode_chain
from tables.store import Applied, LaneStore, StoreCorruptError, set_aside

STALE_MS = 7 * 24 * 3600 * 1000 // 2  # half of panlock.state's delete.retention.ms: tombstones may be gone after it
POLL_MS = 500


class ChainHeadError(PanlockError):
    """The lane's state and its audit partition do not belong together: the lane must not write."""

    def __init__(self, lane: int, event: str | None, seq: int) -> None:
        self.apart = f"panlock.audit ends with event {event}, the lane's state with {lane}/{seq - 1}"
        super().__init__(
            f"lane {lane}: {self.apart}: one of the two topics was changed or recreated. Keep both, run "
            "`panlock audit verify`, and restore the topic that lost records before this lane can go on."
        )


@asynccontextmanager
async def reader(kafka: Kafka) -> AsyncIterator[AIOKafkaConsumer]:
    """A read_committed consumer outside any group."""
    consumer = AIOKafkaConsumer(
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=4 << 20,
        fetch_max_wait_ms=50,
        **kafka.client(),
    )
    await consumer.start()
    try:
        yield consumer
    finally:
        await _stop(consumer)


async def _stop(consumer: AIOKafkaConsumer) -> None:
    """aiokafka's fetcher swallows a cancellation while its assignment changes: cancel until it hears."""
    await hang_up(consumer._client, consumer.stop(), lambda: consumer._fetcher._fetch_task.cancel())


async def records_to_end(
    consumer: AIOKafkaConsumer, tp: TopicPartition, start: int, high: int
) -> AsyncIterator[list[ConsumerRecord]]:
    """Batches from `start` until the position reaches `high`: control records move it, too."""
    if start >= high:
        return
    consumer.assign([tp])
    consumer.seek(tp, start)
    while await consumer.position(tp) < high:
        for records in (await consumer.getmany(tp, timeout_ms=POLL_MS)).values():
            yield records


def store_path(directory: Path, lane: int) -> Path:
    return directory / f"lane-{lane}"


def set_store_aside(directory: Path, lane: int, error: StoreCorruptError) -> str:
    """Keep a corrupt store out of the way of its successor. Returns what the audit is to say."""
    kept = set_aside(store_path(directory, lane), int(time.time()))
    return f"RocksDB calls the store corrupt: kept as {kept.name}, rebuilt from panlock.state"


@dataclass(slots=True)
class Restoring:
    """How far a store is, in offsets of its changelog."""

    position: int = 0
    end: int = 0


async def restore(
    store: LaneStore, consumer: AIOKafkaConsumer, lane: int, changelog: str, now: int, progress: Restoring
) -> None:
    """Apply the changelog from the store's position to its end; from 0 if the store is new, stale, of another
    changelog, or ahead of this one. `changelog`: cluster id and UUID of panlock.state; `now` in ms."""
    tp = TopicPartition(STATE, lane)
    start = (await consumer.beginning_offsets([tp]))[tp]
    high = await high_watermark(consumer, tp)
    position, time_ = store.applied()
    if store.changelog() != changelog or now - time_ > STALE_MS or not start <= position <= high:
        store.restart(changelog)
        position = 0
    progress.position, progress.end = max(position, start), high
    async for records in records_to_end(consumer, tp, max(position, start), high):
        # as of now, not of the record: a rebuild that is interrupted goes on, and is not taken for a stale store
        progress.position = records[-1].offset + 1
        store.apply({record.key: record.value for record in records}, Applied(progress.position, now))
    progress.position = high
    store.apply({}, Applied(high, now))


async def high_watermarks(
    consumer: AIOKafkaConsumer, partitions: Collection[TopicPartition]
) -> dict[TopicPartition, int]:
    """The true ends of the logs: a transaction left open must delay an opening, not hide what lies behind it."""
    fetcher = consumer._fetcher
    level, fetcher._isolation_level = fetcher._isolation_level, READ_UNCOMMITTED
    try:
        ends: dict[TopicPartition, int] = await consumer.end_offsets(list(partitions))
        return ends
    finally:
        fetcher._isolation_level = level


async def high_watermark(consumer: AIOKafkaConsumer, tp: TopicPartition) -> int:
    return (await high_watermarks(consumer, [tp]))[tp]


async def check_chain_head(store: LaneStore, consumer: AIOKafkaConsumer, lane: int) -> None:
    """Raises ChainHeadError unless the last event of the lane's audit partition is the chain's head."""
    seq, prev = decode_chain(store.get(CHAIN))
    last = await _last_record(consumer, TopicPartition(AUDIT, lane))
    if last is None and seq == 0:
        return
    found = None if last is None or last.key is None else last.key.decode(errors="replace")
    if last is None or found != f"{lane}/{seq - 1}" or sha256(last.value or b"").hexdigest() != prev:
        raise ChainHeadError(lane, found, seq)


async def _last_record(consumer: AIOKafkaConsumer, tp: TopicPartition) -> ConsumerRecord | None:
    """The last committed record; behind it lie control records and, perhaps, aborted ones."""
    start, end = (await consumer.beginning_offsets([tp]))[tp], await high_watermark(consumer, tp)
    window = 16
    while start < end:
        last = None
        async for records in records_to_end(consumer, tp, max(start, end - window), end):
            last = records[-1]
        if last is not None or end - window <= start:
            return last
        window *= 16
    return None
