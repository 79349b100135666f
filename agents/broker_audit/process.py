"""The process behind `panlock broker-audit`: reports in, events out, and no state but its own log.

    1 fence a former one: InitProducerId     2 read the end of the own log     3 go on with the report behind it
    4 in each round, one transaction of the events of what came, and of what did not

Whatever fails in Kafka, it begins again at 1.
"""

import asyncio
import logging
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, ProducerFenced
from aiokafka.structs import ConsumerRecord

from agents.broker_audit.config import BrokerAuditConfig
from agents.broker_audit.log_file import LogFile, LogFileError
from agents.broker_audit.own_log import OwnLog, position
from agents.cluster import facts
from agents.producer import DEADLINE, LaneProducer
from agents.restore import high_watermark, reader
from pipeline.audit.access.auditor import Auditor
from pipeline.audit.access.report import ReportError, read_report
from pipeline.audit.access.rules import Rules
from pipeline.audit.events import Chain, EventType
from pipeline.audit.signature import Signer, keys_of
from pipeline.errors import PanlockError
from pipeline.policy.models import Policy
from pipeline.policy.topics import ACCESS, BROKER_AUDIT, broker_audit_id

log = logging.getLogger(__name__)

TOPICS = (ACCESS, BROKER_AUDIT)
POLL_MS = 200
REPORTS = 20  # of one transaction: a report has at most a thousand events
LOOK = 1.0  # seconds between two looks at who is silent
AGAIN = 1.0  # seconds after a failure
ACCESSES = [each for each in EventType if each.value.startswith("access.")]
ALARMS = {EventType.ACCESS_GAP, EventType.ACCESS_SILENT, EventType.ACCESS_LATE, EventType.ACCESS_REFUSED}


class BrokerAuditError(PanlockError):
    """It cannot go on; the message says why."""


class BrokerAudit:
    """`logs`: authorizers' logs by broker, where no authorizer of ours is; `alive`: whether Kafka answers; `auditor`:
    what it knows of the nodes, once it has begun; `reports` that were read and events that were `published` since."""

    def __init__(
        self, policy: Policy, config: BrokerAuditConfig, signer: Signer, rules: Rules, logs: Mapping[int, Path]
    ) -> None:
        self.policy, self.config, self.signer, self.rules, self.logs = policy, config, signer, rules, logs
        self.reporters = keys_of(policy.audit.access_keys)
        self.alive = False
        self.auditor = Auditor(rules)
        self.reports = 0
        self.published = dict.fromkeys(ACCESSES, 0)
        self.stopping = asyncio.Event()

    async def run(self) -> None:
        """Until `stopping`. Raises BrokerAuditError, OwnLogError, TopicMissingError."""
        while not self.stopping.is_set():
            try:
                await self._audit()
            except ProducerFenced:
                raise BrokerAuditError(
                    "another `panlock broker-audit` has started under this application: let one run alone"
                ) from None
            except (KafkaError, TimeoutError, OSError) as error:
                self.alive = False
                log.warning("broker-audit begins again: %r", error)
                await asyncio.sleep(AGAIN)

    async def _audit(self) -> None:
        found = await facts(self.config.kafka, TOPICS)
        cluster = found.identity.cluster_id
        producer = LaneProducer(broker_audit_id(self.policy), self.config.kafka, found.limits)
        try:
            await producer.start()
            async with reader(self.config.kafka) as consumer:
                keys = keys_of(self.policy.audit.broker_keys)
                own = OwnLog(Chain(0, self.policy.hash), cluster, keys, self.signer)
                known = await own.read_back(consumer)
                self.auditor = Auditor(self.rules)
                for event in known:
                    self.auditor.remember(event)
                await self._seek(consumer, position(known, ACCESS))
                files = [LogFile(node, path, cluster) for node, path in sorted(self.logs.items())]
                for file in files:
                    file.remember(known)
                await self._follow(consumer, producer, own, files)
        finally:
            await producer.discard()

    async def _seek(self, consumer: AIOKafkaConsumer, due: int) -> None:
        """To the next report, or to the first that is still there."""
        tp = TopicPartition(ACCESS, 0)
        start, end = (await consumer.beginning_offsets([tp]))[tp], await high_watermark(consumer, tp)
        if end < due:
            raise BrokerAuditError(
                f"{ACCESS} ends at {end}, and was read up to {due}: it was cut or made anew. Find out by whom; a new "
                f"log goes on under another application"
            )
        if due < start:
            self.auditor.removed(due, start, _now())
        consumer.assign([tp])
        consumer.seek(tp, max(due, start))

    async def _follow(
        self, consumer: AIOKafkaConsumer, producer: LaneProducer, own: OwnLog, files: Sequence[LogFile]
    ) -> None:
        tp, since, looked, read = TopicPartition(ACCESS, 0), _now(), 0.0, 0.0
        self.alive = True
        while not self.stopping.is_set():
            records = (await consumer.getmany(tp, timeout_ms=POLL_MS, max_records=REPORTS)).get(tp, [])
            for record in records:
                self._take(record, own.cluster)
            if files and time.monotonic() - read > self.config.log_window:
                read = time.monotonic()
                for file in files:
                    await self._read(file)
            if not records and time.monotonic() - looked > LOOK:
                looked = time.monotonic()
                if await high_watermark(consumer, tp) <= await consumer.position(tp):
                    self.auditor.look(_now(), await _brokers(consumer), since)
            await self._tell(producer, own)

    def _take(self, record: ConsumerRecord, cluster: str) -> None:
        self.reports += 1
        where = {"report": f"{ACCESS}/0/{record.offset}"}
        try:
            report = read_report(record.value, dict(record.headers), cluster, self.reporters)
        except ReportError as error:
            self.auditor.refuse(error, where, record.timestamp)
            return
        self.auditor.take(report, where, record.timestamp)

    async def _read(self, file: LogFile) -> None:
        """A log that cannot be read is one of a node that falls silent."""
        try:
            found = file.look(self.auditor.nodes.get(file.source), _now())
            for report, where in await asyncio.to_thread(list, found):
                self.reports += 1
                self.auditor.take(report, where, report.to)
        except LogFileError as error:
            log.warning("%s", error)

    async def _tell(self, producer: LaneProducer, own: OwnLog) -> None:
        told = self.auditor.told
        if not told:
            return
        async with asyncio.timeout(DEADLINE):
            await producer.transact({(BROKER_AUDIT, 0): own.events(told)})
        self.auditor.told = []
        for each in told:
            self.published[each.type] += 1
            if each.type in ALARMS:
                log.critical("%s: %s", each.type, each.fields.get("detail"))


async def _brokers(consumer: AIOKafkaConsumer) -> Collection[int]:
    """Node ids of the brokers that the cluster has now."""
    await consumer._client.force_metadata_update()
    return [broker.nodeId for broker in consumer._client.cluster.brokers()]


def _now() -> int:
    return time.time_ns() // 1_000_000
