"""confluent-kafka's producer, signing: `produce`, `poll` and `flush` as there, and records leave in signed batches."""

import random
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from confluent_kafka import Message, Producer, TopicCollection
from confluent_kafka.admin import AdminClient

from panlock_producer.codec import MAX_LEAVES, Header
from panlock_producer.errors import ProducerError
from panlock_producer.identity import Identity
from panlock_producer.seal import Recipient
from panlock_producer.stream import Signed, Stream, Unsigned, check
from panlock_producer.topics import STALE_S, Topic

WAITING = 4 * MAX_LEAVES
_TIMEOUT_S = 20.0
_CONNECTING = ("bootstrap.servers", "security.", "ssl.", "sasl.", "client.id", "oauth")

_kept: list[AdminClient] = []  # for good: destroying one corrupts memory (confluent-kafka 2.12)

Report = Callable[[Any, Message | None], None]


class _Waiting(NamedTuple):
    topic: str
    record: Unsigned
    report: Report | None


class SignedProducer:
    """`config` is confluent_kafka.Producer's; idempotence is switched on, and refused to be off. Raises ProducerError.

    `seal_to`: the workers' public key, or None for a flow whose quarantine is clear. Partitions are chosen as
    librdkafka's default does: CRC32 of the key, any without one.
    """

    def __init__(
        self,
        identity: Identity,
        config: Mapping[str, Any],
        *,
        seal_to: Recipient | None,
        linger_ms: float = 5,
        max_batch: int = 256,
    ) -> None:
        options = {"enable.idempotence": True, "linger.ms": 0, **config}
        if str(options["enable.idempotence"]).lower() != "true":
            raise ProducerError("enable.idempotence: false; a retry could change the order of a stream; leave it on")
        if not 1 <= max_batch <= MAX_LEAVES:
            raise ProducerError(f"max_batch: 1 to {MAX_LEAVES} records share a signature")
        self._producer = Producer(options)
        self._admin = AdminClient({name: options[name] for name in options if name.startswith(_CONNECTING)})
        _kept.append(self._admin)
        self._stream = Stream(identity, seal_to)
        self._linger, self._max_batch = linger_ms / 1_000, max_batch
        self._topics: dict[str, Topic] = {}
        self._waiting: deque[_Waiting] = deque()
        self._changed = threading.Condition()
        self._hurried = self._closed = False
        self._thread = threading.Thread(target=self._run, name="panlock-producer", daemon=True)
        self._thread.start()

    def renew(self, identity: Identity) -> None:
        """Go on with another certificate of the same principal. Raises RecordError."""
        self._stream.renew(identity)

    def reseal(self, seal_to: Recipient) -> None:
        """Seal to another key of the workers from now on."""
        self._stream.reseal(seal_to)

    def produce(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        partition: int = -1,
        on_delivery: Report | None = None,
        headers: Sequence[Header] = (),
    ) -> None:
        """`on_delivery(error, message)` is called in poll or flush, or, with a ProducerError, by this kit's thread
        where the record could not be signed. Raises RecordError, ProducerError; KafkaException where the topic cannot
        be described; BufferError when too much waits."""
        found = self._topic(topic)
        if partition < 0:
            partition = zlib.crc32(key) % found.partitions if key else random.randrange(found.partitions)  # noqa: S311
        record = Unsigned(found.place(partition), key, value, tuple(headers))
        check(record)
        with self._changed:
            if self._closed:
                raise ProducerError("this producer is closed")
            if len(self._waiting) >= WAITING:
                raise BufferError("too many records wait to be signed: poll, then produce again")
            self._waiting.append(_Waiting(topic, record, on_delivery))
            self._changed.notify_all()

    def poll(self, timeout: float = 0) -> int:
        return int(self._producer.poll(timeout))

    def flush(self, timeout: float = -1) -> int:
        """How many were not delivered in time; without a timeout, 0 once all are."""
        end = None if timeout < 0 else time.monotonic() + timeout
        with self._changed:
            self._hurried = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._waiting, None if end is None else end - time.monotonic())
            left = len(self._waiting)
        return left + int(self._producer.flush(-1 if end is None else max(0.0, end - time.monotonic())))

    def close(self, timeout: float = -1) -> int:
        """Flush, and take no more records."""
        left = self.flush(timeout)
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(_TIMEOUT_S)
        return left

    def __len__(self) -> int:
        return len(self._waiting) + len(self._producer)

    def _topic(self, topic: str) -> Topic:
        found = self._topics.get(topic)
        if found is None or time.monotonic() - found.read >= STALE_S:
            described = self._admin.describe_topics(TopicCollection([topic]), request_timeout=_TIMEOUT_S)[
                topic
            ].result()
            halves = (described.topic_id.get_most_significant_bits(), described.topic_id.get_least_significant_bits())
            topic_id = b"".join((half & (1 << 64) - 1).to_bytes(8, "big") for half in halves)
            cluster = self._admin.list_topics(topic, timeout=_TIMEOUT_S).cluster_id
            found = Topic(str(cluster), topic_id, len(described.partitions), time.monotonic())
            self._topics[topic] = found
        return found

    def _run(self) -> None:
        """Sign what waits, oldest first, and hand it on in that order: one thread, so that a stream stays one."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._waiting) or self._closed)
                if self._closed:
                    return
                self._changed.wait_for(lambda: self._hurried or len(self._waiting) >= self._max_batch, self._linger)
                batch = [self._waiting[at] for at in range(min(self._max_batch, len(self._waiting)))]
            self._send(batch)
            with self._changed:
                for _ in batch:
                    self._waiting.popleft()
                self._hurried = self._hurried and bool(self._waiting)
                self._changed.notify_all()

    def _send(self, batch: list[_Waiting]) -> None:
        try:
            signed = self._stream.sign([each.record for each in batch])
        except Exception as error:  # noqa: BLE001  # whatever it is: unsigned, a record goes nowhere
            for each in batch:
                if each.report:
                    each.report(error, None)
            return
        for each, record in zip(batch, signed, strict=True):
            self._hand_on(each, record)

    def _hand_on(self, each: _Waiting, record: Signed) -> None:
        def told(error: Any, message: Message) -> None:
            (self._stream.failed if error else self._stream.delivered)(record)
            if each.report:
                each.report(error, message)

        while True:
            try:
                self._producer.produce(
                    each.topic,
                    value=record.value,
                    key=record.key,
                    partition=record.place.partition,
                    on_delivery=told,
                    headers=list(record.headers),
                )
                return
            except BufferError:  # librdkafka's queue is full: its own thread empties it as brokers answer
                self._producer.poll(0.05)
            except Exception as error:  # noqa: BLE001  # whatever it is: the next record must not wait for ever
                self._stream.failed(record)
                if each.report:
                    each.report(error, None)
                return
