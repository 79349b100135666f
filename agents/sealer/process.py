"""The sealer's process: one transactional producer, one consumer, no state but what it reads back from its topics.

    1 fence a former sealer: InitProducerId     2 read what was published     3 compare each log's start and end with it
    4 read the own log to its end               5 follow all logs; in each round, one transaction of what is due

Whatever fails in Kafka, it begins again at 1.
"""

import asyncio
import logging
import time
from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, ProducerFenced

from agents.cluster import Facts, facts
from agents.fit import ClusterMismatchError
from agents.producer import DEADLINE, LaneProducer
from agents.restore import high_watermark, reader, records_to_end
from agents.sealer.config import SealerConfig
from agents.sealer.outside import Outside
from agents.sealer.published import published
from agents.sealer.scanning import Scanning
from pipeline.audit.events import EventType
from pipeline.audit.followed import Followed
from pipeline.audit.logs import audit_logs
from pipeline.audit.note import Verifier, note_name
from pipeline.audit.progress import Progress
from pipeline.audit.sealer import Sealer, Sends, Told
from pipeline.audit.signature import Signer, keys_of
from pipeline.effects import Out
from pipeline.errors import PanlockError
from pipeline.policy.models import Policy
from pipeline.policy.topics import AUDIT, CHECKPOINTS, SEALER_AUDIT, sealer_id

log = logging.getLogger(__name__)

TOPICS = (AUDIT, SEALER_AUDIT, CHECKPOINTS)
POLL_MS = 200
COMPARE = 10.0  # seconds between two looks at the logs' ends
AGAIN = 1.0  # seconds after a failure

Logs = dict[TopicPartition, Followed]


class SealerError(PanlockError):
    """The sealer cannot go on; the message says why."""


class SealerProcess:
    """`logs`: what it follows, empty until it has begun; `alive`: whether Kafka answers; `manifested`: when the last
    manifest was written, in seconds of the day's clock."""

    def __init__(self, policy: Policy, config: SealerConfig, signer: Signer) -> None:
        """Raises WorkerConfigError, TimestampError."""
        self.policy, self.config, self.signer = policy, config, signer
        self.name = note_name(policy.application)
        self.verifiers = [Verifier(self.name, key) for key in keys_of(policy.audit.sealer_keys).values()]
        self.logs: Sequence[Followed] = ()
        self.alive = False
        self.manifested: float | None = None
        self.stopping = asyncio.Event()
        self.outside = Outside(policy, config, self.verifiers)
        self.scanning = Scanning()
        self._alarmed: set[str] = set()

    async def run(self) -> None:
        """Until `stopping`. Raises SealerError, SplitViewError, ClusterMismatchError, TopicMissingError."""
        while not self.stopping.is_set():
            try:
                await self._seal()
            except ProducerFenced:
                raise SealerError("another sealer has started under this application: let one run alone") from None
            except (KafkaError, TimeoutError, OSError) as error:
                self.alive = False
                log.warning("the sealer begins again: %r", error)
                await asyncio.sleep(AGAIN)

    async def _seal(self) -> None:
        found = await facts(self.config.kafka, TOPICS)
        check_lanes(self.policy, found)
        producer = LaneProducer(sealer_id(self.policy), self.config.kafka, found.limits)
        try:
            await producer.start()
            async with reader(self.config.kafka) as consumer:
                logs = await self._begin(consumer, found.identity.cluster_id)
                sealer = Sealer(found.identity.cluster_id, self.name, self.policy.hash, self.signer, [*logs.values()])
                self.logs = sealer.logs
                self.outside.begin()
                await self._follow(consumer, producer, logs, sealer)
        finally:
            await producer.discard()

    async def _begin(self, consumer: AIOKafkaConsumer, cluster: str) -> Logs:
        """Every log, from where it was sealed to; the own one is read to its end, for its chain goes on there."""
        known = (await published(consumer, self.verifiers)).logs
        logs: Logs = {}
        for place in audit_logs(self.policy):
            tp, name = TopicPartition(place.topic, place.partition), place.origin(cluster)
            followed = logs[tp] = Followed(place.partition, place.keys, known.get(name) or Progress.nowhere(name))
            first, end = (await consumer.beginning_offsets([tp]))[tp], await high_watermark(consumer, tp)
            followed.compare(first, end)
            if place.topic == SEALER_AUDIT:
                await _read_own(consumer, tp, followed, end)
        return logs

    async def _follow(self, consumer: AIOKafkaConsumer, producer: LaneProducer, logs: Logs, sealer: Sealer) -> None:
        consumer.assign([tp for tp, each in logs.items() if each.refused is None])
        for tp in consumer.assignment():
            consumer.seek(tp, logs[tp].progress.offset)
        await self._round(producer, sealer, self._told(EventType.SEALER_STARTED))
        self.alive, compared = True, time.monotonic()
        while not self.stopping.is_set():
            seen: list[Told] = []
            for tp, records in (await consumer.getmany(timeout_ms=POLL_MS)).items():
                logs[tp].take(records, time.monotonic())
                seen += self.scanning.look(logs[tp].progress.origin, records, time.monotonic())
            if time.monotonic() - compared > COMPARE:
                await _compare(consumer, logs)
                compared = time.monotonic()
            sealed = sealer.sealed()
            if sealed:
                self.manifested = time.time()
            notes, told = self.outside.look(time.monotonic(), sealed)
            await self._round(producer, sealer, *told, *seen, notes=notes)
            consumer.pause(*(tp for tp in consumer.assignment() if logs[tp].refused is not None))
        await self._round(producer, sealer, self._told(EventType.SEALER_STOPPED), last=True)
        notes = await self.outside.end(sealer.sealed())
        if notes:
            await _transact(producer, {(CHECKPOINTS, 0): notes})

    async def _round(
        self, producer: LaneProducer, sealer: Sealer, *events: Told, notes: Sequence[Out] = (), last: bool = False
    ) -> None:
        sends = sealer.round(time.monotonic(), time.time_ns() // 1_000_000, *events, notes=notes, last=last)
        if sends:
            await _transact(producer, sends)
        for followed in sealer.logs:
            if followed.refused is not None and followed.progress.origin not in self._alarmed:
                self._alarmed.add(followed.progress.origin)
                log.critical("%s is refused: %s", followed.progress.origin, followed.refused.what)

    def _told(self, type_: EventType) -> Told:
        return type_, {"actor": {"sealer": self.signer.kid}}


async def _transact(producer: LaneProducer, sends: Sends) -> None:
    async with asyncio.timeout(DEADLINE):
        await producer.transact(sends)


def check_lanes(policy: Policy, found: Facts) -> None:
    """Raises ClusterMismatchError."""
    if found.partitions[AUDIT] != policy.lanes:
        raise ClusterMismatchError(
            f"{AUDIT} has {found.partitions[AUDIT]} partitions, the policy has lanes: {policy.lanes}: name the policy "
            "that the workers run"
        )


async def _read_own(consumer: AIOKafkaConsumer, tp: TopicPartition, own: Followed, end: int) -> None:
    """Raises SealerError where somebody else wrote to it: what the sealer adds would hang on that."""
    if own.refused is None:
        async for records in records_to_end(consumer, tp, own.progress.offset, end):
            own.take(records, time.monotonic())
    if own.refused is not None or own.unsigned:
        what = "it ends without a signature" if own.refused is None else own.refused.what
        raise SealerError(f"the sealer's own log {own.progress.origin} was changed ({what}): find out who wrote to it")


async def _compare(consumer: AIOKafkaConsumer, logs: Logs) -> None:
    """A log that is shorter than what was sealed of it tells nothing by itself: nothing new comes."""
    tps = list(consumer.assignment())
    starts, ends = await consumer.beginning_offsets(tps), await consumer.end_offsets(tps)
    for tp in tps:
        logs[tp].compare(starts[tp], ends[tp])
