"""A record, its id, its hash, and what enforcement can decide about it."""

import hashlib
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from pipeline.errors import PanlockError

Headers = tuple[tuple[str, bytes | None], ...]

HASH_DOMAIN = b"panlock-record-v1"
_NULL = b"\xff\xff\xff\xff"


class RecordIdError(PanlockError):
    """A record id that is not `<quarantine topic>/<partition>/<offset>`."""


class RecordId(NamedTuple):
    """Where a record was written: its quarantine topic, partition and offset."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"

    @classmethod
    def parse(cls, text: str) -> "RecordId":
        """Raises RecordIdError."""
        parts = text.split("/")
        if len(parts) != 3 or not parts[0] or not all(p.isascii() and p.isdigit() for p in parts[1:]):
            raise RecordIdError("not a record id: write it as <quarantine topic>/<partition>/<offset>")
        return cls(parts[0], int(parts[1]), int(parts[2]))


class Record(Protocol):
    """One record as a topic holds it; `timestamp` in milliseconds, stamped by the broker (LogAppendTime)."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...


class Outcome(StrEnum):
    """What enforcement decided for one record."""

    RELEASED = "released"
    HELD = "held"
    REJECTED = "rejected"


class Reason(StrEnum):
    """Why a record was rejected. Codes are never renamed and never change meaning; docs/reasons.md explains each."""

    IDENTITY_MISSING = "identity-missing"
    IDENTITY_DUPLICATE = "identity-duplicate"
    IDENTITY_MISMATCH = "identity-mismatch"
    ENVELOPE_MISSING = "envelope-missing"
    ENVELOPE_DUPLICATE = "envelope-duplicate"
    ENVELOPE_MALFORMED = "envelope-malformed"
    ENVELOPE_STALE = "envelope-stale"
    REPLAYED = "replayed"
    SIGNATURE_INVALID = "signature-invalid"
    CERTIFICATE_UNKNOWN = "certificate-unknown"
    CERTIFICATE_INVALID = "certificate-invalid"
    CERTIFICATE_EXPIRED = "certificate-expired"
    CERTIFICATE_DENIED = "certificate-denied"
    PRINCIPAL_MISMATCH = "principal-mismatch"
    SEAL_REQUIRED = "seal-required"
    SEAL_INVALID = "seal-invalid"
    SEAL_KEY_UNKNOWN = "seal-key-unknown"
    MALFORMED_JSON = "malformed-json"
    MALFORMED_VALUE = "malformed-value"
    SCHEMA_UNKNOWN = "schema-unknown"
    SCHEMA_MISMATCH = "schema-mismatch"
    DUPLICATE_KEY = "duplicate-key"
    INVALID_UTF8 = "invalid-utf8"
    NOT_FINITE = "not-finite"
    TRAILING_BYTES = "trailing-bytes"
    TOO_DEEP = "too-deep"
    TOO_LARGE = "too-large"
    FIELD_TYPE = "field-type"
    KEY_MISSING = "key-missing"
    HEADER_NAME = "header-name"
    UNDECLARED_FIELD = "undeclared-field"
    QUEUE_FULL = "queue-full"
    DENIED = "denied"
    EXPIRED = "expired"
    INTERNAL_ERROR = "internal-error"


class Way(StrEnum):
    """How a record that a rule would hold, or held, was released without its rule's decisions."""

    BY_GRANT = "released-by-grant"
    BY_BREAK_GLASS = "released-by-break-glass"


class Refusal(StrEnum):
    """Why a decision was refused."""

    UNKNOWN_RECORD = "unknown-record"
    ALREADY_DECIDED = "already-decided"
    EXPIRED = "expired"
    REPEATED = "repeated"
    WRONG_ROLE = "wrong-role"
    OWNER = "owner"
    UNKNOWN_KEY = "unknown-key"
    BAD_SIGNATURE = "bad-signature"
    WRONG_HASH = "wrong-hash"
    WRONG_TOPIC = "wrong-topic"
    WRONG_CLUSTER = "wrong-cluster"
    REQUESTER = "requester"
    TOKEN_INVALID = "token-invalid"  # noqa: S105  # a reason code
    TOKEN_UNBOUND = "token-unbound"  # noqa: S105
    TOKEN_STALE = "token-stale"  # noqa: S105
    WEAK_SIGN_IN = "weak-sign-in"
    DEVICE_FLOW = "device-flow"
    ISSUER_UNREACHABLE = "issuer-unreachable"
    PERSON_DENIED = "person-denied"
    KEY_DENIED = "key-denied"
    UNKNOWN_GRANT = "unknown-grant"
    WRONG_RULE = "wrong-rule"
    CONDITION_INVALID = "condition-invalid"
    GRANT_LIMITS = "grant-limits"
    KEY_NOT_HARDWARE = "key-not-hardware"
    NOT_APPROVED = "not-approved"


class Unreadable(NamedTuple):
    """A record that the transport could not, or would not, unpack: rejected with this reason, unseen.

    `headers` is not empty, so that enforcement looks at it.
    """

    offset: int
    timestamp: int
    reason: Reason
    key: bytes | None = None
    value: bytes | None = None
    headers: Headers = (("", None),)

    @property
    def size(self) -> int:
        return 0


def record_sha256(key: bytes | None, value: bytes | None, headers: Headers) -> str:
    """Hash of a masked record, lower-case hex: what decisions sign and events carry.

    SHA-256 over `panlock-record-v1`, then key, value, and each header's name and value, each as u32 big-endian length
    (0xffffffff for null) and bytes. Headers named `panlock-*` are Panlock's own and not part of it.
    """
    digest = hashlib.sha256(HASH_DOMAIN)
    parts = [key, value]
    for name, content in headers:
        if not name.startswith("panlock-"):
            parts += [name.encode(), content]
    for part in parts:
        digest.update(framed(part))
    return digest.hexdigest()


def framed(part: bytes | None) -> bytes:
    """With its length before it, so that no two lists of parts look alike."""
    return _NULL if part is None else len(part).to_bytes(4, "big") + part
