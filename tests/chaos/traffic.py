"""What is sent while workers die: every kind of record, and where the broker put each."""

import json
import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, Message, Producer

from pipeline.policy.topics import quarantine_topic
from pipeline.record import RecordId

SLICE, PAUSE = 25, 0.008  # records, then seconds: about 2,500 a second
PANS = ("4111111111111111", "5555555555554444", "4012888888881881")
PARTITIONS = 6
KEYS = 40  # a partition


class Kind(StrEnum):
    """What must become of it."""

    PLAIN = "plain"  # released
    TOMBSTONE = "tombstone"  # released
    MALFORMED = "malformed"  # rejected
    FORGED = "forged"  # rejected
    EXPIRES = "expires"  # held, then rejected; what has its key waits meanwhile
    APPROVED = "approved"  # held, then released
    HELD = "held"  # held for good


WEIGHTS = {
    Kind.PLAIN: 9_500,
    Kind.TOMBSTONE: 150,
    Kind.MALFORMED: 120,
    Kind.FORGED: 120,
    Kind.EXPIRES: 40,
    Kind.APPROVED: 15,
    Kind.HELD: 10,
}


@dataclass(frozen=True, slots=True)
class Sent:
    """One record as its producer gave it to the broker."""

    kind: Kind
    pan: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


class Traffic(threading.Thread):
    """Sends up to `target` records, as it is raised. Ends on `finish`."""

    def __init__(self, clients: Mapping[str, Mapping[str, Any]], flow: str, seed: int) -> None:
        super().__init__(daemon=True)
        self.producers: dict[str, Producer] = {}
        self.principals: list[str] = []
        self.flow, self.random = flow, random.Random(seed)
        self.target = self.count = 0
        self.sent: dict[RecordId, Sent] = {}
        self.errors: list[KafkaError] = []
        self._finished = threading.Event()
        for name, client in clients.items():
            self.add(name, client)

    def add(self, name: str, client: Mapping[str, Any]) -> None:
        """One more principal sends, too."""
        self.producers = {**self.producers, name: Producer({**client, "linger.ms": 5, "enable.idempotence": True})}
        self.principals = [*self.principals, name]

    def run(self) -> None:
        while not self._finished.is_set():
            for _ in range(min(SLICE, self.target - self.count)):
                self._send_one()
            for producer in self.producers.values():
                producer.poll(0)
            time.sleep(PAUSE)
        for producer in self.producers.values():
            producer.flush(60)

    def finish(self) -> None:
        self._finished.set()
        if self.ident is not None:
            self.join(90)

    def _send_one(self) -> None:
        principal = self.random.choice(self.principals)
        partition = self.random.randrange(PARTITIONS)
        kind = self.random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        record = self._record(kind, principal, partition)
        self.producers[principal].produce(
            quarantine_topic(self.flow, principal),
            record.value,
            record.key,
            partition,
            headers=list(record.headers),
            on_delivery=partial(self._delivered, record),
        )
        self.count += 1

    def _record(self, kind: Kind, principal: str, partition: int) -> Sent:
        number, pan = self.count, self.random.choice(PANS)
        key: bytes | None = f"{partition}-{self.random.randrange(KEYS)}".encode()
        if kind is Kind.HELD:
            key = f"held-{number}".encode()  # else all of its key would wait for good
        elif kind is Kind.PLAIN and number % 50 == 0:
            key = None
        body = {"n": number, "kind": kind, "card": {"number": pan}, "note": f"paid with {pan}", "pad": "x" * 100}
        value: bytes | None = json.dumps(body).encode()
        if kind is Kind.TOMBSTONE:
            value = None
        elif kind is Kind.MALFORMED:
            value = (value or b"")[:-1]
        identity = b"somebody-else" if kind is Kind.FORGED else principal.encode()
        headers: tuple[tuple[str, bytes | None], ...] = (("trace", b"%d" % number), ("trace", None))
        if kind is Kind.FORGED or principal == "refunds":
            headers += (("panlock-identity", identity),)
        return Sent(kind, pan, key, value, headers)

    def _delivered(self, record: Sent, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self.errors.append(error)
        else:
            self.sent[RecordId(message.topic(), message.partition(), message.offset())] = record
