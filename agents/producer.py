"""A lane's transactional producer: one transaction at a time, thrown away after any failure.

aiokafka's abort_transaction and error_transaction are never used: after a failure they can commit what they should
abort. Whatever was open is aborted by the next InitProducerId of the same transactional id.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.producer import sender
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import RecordMetadata

from agents import faults
from agents.closing import hang_up
from agents.requests import OneCopyRequest
from agents.settings import Kafka
from pipeline.batch import WrittenBatch
from pipeline.effects import Out

DEADLINE = 5.0  # seconds of one transaction: above request_timeout_ms, below transaction.timeout.ms
REQUEST_TIMEOUT_MS = 4_000
TRANSACTION_TIMEOUT_MS = 10_000
BATCH = 1 << 20  # bytes: a batch is never larger than its topic takes, nor than this
RETRY = 0.005  # seconds between attempts while the coordinator ends the former transaction

sender.BACKOFF_OVERRIDE = RETRY
sender.ProduceRequest = OneCopyRequest


class _Batch(BatchBuilder):
    """outs[start:] as far as they fit, the first one always, encoded by the kernel in one go, and closed."""

    _buffer: bytes | None

    def __init__(self, outs: list[Out], start: int, size: int) -> None:
        super().__init__(size, 0, is_transactional=True)
        self._written = WrittenBatch(outs, start, size)
        self._relative_offset = self._written.count
        self.close()

    def size(self) -> int:
        return self._written.size

    def _set_producer_state(self, producer_id: int, producer_epoch: int, base_sequence: int) -> None:
        self._buffer = self._written.sealed(producer_id, producer_epoch, base_sequence)

    def _build(self) -> bytes:
        if self._buffer is None:
            raise RuntimeError("a batch is to be sent before its transaction has a producer")
        return self._buffer


class LaneProducer:
    """`limits`: topic → its max.message.bytes, which bounds a whole batch."""

    def __init__(self, transactional_id: str, kafka: Kafka, limits: Mapping[str, int]) -> None:
        self._limits = limits
        self._kafka = AIOKafkaProducer(
            transactional_id=transactional_id,
            transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
            acks="all",
            linger_ms=0,
            retry_backoff_ms=int(1000 * RETRY),
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            max_batch_size=BATCH,
            **kafka.client(),
        )

    async def start(self) -> None:
        """InitProducerId: fences the former owner; returns only when its transaction has ended, markers written."""
        await self._kafka.start()

    @property
    def task(self) -> "asyncio.Task[None] | None":
        """aiokafka's sender; it is to run as long as the producer lives."""
        task: asyncio.Task[None] | None = self._kafka._sender.sender_task
        return task

    async def transact(self, sends: Mapping[tuple[str, int], list[Out]]) -> dict[tuple[str, int], RecordMetadata]:
        """begin → send → await every delivery → commit. Returns where the first batch of each partition lies.

        Awaiting the deliveries is the point: aiokafka commits a transaction whose delivery failed.
        """
        await self._kafka.begin_transaction()
        sent = await asyncio.gather(*(self._send(TopicPartition(*to), outs) for to, outs in sends.items()))
        faults.reach("delivery")
        placed: dict[tuple[str, int], RecordMetadata] = {}
        for to, deliveries in zip(sends, sent, strict=True):
            for delivery in deliveries:
                placed.setdefault(to, await delivery)
        faults.reach("before-commit")
        await self._kafka.commit_transaction()
        faults.reach("after-commit")
        return placed

    async def _send(self, to: TopicPartition, outs: list[Out]) -> "list[asyncio.Future[RecordMetadata]]":
        size, deliveries, sent = min(BATCH, self._limits[to.topic]), [], 0
        while sent < len(outs):
            batch = _Batch(outs, sent, size)
            sent += batch.record_count()
            deliveries.append(await self._kafka.send_batch(batch, to.topic, partition=to.partition))
        return deliveries

    async def discard(self) -> None:
        """Throw it away without flush. Whatever its parts fail with is no news: it is thrown away because it failed.

        aiokafka's sender raises once more what its requests in flight end with, such as ProducerFenced.
        """
        for ending in (self._kafka._sender.close(), hang_up(self._kafka.client, self._kafka.client.close())):
            with suppress(Exception):
                await ending
        self._kafka._closed = True
