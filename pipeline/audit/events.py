"""Audit events and the hash chain of a lane.

An event is canonical JSON (RFC 8785), at most 65,535 bytes, under the key `lane/seq`:

    {"actor":{"principal":"checkout"},"id":"3/41","lane":3,"masking":[...],"outcome":"released","policy":"<hex>",
     "prev":"<hex>","resource":{"record":"quarantine.payments.checkout/3/17","sha256":"<hex>"},"seq":41,
     "time":"2026-11-24T04:08:00.123Z","type":"record.released","v":1}

`prev` is the SHA-256 of the event before, as written; 64 zeros at seq 0. Nothing in it is random: the same outcomes
in the same order give the same bytes. What is not known is absent, never null. PCI DSS v4.0.1, 10.2.2.
The last event of a transaction has a `signature` (pipeline.audit.signature).
"""

from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256 as digest

from pipeline.audit import canonical
from pipeline.audit.bound import UNSIGNED_BYTES, bounded
from pipeline.audit.signature import Signer
from pipeline.identity.proof import Proof, told

VERSION = 1
NO_PREVIOUS = "0" * 64
_LAST_MS = 253_402_300_799_999  # the end of year 9999


class EventType(StrEnum):
    """What an event tells. Never renamed; docs/reasons.md explains each."""

    RECORD_RELEASED = "record.released"
    RECORD_HELD = "record.held"
    RECORD_REJECTED = "record.rejected"
    DECISION_ACCEPTED = "decision.accepted"
    DECISION_REFUSED = "decision.refused"
    GRANT_PROPOSED = "grant.proposed"
    GRANT_APPROVED = "grant.approved"
    GRANT_OPENED = "grant.opened"
    GRANT_REVOKED = "grant.revoked"
    BREAK_GLASS_SIGNED = "break-glass.signed"
    BREAK_GLASS_USED = "break-glass.used"
    BREAK_GLASS_REVIEWED = "break-glass.reviewed"
    POLICY_PROPOSED = "policy.proposed"
    POLICY_APPROVED = "policy.approved"
    POLICY_APPLIED = "policy.applied"
    APPROVER_KEYS_OBSERVED = "approver.keys-observed"
    VALUE_REVEALED = "value.revealed"
    RECORDING_READ = "recording.read"
    RECORDING_APPROVED = "recording.approved"
    RECORDING_SHREDDED = "recording.shredded"
    REVIEW_ACKNOWLEDGED = "review.acknowledged"
    LANE_OPENED = "lane.opened"
    LANE_CLOSED = "lane.closed"
    LANE_RESUMED = "lane.resumed"
    RECORDS_LOST = "records.lost"
    TOPIC_RECREATED = "topic.recreated"
    STORE_CORRUPT = "store.corrupt"
    CERTIFICATE_SEEN = "certificate.seen"
    SEQUENCE_GAP = "sequence.gap"
    KEY_FIRST_USED = "key.first-used"
    IDENTITY_DENIED = "identity.denied"
    IDENTITY_ALLOWED = "identity.allowed"
    SEALER_STARTED = "sealer.started"
    SEALER_STOPPED = "sealer.stopped"
    LOG_REFUSED = "log.refused"
    ACCESS_READ = "access.read"
    ACCESS_WRITE = "access.write"
    ACCESS_DENIED = "access.denied"
    ACCESS_ADMINISTERED = "access.administered"
    ACCESS_REPLICATED = "access.replicated"
    ACCESS_COVERED = "access.covered"
    ACCESS_STARTED = "access.started"
    ACCESS_GAP = "access.gap"
    ACCESS_LATE = "access.late"
    ACCESS_SILENT = "access.silent"
    ACCESS_REFUSED = "access.refused"
    CARD_DATA_FOUND = "card-data.found"
    WITNESS_REFUSED = "witness.refused"
    WITNESS_FAILED = "witness.failed"
    TIMESTAMP_FAILED = "timestamp.failed"


def timestamp(ms: int) -> bytes:
    """RFC 3339 in UTC with milliseconds. Times beyond year 9999 or before 1970 are written as those limits."""
    seconds, rest = divmod(min(max(ms, 0), _LAST_MS), 1000)
    return b"%b.%03dZ" % (datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S").encode(), rest)


class Chain:
    """Numbers a lane's events and ties each to the one before. `seq` and `prev` are those of the next event."""

    def __init__(self, lane: int, policy: str, seq: int = 0, prev: bytes | str = NO_PREVIOUS) -> None:
        self.lane, self.policy, self.seq = lane, policy, seq
        self.prev = prev.decode() if isinstance(prev, bytes) else prev
        self._released = (
            b'{"actor":{%%b"principal":"%%b"},%%b"id":"%d/%%d","lane":%d,%%b"outcome":"released","policy":"%b",'
            b'"prev":"%%b","resource":{"record":"%%b","sha256":"%%b"},"seq":%%d,"time":"%%b",'
            b'"type":"record.released","v":1}' % (lane, lane, policy.encode())
        )
        self._key = b"%d/" % lane
        self._signer = b"", b""  # the last one's certificate, and what events say of it

    def released(
        self,
        record: str,
        principal: str,
        sha256: bytes,
        masking: bytes,
        more: bytes | None,
        time: bytes,
        proof: Proof | None = None,
    ) -> tuple[bytes, bytes]:
        """Key and event of a record released straight away: the hot path, at most 2.5 us.

        One template suffices because ids, names and hashes match [a-z0-9./-] and the evidence comes canonical from the
        kernel; `event` gives the same bytes.
        """
        evidence = b"" if masking == b"[]" else b'"masking":' + masking + b","
        if more is not None:
            evidence += b'"masking_more":' + more + b","
        seq = self.seq
        certificate = proven = b""
        if proof is not None:
            if proof[0] is not self._signer[0]:
                self._signer = proof[0], b'"certificate":"%b",' % proof[0].hex().encode()
            certificate = self._signer[1]
            proven = proof[4] + b","
        event = self._released % (
            certificate, principal.encode(), proven, seq, evidence, self.prev.encode(), record.encode(), sha256,
            seq, time,
        )  # fmt: skip
        if len(event) > UNSIGNED_BYTES:
            return self._long_release(record, principal, sha256, masking, more, time, proof)
        self.seq, self.prev = seq + 1, digest(event).hexdigest()
        return self._key + b"%d" % seq, event

    def _long_release(
        self,
        record: str,
        principal: str,
        sha256: bytes,
        masking: bytes,
        more: bytes | None,
        time: bytes,
        proof: Proof | None,
    ) -> tuple[bytes, bytes]:
        return self.event(
            EventType.RECORD_RELEASED,
            time,
            **by(principal, told(proof)),
            outcome="released",
            resource={"record": record, "sha256": sha256.decode()},
            masking=canonical.decode(masking),
            masking_more=None if more is None else canonical.decode(more),
        )

    def event(self, type: EventType, time: bytes, **fields: object) -> tuple[bytes, bytes]:
        """Key and event of anything else. None is left out, what is too long cut (pipeline.audit.bound).

        Raises NotCanonicalError for a float, a key outside ASCII, or an integer beyond 2^53.
        """
        head = {
            "v": VERSION,
            "id": f"{self.lane}/{self.seq}",
            "type": type.value,
            "time": time.decode(),
            "lane": self.lane,
            "seq": self.seq,
            "prev": self.prev,
            "policy": self.policy,
        }
        event = bounded(head, {name: value for name, value in fields.items() if value is not None})
        key = self._key + b"%d" % self.seq
        self.seq, self.prev = self.seq + 1, digest(event).hexdigest()
        return key, event

    def sign_last(self, event: bytes, signer: Signer, origin: str) -> bytes:
        """The event that was made last, signed; the next one's `prev` is its hash."""
        signed = signer.sign(origin, self.seq - 1, event)
        self.prev = digest(signed).hexdigest()
        return signed


def by(principal: str, proof: bytes | None) -> dict[str, object]:
    """Who wrote a record, as fields of its event; `proof` of a signed one as pipeline.identity.proof.told has it."""
    if proof is None:
        return {"actor": {"principal": principal}}
    members = canonical.decode(proof)
    assert isinstance(members, dict)  # noqa: S101  # pipeline.identity.proof made it
    actor = {"principal": principal, "certificate": members.pop("certificate")}
    return {"actor": actor, **members}
