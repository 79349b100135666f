"""Faust's transport, with one fetch of one partition as ONE message.

Runs in the consumer thread, where seeks, pauses and fetches do not interleave except at an await. Lanes open, seek and
close their partitions; Faust's own pause, resume and perform_seek do nothing (it resumes all after each rebalance).
Each opening of a lane has a number; a chunk carries the number as of its fetch, and the lane drops any other.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any, NamedTuple

import faust
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError
from aiokafka.structs import OffsetAndMetadata
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from agents.batches import give_records_as_read
from agents.closing import hang_up
from pipeline.batch import Fetched
from pipeline.opening import Bounds

IDLE = 0.05  # seconds between looks while no partition is open
FETCH_WAIT = 100  # ms that a fetch without records waits at a broker: what opens meanwhile cannot be fetched from it
THREAD_DEADLINE = 10.0  # seconds that a call into the consumer thread may take


class ConsumerGoneError(KafkaError):
    """The consumer has stopped: the worker is ending."""


class Chunk(NamedTuple):
    """One fetch of one partition: the fetch positions before and after, and the opening as of the fetch."""

    opening: int
    start: int
    records: list[Fetched]
    end: int


def split(chunk: Chunk, most: int) -> list[Chunk]:
    """The same in parts of at most so many records: each begins where the one before ends."""
    parts, start = [], chunk.start
    for first in range(0, max(1, len(chunk.records)), most):
        records = chunk.records[first : first + most]
        end = records[-1].offset + 1 if first + most < len(chunk.records) else chunk.end
        parts.append(Chunk(chunk.opening, start, records, end))
        start = end
    return parts


class ChunkThread(driver.AIOKafkaConsumerThread):
    """The thread that owns the aiokafka consumer."""

    consumer: "ChunkConsumer"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._fetching = asyncio.Lock()

    def _create_worker_consumer(self, transport: Any) -> Any:
        give_records_as_read()
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"  # Faust would read what producers abort; its fetcher starts later
        consumer._fetch_max_wait_ms = FETCH_WAIT  # Faust's 1,500 would delay each opening
        return consumer

    def close(self) -> None:
        """Nothing. Faust calls it on a rebalance while it stops, and would close the consumer from another thread's
        loop, which crashes uvloop; `on_thread_stop` closes it."""

    async def on_thread_stop(self) -> None:
        await super(driver.AIOKafkaConsumerThread, self).on_thread_stop()  # its own would wait for a goodbye
        if self._consumer is not None:
            await hang_up(self._consumer._client, self._consumer.stop())

    async def on_partitions_assigned(self, assigned: Iterable[TP], generation_id: int = 0) -> None:
        self._consumer.pause(*(TopicPartition(*tp) for tp in assigned))  # until their lane opens them
        await super().on_partitions_assigned(assigned, generation_id)

    async def _fetch_records(
        self, consumer: Any, active_partitions: Any, timeout: float | None = None, max_records: int | None = None
    ) -> dict[TopicPartition, Chunk]:
        async with self._fetching:  # a call that nobody waits for any more must not drain what another one counts
            return await self._fetch_chunks(consumer, timeout, max_records)

    async def _fetch_chunks(
        self, consumer: Any, timeout: float | None, max_records: int | None
    ) -> dict[TopicPartition, Chunk]:
        openings, sought = self.consumer.openings, self.consumer.sought
        opened = {TopicPartition(*tp): number for tp, number in openings.copy().items()}  # lanes change it meanwhile
        before = _positions(consumer)
        starts = {tp: before[tp] for tp in opened if tp in before}
        if not starts:  # aiokafka takes an empty list as "all"
            await asyncio.sleep(IDLE)
            return {}
        if len(starts) < len(consumer.assignment()):
            timeout = min(timeout or IDLE, IDLE)  # what opens meanwhile is not among those asked for
        unreadable: dict[TopicPartition, int] = {}
        try:
            records = await super()._fetch_records(consumer, list(starts), timeout=timeout, max_records=max_records)
        except NoOffsetForPartitionError:  # of a partition from before its lane sought it
            records = {}
        except OffsetOutOfRangeError as error:
            records, unreadable = {}, dict(error.args[0])
        # Records are drained without an await: whoever sought meanwhile did so before, and they belong to that opening.
        # The assignment may be another one by now: positions of the former one would run ahead of what was sought.
        ends = _positions(consumer)
        chunks = {}
        for tp, start in starts.items():
            opening = openings.get(TP(*tp))
            if opening != opened[tp]:
                start = sought.get(TP(*tp), start)
            # A chunk that ends where it starts tells the lane that nothing can be read at its position. Others may
            # have moved before the error was raised: their chunks must not be lost with it.
            if opening is not None and tp in ends and (ends[tp] != start or tp in unreadable):
                chunks[tp] = Chunk(opening, start, records.get(tp, []), ends[tp])
        return chunks


def _positions(consumer: Any) -> dict[TopicPartition, int]:
    """Where the consumer reads on, of all that is assigned and was sought."""
    subscription = consumer._subscription.subscription
    assignment = subscription.assignment if subscription is not None else None
    states = {} if assignment is None else {tp: assignment.state_value(tp) for tp in assignment.tps}
    return {tp: state._position for tp, state in states.items() if state._position is not None}


class ChunkConsumer(driver.Consumer):
    """Yields one message per fetched partition, from open partitions only."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.openings: dict[TP, int] = {}
        self.sought: dict[TP, int] = {}  # where each opening began
        self._number = 0
        super().__init__(*args, **kwargs)

    def _new_consumer_thread(self) -> ChunkThread:
        return ChunkThread(self, loop=self.loop, beacon=self.beacon)

    def _get_active_partitions(self) -> set[Any]:
        return set(self.openings) or {None}  # never empty: Faust would sleep a second

    async def perform_seek(self) -> None:
        """Positions live in the lanes, not in the group."""

    @property
    def kafka(self) -> Any:
        """The aiokafka consumer; to be used in its thread."""
        return self._thread._consumer

    async def in_thread(self, call: Callable[..., Any], *args: Any) -> Any:
        async def run() -> Any:
            async with asyncio.timeout(THREAD_DEADLINE):  # there, too: a call that never ends would block others
                result = call(*args)
                return await result if asyncio.iscoroutine(result) else result

        if self._thread.should_stop or self.app.crashed:  # nobody is left to answer
            raise ConsumerGoneError
        async with asyncio.timeout(2 * THREAD_DEADLINE):
            return await self._thread.call_thread(run)

    def new_opening(self) -> int:
        """A number for an opening; to be known before its first chunk can come."""
        self._number += 1
        return self._number

    async def open_at(self, number: int, positions: Mapping[TP, int]) -> None:
        """Seek, resume and let flow, under the number of this opening."""
        kafka = self.kafka

        def go() -> None:
            for tp, position in positions.items():
                kafka.seek(TopicPartition(*tp), position)
                self._read_offset[tp] = None
            kafka.resume(*(TopicPartition(*tp) for tp in positions))
            self.sought.update(positions)
            self.openings.update(dict.fromkeys(positions, number))

        await self.in_thread(go)

    def fetched(self, tp: TP) -> int | None:
        """Where the next fetch of a partition begins; None while it has no position."""
        subscription = self.kafka._subscription.subscription
        assignment = None if subscription is None else subscription.assignment
        place = TopicPartition(*tp)
        return assignment.state_value(place)._position if assignment and place in assignment.tps else None

    async def shut(self, inputs: Iterable[TP]) -> None:
        """Let nothing flow from these partitions until they are opened again."""
        inputs = list(inputs)
        for tp in inputs:
            self.openings.pop(tp, None)
        kafka = self.kafka

        def go() -> None:
            mine = kafka.assignment()
            kafka.pause(*(TopicPartition(*tp) for tp in inputs if TopicPartition(*tp) in mine))

        await self.in_thread(go)

    async def confirm(self, positions: Mapping[TP, int]) -> None:
        """Commit the group's offsets: for lag tools, and to learn whether we are still a member (KafkaError if not)."""
        offsets = {TopicPartition(*tp): OffsetAndMetadata(offset, "") for tp, offset in positions.items()}
        await self.in_thread(self.kafka.commit, offsets)

    async def bounds(self, inputs: Iterable[TP]) -> dict[TP, Bounds]:
        """Log start and end (the last stable offset) of each partition."""
        tps = [TopicPartition(*tp) for tp in inputs]
        starts = await self.in_thread(self.kafka.beginning_offsets, tps)
        ends = await self.in_thread(self.kafka.end_offsets, tps)
        return {TP(*tp): Bounds(starts[tp], ends[tp]) for tp in tps}

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        records, _ = await self._wait_next_records(timeout)
        generation = self.app.consumer_generation_id
        if self.should_stop or not self.flow_active or not records:
            return
        for partition, chunk in records.items():
            tp = TP(*partition)
            if self.openings.get(tp) == chunk.opening:
                yield (
                    tp,
                    ConsumerMessage(
                        *(tp.topic, tp.partition, chunk.end - 1, 0.0, 0, (), None, chunk, None, 0, 0, tp),
                        generation_id=generation,
                    ),
                )


class ChunkTransport(driver.Transport):
    """`app.transport = ChunkTransport(app.conf.broker, app)` before the app starts."""

    Consumer = ChunkConsumer


class ChunkSchema(faust.Schema):
    """Passes the chunk through; Faust compiles its decoder from these two."""

    def loads_key(self, app: Any, message: Any, *, loads: Any = None, serializer: Any = None) -> None:
        return None

    def loads_value(self, app: Any, message: Any, *, loads: Any = None, serializer: Any = None) -> Any:
        return message.value
