"""aiokafka's producer, signing: `send` as there, and records leave in signed batches."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, NamedTuple, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import for_code
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.structs import RecordMetadata

from panlock_producer.codec import MAX_LEAVES, Header
from panlock_producer.errors import ProducerError
from panlock_producer.identity import Identity
from panlock_producer.metadata import TopicRequest
from panlock_producer.seal import Recipient
from panlock_producer.stream import Signed, Stream, Unsigned, check
from panlock_producer.topics import STALE_S, Topic

WAITING = 4 * MAX_LEAVES  # records not yet signed: `send` waits beyond

Partitioner = Callable[[bytes | None, list[int], list[int]], int]


class _Waiting(NamedTuple):
    topic: str
    record: Unsigned
    future: "asyncio.Future[RecordMetadata]"


class SignedProducer:
    """`options` are AIOKafkaProducer's; idempotence is switched on, and refused to be off. Raises ProducerError.

    `seal_to`: the workers' public key, or None for a flow whose quarantine is clear.
    """

    def __init__(
        self,
        identity: Identity,
        *,
        seal_to: Recipient | None,
        linger_ms: float = 5,
        max_batch: int = 256,
        partitioner: Partitioner | None = None,
        **options: Any,
    ) -> None:
        if not options.setdefault("enable_idempotence", True):
            raise ProducerError("enable_idempotence=False: a retry could change the order of a stream; leave it on")
        if not 1 <= max_batch <= MAX_LEAVES:
            raise ProducerError(f"max_batch: 1 to {MAX_LEAVES} records share a signature")
        serializers = [options.pop(f"{part}_serializer", None) for part in ("key", "value")]
        self._serialize_key, self._serialize_value = (serializer or _as_it_is for serializer in serializers)
        self._partition: Partitioner = partitioner or DefaultPartitioner()
        self._producer = AIOKafkaProducer(**options)
        self._stream = Stream(identity, seal_to)
        self._linger, self._max_batch = linger_ms / 1_000, max_batch
        self._topics: dict[str, Topic] = {}
        self._reading = asyncio.Lock()
        self._waiting: deque[_Waiting] = deque()
        self._arrived, self._full, self._taken = asyncio.Event(), asyncio.Event(), asyncio.Condition()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Raises what aiokafka raises."""
        await self._producer.start()
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Everything sent is delivered, or its future has failed, when this returns."""
        if self._task is not None:
            await self._drain()
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await self._producer.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def renew(self, identity: Identity) -> None:
        """Go on with another certificate of the same principal. Raises RecordError."""
        self._stream.renew(identity)

    def reseal(self, seal_to: Recipient) -> None:
        """Seal to another key of the workers from now on."""
        self._stream.reseal(seal_to)

    async def send(
        self,
        topic: str,
        value: Any = None,
        key: Any = None,
        partition: int | None = None,
        headers: Sequence[Header] = (),
    ) -> "asyncio.Future[RecordMetadata]":
        """A future of the delivery. Raises RecordError, and KafkaError where the topic cannot be described."""
        if self._task is None:
            raise ProducerError("this producer is not started: call start() first, or use `async with`")
        key, value = self._serialize_key(key), self._serialize_value(value)
        found = await self._topic(topic)
        if partition is None:
            every = list(range(found.partitions))
            partition = self._partition(key, every, every)
        elif not 0 <= partition < found.partitions:
            raise ProducerError(f"{topic} has {found.partitions} partitions: no {partition}")
        record = Unsigned(found.place(partition), key, value, tuple(headers))
        check(record)
        async with self._taken:
            await self._taken.wait_for(lambda: len(self._waiting) < WAITING)
        future: asyncio.Future[RecordMetadata] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(topic, record, future))
        self._arrived.set()
        if len(self._waiting) >= self._max_batch:
            self._full.set()
        return future

    async def send_and_wait(self, topic: str, value: Any = None, key: Any = None, **more: Any) -> RecordMetadata:
        return await (await self.send(topic, value, key, **more))

    async def flush(self) -> None:
        """Returns when all that was sent before is delivered or has failed."""
        await self._drain()
        await self._producer.flush()

    async def _drain(self) -> None:
        self._full.set()
        async with self._taken:
            await self._taken.wait_for(lambda: not self._waiting)

    async def _topic(self, topic: str) -> Topic:
        found = self._topics.get(topic)
        if found is not None and time.monotonic() - found.read < STALE_S:
            return found
        async with self._reading:
            if (again := self._topics.get(topic)) is not found and again is not None:
                return again
            self._topics[topic] = await self._describe(topic)
            return self._topics[topic]

    async def _describe(self, topic: str) -> Topic:
        client = self._producer.client
        answer = await client.send(client.get_random_node(), TopicRequest(topic))
        code, _, topic_id, _, partitions, *_ = answer.topics[0]
        if code:
            raise for_code(code)(topic)
        return Topic(str(answer.cluster_id), topic_id.bytes, len(partitions), time.monotonic())

    async def _run(self) -> None:
        """Sign what waits, oldest first, and send it in that order: one task, so that a stream stays one."""
        while True:
            await self._arrived.wait()
            if len(self._waiting) < self._max_batch:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._full.wait(), self._linger)
            batch = [self._waiting[at] for at in range(min(self._max_batch, len(self._waiting)))]
            await self._send(batch)
            async with self._taken:
                for _ in batch:
                    self._waiting.popleft()
                if not self._waiting:
                    self._arrived.clear()
                if len(self._waiting) < self._max_batch:
                    self._full.clear()
                self._taken.notify_all()

    async def _send(self, batch: list[_Waiting]) -> None:
        try:
            signed = self._stream.sign([each.record for each in batch])
        except Exception as error:  # noqa: BLE001  # whatever it is: unsigned, a record goes nowhere
            for each in batch:
                _fail(each.future, error)
            return
        for each, record in zip(batch, signed, strict=True):
            try:
                sent = await self._producer.send(
                    each.topic, record.value, record.key, record.place.partition, headers=record.headers
                )
            except Exception as error:  # noqa: BLE001  # aiokafka asserts, too; the next record must not wait for ever
                self._stream.failed(record)
                _fail(each.future, error)
            else:
                sent.add_done_callback(lambda done, each=each, record=record: self._told(done, each, record))

    def _told(self, done: "asyncio.Future[RecordMetadata]", each: _Waiting, record: Signed) -> None:
        if done.cancelled() or done.exception() is not None:
            self._stream.failed(record)
            _fail(each.future, done.exception() if not done.cancelled() else ProducerError("not sent: stopped"))
        else:
            self._stream.delivered(record)
            if not each.future.done():
                each.future.set_result(done.result())


def _fail(future: "asyncio.Future[RecordMetadata]", error: BaseException | None) -> None:
    if not future.done():
        future.set_exception(error or ProducerError("not sent"))


def _as_it_is(data: Any) -> Any:
    return data
