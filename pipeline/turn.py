"""One batch of a lane being decided: what it reads and changes, and the three outcomes as it tells them.

Each outcome is an audit event, and beside it the clean record, the pending record with its preview, or the rejection.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import orjson

from pipeline.approval.pending import Pending
from pipeline.approval.requester import requester_of
from pipeline.audit.events import Chain, EventType, by, timestamp
from pipeline.audit.origin import origin
from pipeline.effects import Effects, Out
from pipeline.first_use import is_token, key_fields, names_key
from pipeline.keys.opened import audit_name
from pipeline.policy.topics import AUDIT, PENDING, STATE
from pipeline.record import Headers, Reason, RecordId, Way
from pipeline.source import Context, Source
from pipeline.state import (
    CHAIN,
    VERSION,
    Queue,
    State,
    View,
    decode_chain,
    decode_json,
    denied_key,
    encode_chain,
    first_use_key,
    grant_key,
    key_digest,
    pending_key,
)

BATCH_OVERHEAD, RECORD_OVERHEAD, HEADER_OVERHEAD = 61, 21, 10  # Kafka's record format v2, at most
STEPS = 500  # expiries and followers a transaction: bounds its size and time
ROOM = 8 << 20  # bytes of followers a transaction, but always one


class Parked(NamedTuple):
    """A masked record on its way; `timestamp` is the quarantine record's, in ms."""

    id: str
    partition: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    masking: bytes
    more: bytes | None
    sha256: bytes
    topic_id: str
    proof: bytes | None  # pipeline.identity.proof.told of a signed one

    @classmethod
    def of(cls, pending: Pending) -> "Parked":
        return cls(
            pending.record,
            RecordId.parse(pending.record).partition,
            pending.timestamp,
            pending.key,
            pending.value,
            pending.headers,
            pending.masking,
            pending.more,
            pending.sha256.encode(),
            pending.topic_id,
            pending.proof,
        )


def batch_bytes(key: bytes | None, value: bytes | None, headers: Headers) -> int:
    """An upper bound of what a batch of this one record takes, uncompressed."""
    size = BATCH_OVERHEAD + RECORD_OVERHEAD + len(key or b"") + len(value or b"")
    return size + sum(HEADER_OVERHEAD + len(name.encode()) + len(content or b"") for name, content in headers)


class Turn:
    """Collects the effects of one batch. `now` is the worker's clock in ms: it stamps events, it decides nothing."""

    def __init__(self, context: Context, state: State, now: int) -> None:
        self.context, self.now, self.time = context, now, timestamp(now)
        self.view, self.effects = View(state), Effects()
        self.effects.changes = self.view.changes
        self.chain = Chain(context.lane, context.policy.hash, *decode_chain(self.view.get(CHAIN)))
        self.audit = self.effects.sends.setdefault((AUDIT, context.lane), [])
        self.policy = context.policy.hash.encode()
        self.steps, self.room = STEPS, ROOM

    def finish(self) -> Effects:
        for id_, encoded in self.view.told_grants.items():
            self.effects.send(PENDING, self.context.lane, Out(grant_key(id_), encoded, self.now))
        if self.audit:
            self._tell_first_uses()
            self._sign()
            self.view.put(CHAIN, encode_chain(self.chain.seq, self.chain.prev))
        else:
            del self.effects.sends[(AUDIT, self.context.lane)]
        return self.effects

    def _tell_first_uses(self) -> None:
        """Of token keys that the events' evidence names, and of the key that is about to sign them."""
        for name in self.context.keys:
            if is_token(name) and self.first_use(name) and names_key(name, (out.value for out in self.audit)):
                self.use_key(name)
        if self.context.signer is not None:
            self.use_key(audit_name(self.context.signer.kid))

    def _sign(self) -> None:
        """The worker answers for the chain up to its last event."""
        context, last = self.context, self.audit[-1]
        if context.signer is not None and last.value is not None:
            log = origin(context.cluster, AUDIT, context.lane)
            self.audit[-1] = last._replace(value=self.chain.sign_last(last.value, context.signer, log))

    def event(self, type_: EventType, **fields: object) -> str:
        """Append an event to the lane's chain; returns its id."""
        key, event = self.chain.event(type_, self.time, **fields)
        self.audit.append(Out(key, event, self.now))
        self.effects.events[type_] += 1
        return key.decode()

    def first_use(self, name: str) -> bool:
        """Whether the lane has not used that key yet; `name` as pipeline.keys.opened has it."""
        return self.view.get(first_use_key(name)) is None

    def use_key(self, name: str) -> None:
        """Tell the audit of a key's first use in this lane, once."""
        if name in self.context.keys and self.first_use(name):
            key = key_fields(name, self.context.keys[name])
            event = self.event(EventType.KEY_FIRST_USED, actor={"worker": self.context.worker}, key=key)
            self.view.put(first_use_key(name), VERSION + event.encode())

    def denied(self, kind: str, value: str) -> bool:
        """Whether the policy or an operator has denied this certificate, serial, principal, person or key."""
        if self.context.policy.denied.has(kind, value):
            return True
        word = decode_json(self.view.get(denied_key(kind, value)))
        return word is not None and word["effect"] == "deny"

    def release(
        self, source: Source, record: Parked, time: int | None, approval: object, way: Way | None = None
    ) -> None:
        """One that a rule has to do with, to the clean topic. Too large is a rejection.

        `time`: of its release in ms; None: it did not wait, and keeps its own.
        """
        headers = self.clean_headers(source, record, time is not None)
        if batch_bytes(record.key, record.value, headers) > self.context.limits[source.clean]:
            self.reject(source, record.id, Reason.TOO_LARGE, "value", record.proof)
            return
        partition = source.clean_partition(record.key, record.partition)
        out = Out(record.key, record.value, record.timestamp if time is None else time, headers)
        self.effects.send(source.clean, partition, out)
        self.event(
            EventType.RECORD_RELEASED,
            **by(source.principal, record.proof),
            outcome="released",
            reason=None if way is None else way.value,
            resource={"record": record.id, "sha256": record.sha256.decode()},
            approval=approval,
            **evidence(record.masking, record.more),
        )
        self.effects.outcomes[source.flow, "released", "" if way is None else way.value] += 1

    def clean_headers(self, source: Source, record: Parked, waited: bool = True) -> Headers:
        """The producer's, and Panlock's own; `panlock-produced-at` where the record waited."""
        own: Headers = (
            ("panlock-record-id", record.id.encode()),
            ("panlock-principal", source.principal.encode()),
            ("panlock-policy", self.policy),
        )
        produced: Headers = (("panlock-produced-at", b"%d" % record.timestamp),) if waited else ()
        return (*record.headers, *own, *produced)

    def reject(
        self,
        source: Source,
        record: str,
        reason: Reason,
        place: str | None,
        proof: bytes | None = None,
        **fields: object,
    ) -> None:
        """Nothing of the record goes anywhere; its producer is told which, why and where. `proof`: as Parked has it."""
        told = {"v": 1, "record": record, "reason": reason, "place": place}
        self.event(
            EventType.RECORD_REJECTED,
            **by(source.principal, proof),
            outcome="rejected",
            reason=reason.value,
            place=place,
            resource={"record": record},
            **fields,
        )
        out = Out(record.encode(), orjson.dumps(told), self.now)
        self.effects.send(source.rejections, self.context.lane, out)
        self.effects.outcomes[source.flow, "rejected", reason.value] += 1

    def hold(self, source: Source, record: Parked, verdict: int, detail: str | None, since: int) -> None:
        """Park the masked record under rule `verdict - 1`; it expires `expires` after `since` (ms, broker time)."""
        rule = source.rules[verdict - 1]
        pending = replace(
            self.parked(source, record),
            rule=rule.id,
            reason=detail or rule.reason,
            quorum=rule.quorum,
            approvers=tuple(rule.approvers),
            expires=since + rule.expires_ms,
            requester=None if rule.requester in (None, "none") else requester_of(str(rule.requester), record.value),
            device=rule.device_flow == "allow",
        )
        if not self.fits(pending, source):
            self.reject(source, record.id, Reason.TOO_LARGE, "value", record.proof)
            return
        if self.view.pending(record.id) is not None:  # held from a former topic of that name: its id is taken
            self.reject(source, record.id, Reason.INTERNAL_ERROR, None, record.proof)
            return
        self.view.hold(pending)
        if pending.ordered and record.key is not None:
            digest = key_digest(record.key)
            self.view.set_queue(source.flow, digest, self.view.queue(source.flow, digest) or Queue(0, 0))
        self.event(
            EventType.RECORD_HELD,
            **by(source.principal, record.proof),
            outcome="held",
            reason=detail or rule.id,
            resource={"record": record.id, "sha256": pending.sha256},
            approval={"rule": rule.id, "quorum": rule.quorum, "expires": timestamp(pending.expires).decode()},
            **evidence(record.masking, record.more),
        )
        self.preview(pending, pending.encode())
        self.effects.outcomes[source.flow, "held", rule.id] += 1

    def parked(self, source: Source, record: Parked) -> Pending:
        """The record as state keeps it; under no rule yet: so it waits behind a held one of its key."""
        return Pending(
            record=record.id,
            topic_id=record.topic_id,
            flow=source.flow,
            principal=source.principal,
            rule="",
            reason="",
            quorum=0,
            approvers=(),
            expires=0,
            sha256=record.sha256.decode(),
            timestamp=record.timestamp,
            ordered=source.ordered and record.key is not None,
            key=record.key,
            value=record.value,
            headers=record.headers,
            masking=record.masking,
            more=record.more,
            policy=self.context.policy.hash,
            votes=(),
            proof=record.proof,
        )

    def fits(self, pending: Pending, source: Source) -> bool:
        """Whether the pending record with all its votes, and the clean one it would become, fit their topics."""
        headers = self.clean_headers(source, Parked.of(pending))
        overhead = batch_bytes(pending_key(pending.record), VERSION, ())
        return (
            overhead + pending.largest() <= min(self.context.limits[PENDING], self.context.limits[STATE])
            and batch_bytes(pending.key, pending.value, headers) <= self.context.limits[source.clean]
        )

    def preview(self, pending: Pending, encoded: bytes | None) -> None:
        """What approvers see; None once it is decided."""
        self.effects.send(PENDING, self.context.lane, Out(pending.record.encode(), encoded, self.now))

    def end_hold(self, pending: Pending) -> None:
        self.view.put(pending_key(pending.record), None)
        self.preview(pending, None)


def evidence(masking: bytes, more: bytes | None) -> dict[str, Sequence[object]]:
    """The masking evidence as fields of an event; absent where nothing was masked."""
    fields = {} if masking == b"[]" else {"masking": orjson.loads(masking)}
    return fields if more is None else {**fields, "masking_more": orjson.loads(more)}
