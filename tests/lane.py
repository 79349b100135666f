"""A lane without Kafka: a dictionary for its state, and the chunks and messages that a broker would have brought."""

import json
import time
import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc.jwk import OKPKey
from panlock_kernel import Keyring

from pipeline.approval.decision import Decision, Tick, sign_message
from pipeline.approval.pending import Pending
from pipeline.batch import Record, WrittenBatch, read_batch
from pipeline.effects import Effects, Out
from pipeline.enforce import decide, enforce
from pipeline.holds import Messages
from pipeline.policy import parse_policy
from pipeline.policy.topics import DECISIONS, PENDING, limits
from pipeline.record import Headers, RecordId
from pipeline.source import Context, sources
from pipeline.state import PENDING_PREFIX, QUEUE_PREFIX, payload

NOW = 1_795_500_000_000  # ms
KEYS = {name: OKPKey.import_key(Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32)) for n, name in
        enumerate(("ana", "ben", "cem", "ops", "dee", "eve"), 1)}  # fmt: skip


def jwk(name: str) -> str:
    public = KEYS[name].as_dict(private=False)
    return json.dumps({"kty": "OKP", "crv": "Ed25519", "x": public["x"]})


POLICY = f"""
version: 1
lanes: 1
principals:
  checkout: {{spiffe: spiffe://pay.example/checkout, owners: [ben@pay.example]}}
  strict: {{spiffe: spiffe://pay.example/strict, identity: header}}
people:
  ana@pay.example: {{certificate: ana, roles: [payments-approvers], keys: [{jwk("ana")}]}}
  ben@pay.example: {{certificate: ben, roles: [payments-approvers], keys: [{jwk("ben")}]}}
  cem@pay.example: {{certificate: cem, roles: [payments-approvers], keys: [{jwk("cem")}]}}
  ops@pay.example: {{certificate: opal, roles: [operators], keys: [{jwk("ops")}]}}
flows:
  payments:
    producers: [checkout, strict]
    partitions: 1
    fields:
      - {{path: $.card.number, class: pan, strategy: token}}
    hold:
      - id: large
        when: has(record.amount) && record.amount > 5000.0
        reason: large amounts need two people
        approvers: [payments-approvers]
        quorum: 2
        expires: 1h
"""
HOUR = 3_600_000
TOPIC = "quarantine.payments.checkout"


class MemoryState:
    """pipeline.state.State on a dictionary."""

    def __init__(self) -> None:
        self.content: dict[bytes, bytes] = {}

    def get(self, key: bytes) -> bytes | None:
        return self.content.get(key)

    def keys(self, prefix: bytes, limit: int) -> list[bytes]:
        return sorted(key for key in self.content if key.startswith(prefix))[:limit]

    def due(self, until: int, limit: int) -> list[str]:
        holds = [Pending.decode(payload(v)) for k, v in self.content.items() if k.startswith(PENDING_PREFIX)]
        return [each.record for each in sorted(holds, key=lambda each: each.expires) if each.expires <= until][:limit]

    def waiting(self) -> bool:
        return any(key.startswith((PENDING_PREFIX, QUEUE_PREFIX)) for key in self.content)

    def apply(self, effects: Effects) -> None:
        for key, value in effects.changes.items():
            if value is None:
                self.content.pop(key, None)
            else:
                self.content[key] = value


class MemoryLane:
    """Feeds batches to `decide` and keeps what came out, by topic."""

    def __init__(self, policy: str = POLICY, **context: Any) -> None:
        self.policy = parse_policy(policy, "policy.yaml")
        self.state = MemoryState()
        self.context = replace(Context(
            policy=self.policy,
            lane=0,
            cluster="cluster",
            worker="w@host/1",
            topic_ids={TOPIC: "uuid", "quarantine.payments.strict": "uuid2", DECISIONS: "uuid3"},
            limits=limits(self.policy),
            compacted=frozenset(),
            sources=sources(self.policy, Keyring({"k1": bytes(32)}, "k1")),
        ), **context)  # fmt: skip
        self.out: dict[str, list[Out]] = {}
        self.offsets: dict[str, int] = {}
        self.effects = Effects()

    def records(
        self,
        *values: bytes | None,
        key: bytes | None = b"k",
        headers: Headers = (),
        topic: str = TOPIC,
        at: int = NOW,
        now: int = NOW,
    ) -> Effects:
        """One chunk of records with one key, decided as one batch."""
        return self.chunk([(key, value) for value in values], headers, topic, at, now)

    def chunk(
        self,
        pairs: Sequence[tuple[bytes | None, bytes | None]],
        headers: Headers = (),
        topic: str = TOPIC,
        at: int = NOW,
        now: int = NOW,
    ) -> Effects:
        start = self.offsets.get(topic, 0)
        self.offsets[topic] = end = start + len(pairs)
        records = [fetched(start + n, at, key, value, headers) for n, (key, value) in enumerate(pairs)]
        return self.batch([enforce(self.context.sources[topic], 0, records, end)], now)

    def messages(self, *values: bytes, at: int = NOW, now: int | None = None, observed: Any = None) -> Effects:
        start = self.offsets.get(DECISIONS, 0)
        self.offsets[DECISIONS] = end = start + len(values)
        records = [fetched(start + n, at, b"", value, ()) for n, value in enumerate(values)]
        return self.batch([Messages(records, end, observed or {})], at if now is None else now)

    def tick(self, at: int) -> Effects:
        return self.messages(Tick(0, at).encode(), at=at)

    def batch(self, items: Sequence[Any], now: int = NOW) -> Effects:
        self.effects = decide(items, self.state, self.context, now)
        self.state.apply(self.effects)
        for (topic, _), outs in self.effects.sends.items():
            self.out.setdefault(topic, []).extend(outs)
        return self.effects

    def sign(self, name: Any, offset: int = 0, decision: str = "approve", **changes: Any) -> bytes:
        """A decision on the held record at the offset, as its approver (of KEYS, or a session) would sign it."""
        record = str(RecordId(TOPIC, 0, offset))
        value = self.state.get(b"pending/" + record.encode())
        sha256 = Pending.decode(payload(value)).sha256 if value else "0" * 64
        fields = {"cluster": "cluster", "topic_id": "uuid", "record": record, "sha256": sha256,
                  "policy": self.policy.hash, "decision": decision, "reason": "seen", "jti": str(uuid.uuid4()),
                  "iat": int(time.time()), **changes}  # fmt: skip
        return sign_message(KEYS[name] if isinstance(name, str) else name, Decision(**fields))

    def events(self) -> list[dict[str, Any]]:
        return [orjson.loads(out.value or b"") for out in self.out.get("panlock.audit", [])]

    def told(self) -> list[tuple[str, str | None]]:
        """(type, reason) of every event."""
        return [(event["type"], event.get("reason")) for event in self.events()]

    def clean(self) -> list[bytes | None]:
        return [out.value for out in self.out.get("clean.payments", [])]

    def held(self) -> list[int]:
        """Offsets of what is pending now."""
        return [int(key.rsplit(b"/", 1)[1]) for key in self.state.keys(PENDING_PREFIX, 100_000)]

    def previews(self) -> dict[bytes | None, bytes | None]:
        return {out.key: out.value for out in self.out.get(PENDING, [])}


def fetched(offset: int, at: int, key: bytes | None, value: bytes | None, headers: Headers) -> Record:
    """A record as a fetch gives it; header names may hold any bytes, those that are no UTF-8 as surrogates."""
    names = {name: name.encode("utf-8", "surrogateescape") for name, _ in headers}
    written = tuple((name if name.isprintable() else "\1" * len(names[name]), content) for name, content in headers)
    raw = bytearray(WrittenBatch([(key, value, at, written)], 0, 0).sealed(1, 0, 0))
    for name, as_bytes in names.items():
        if not name.isprintable():
            assert raw.count(b"\1" * len(as_bytes)) == 1
            raw = raw.replace(b"\1" * len(as_bytes), as_bytes)
    raw[:8] = offset.to_bytes(8, "big")
    (record,), whole = read_batch(bytes(raw), 0, len(raw))
    assert whole
    return record
