"""Reading a topic to the end it had when asked, read_committed, outside any group."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from aiokafka import AIOKafkaConsumer, TopicPartition, errors
from aiokafka.consumer.fetcher import READ_UNCOMMITTED
from aiokafka.structs import ConsumerRecord

from agents.batches import read_batches
from cli.config import Settings
from cli.kafka import TIMEOUT_MS
from deploy.admin import KafkaUnreachableError

STALL = 60.0  # seconds without any progress, after which an open transaction is not waited for any longer
AHEAD_MS = 60_000  # by the records' times: how far one of several topics is read before the others


@dataclass(frozen=True, slots=True)
class Log:
    """A topic's partitions: where each log starts, and its high watermark when it was asked for."""

    topic: str
    starts: Mapping[int, int]
    ends: Mapping[int, int]

    @property
    def length(self) -> int:
        return sum(self.ends[partition] - start for partition, start in self.starts.items())


class Reader:
    """One consumer. Errors are aiokafka's: use it inside `cli.kafka.told`."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer

    async def log(self, topic: str) -> Log:
        """Raises TopicAuthorizationFailedError, UnknownTopicOrPartitionError."""
        cluster = self._consumer._client.cluster
        await self._consumer._client.add_topic(topic)
        partitions = cluster.partitions_for_topic(topic)
        if topic in cluster.unauthorized_topics:
            raise errors.TopicAuthorizationFailedError(topic)
        if not partitions:
            raise errors.UnknownTopicOrPartitionError(topic)
        places = [TopicPartition(topic, partition) for partition in sorted(partitions)]
        starts = await self._consumer.beginning_offsets(places)
        ends = await self._high_watermarks(places)
        return Log(topic, {tp.partition: starts[tp] for tp in places}, {tp.partition: ends[tp] for tp in places})

    async def since(self, log: Log, ms: int) -> Log:
        """Of the log what lies behind the last record before that time, by the records' own times in ms."""
        places = {TopicPartition(log.topic, partition): ms for partition in log.starts}
        found = await self._consumer.offsets_for_times(places)
        starts = {tp.partition: log.ends[tp.partition] if at is None else at.offset for tp, at in found.items()}
        return replace(log, starts=starts)

    async def committed(self, log: Log) -> dict[int, int]:
        """The last stable offsets: everything before them is committed, or aborted."""
        places = [TopicPartition(log.topic, partition) for partition in log.starts]
        return {tp.partition: end for tp, end in (await self._consumer.end_offsets(places)).items()}

    async def read(self, *logs: Log) -> AsyncIterator[list[ConsumerRecord]]:
        """Batches of one partition, in order, until the position of each is at its end: control records move it.

        Several topics are read side by side, by the times of their records.
        """
        ends = {TopicPartition(log.topic, partition): end for log in logs for partition, end in log.ends.items()}
        starts = {TopicPartition(log.topic, partition): at for log in logs for partition, at in log.starts.items()}
        waiting = {tp for tp, end in ends.items() if starts[tp] < end}
        if not waiting:
            return
        self._consumer.assign(waiting)
        for tp in waiting:
            self._consumer.seek(tp, starts[tp])
        loop = asyncio.get_running_loop()
        moved, before, times = loop.time(), dict[TopicPartition, int](), dict[TopicPartition, int]()
        while waiting:
            for tp, records in (await self._consumer.getmany(*waiting, timeout_ms=200)).items():
                times[tp] = records[-1].timestamp
                yield [record for record in records if record.offset < ends[tp]]
            if len(logs) > 1:
                self._keep_abreast(waiting, times)
            positions = {tp: await self._consumer.position(tp) for tp in waiting}
            waiting = {tp for tp, position in positions.items() if position < ends[tp]}
            if positions != before:
                moved, before = loop.time(), positions
            elif loop.time() - moved > STALL:
                stuck = ", ".join(f"{tp.topic}/{tp.partition} at {positions[tp]}" for tp in sorted(waiting))
                raise KafkaUnreachableError(
                    f"nothing more came for {STALL:.0f} s ({stuck}): a transaction is left open"
                )

    def _keep_abreast(self, waiting: set[TopicPartition], times: Mapping[TopicPartition, int]) -> None:
        latest = min(times.get(tp, 0) for tp in waiting) + AHEAD_MS
        ahead, paused = {tp for tp in waiting if times.get(tp, 0) > latest}, self._consumer.paused()
        self._consumer.pause(*(ahead - paused))
        self._consumer.resume(*(paused - ahead))

    async def _high_watermarks(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        """The true ends: what an open transaction holds back is waited for, not left out."""
        fetcher = self._consumer._fetcher
        level, fetcher._isolation_level = fetcher._isolation_level, READ_UNCOMMITTED
        try:
            return dict(await self._consumer.end_offsets(places))
        finally:
            fetcher._isolation_level = level


@asynccontextmanager
async def reader(settings: Settings) -> AsyncIterator[Reader]:
    read_batches()
    consumer = AIOKafkaConsumer(
        isolation_level="read_committed",
        auto_offset_reset="none",
        enable_auto_commit=False,
        max_partition_fetch_bytes=4 << 20,
        request_timeout_ms=TIMEOUT_MS,
        **settings.kafka.client(),
    )
    try:
        await asyncio.wait_for(consumer.start(), TIMEOUT_MS / 1000)
        yield Reader(consumer)
    finally:
        await consumer.stop()
