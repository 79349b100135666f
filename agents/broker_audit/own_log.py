"""The log `panlock.audit.brokers`: its end is read back, and it is written one transaction after the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord

from agents.restore import high_watermark, records_to_end
from pipeline.audit import canonical
from pipeline.audit.access.events import Told
from pipeline.audit.events import Chain, timestamp
from pipeline.audit.origin import origin
from pipeline.audit.signature import MEMBER, Keys, Signer, refusal
from pipeline.audit.verify import read_event
from pipeline.effects import Out
from pipeline.errors import PanlockError
from pipeline.policy.topics import BROKER_AUDIT

TAIL = 5_000  # events that are read back, at least: every node that reports has told something in them


class OwnLogError(PanlockError):
    """Somebody else has written to the log."""


@dataclass(frozen=True, slots=True)
class OwnLog:
    """`keys`: those that count in it."""

    chain: Chain
    cluster: str
    keys: Keys
    signer: Signer

    def events(self, told: Sequence[Told]) -> list[Out]:
        made = [self.chain.event(each.type, timestamp(each.time), **each.fields) for each in told]
        key, event = made[-1]
        made[-1] = key, self.chain.sign_last(event, self.signer, self.origin)
        return [Out(key, event, each.time) for (key, event), each in zip(made, told, strict=True)]

    @property
    def origin(self) -> str:
        return origin(self.cluster, BROKER_AUDIT, 0)

    async def read_back(self, consumer: AIOKafkaConsumer) -> list[dict[str, Any]]:
        """The last events, in order; the chain goes on behind them. Raises OwnLogError."""
        tp = TopicPartition(BROKER_AUDIT, 0)
        start, end = (await consumer.beginning_offsets([tp]))[tp], await high_watermark(consumer, tp)
        records: list[ConsumerRecord] = []
        window = TAIL
        while len(records) < TAIL and start < end:
            records = []
            async for some in records_to_end(consumer, tp, max(start, end - window), end):
                records += some
            if end - window <= start:
                break
            window *= 4
        return self._read(records)

    def _read(self, records: Sequence[ConsumerRecord]) -> list[dict[str, Any]]:
        try:
            events = [read_event(0, record.key, record.value or b"") for record in records]
        except canonical.NotCanonicalError as error:
            raise self._changed(str(error)) from error
        if events:
            why = refusal(self.origin, events[-1], self.keys) if MEMBER in events[-1] else "its end is not signed"
            if why is not None:
                raise self._changed(why)
            self.chain.seq = int(events[-1]["seq"]) + 1
            self.chain.prev = sha256(records[-1].value or b"").hexdigest()
        return events

    def _changed(self, why: str) -> OwnLogError:
        return OwnLogError(f"the own log {self.origin} was changed ({why}): find out who wrote to it, and keep it")


def position(events: Sequence[dict[str, Any]], topic: str) -> int:
    """Behind the last report of the topic that has events; those before it are told."""
    prefix = f"{topic}/0/"
    reports = [str(event.get("resource", {}).get("report", "")) for event in events]
    return max((int(each.removeprefix(prefix)) + 1 for each in reports if each.startswith(prefix)), default=0)
