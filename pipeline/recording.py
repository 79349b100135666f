"""Recordings: what a producer wrote, as it arrived and masked, one message a record in `panlock.recordings.<flow>`.

    key        record id
    timestamp  when the broker took the record
    value      masked, as in the clean topic; null of a tombstone, and of a record that could not be masked
    headers    the producer's, masked, in their order; then Panlock's own:

    panlock-recording  {"v":1}; of a record that could not be masked, its length, reason and keyed hash, and no byte:
                       {"length":37,"place":"byte 17","reason":"malformed-json","sha256":"<hex>","under":"k1","v":1}
    panlock-principal  who wrote it
    panlock-policy     hash of the policy it was masked under
    panlock-key        the masked key; absent where that is null
    panlock-reveal     where card numbers are kept, in the value as enc_<id>_…: their data key, wrapped
                       (pipeline.keys.recording)
    panlock-envelope   of a signed record: {"certificate":…,"content":…,"envelope":…}, as its events have them

What became of the record is in the audit, under the same record id.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from pipeline.errors import PanlockError
from pipeline.keys.recording import SealedDataKey, SealedKeyError
from pipeline.record import Headers, Record, RecordId, RecordIdError, framed

REPLAYERS = "replayers"  # the role of people who replay recordings
OWN = "panlock-"  # headers that no producer's can be
MARK = b'{"v":1}'
HASH_DOMAIN = b"panlock-rejected-v1"
_KEY_PURPOSE = b"panlock-rejected-key-v1"


class RecordingError(PanlockError):
    """A message of a recordings topic that no worker wrote so."""


@dataclass(frozen=True, slots=True)
class HashKey:
    """What hashes records that could not be masked: made of the token key `id`, which every worker has."""

    id: str
    key: bytes = field(repr=False)

    @classmethod
    def of(cls, id_: str, token_key: bytes) -> "HashKey":
        return cls(id_, hmac.digest(token_key, _KEY_PURPOSE, "sha256"))

    def hash(self, record: Record) -> str:
        """HMAC-SHA-256 of the record as it was written, framed as pipeline.record.record_sha256 has it; hex."""
        parts = [record.key, record.value]
        for name, content in record.headers:
            parts += [name.encode(errors="surrogateescape"), content]
        digest = hmac.new(self.key, HASH_DOMAIN, "sha256")
        for part in parts:
            digest.update(framed(part))
        return digest.hexdigest()


def refused_mark(reason: str, place: str | None, length: int | None, hash_: str | None, under: str | None) -> bytes:
    """Of a record that could not be masked; `length` of its value in bytes. What is not known is left out."""
    told = {"v": 1, "reason": reason, "place": place, "length": length, "sha256": hash_, "under": under}
    return orjson.dumps({k: v for k, v in told.items() if v is not None}, option=orjson.OPT_SORT_KEYS)


@dataclass(frozen=True, slots=True)
class Recording:
    """One message read back; `timestamp` in ms. `refused`: its reason and what else is known of it, of a record that
    could not be masked; `envelope` of a signed one; `sealed`: the data key of what it has encrypted."""

    record: RecordId
    timestamp: int
    principal: str
    policy: str
    key: bytes | None
    value: bytes | None
    headers: Headers
    refused: dict[str, Any] | None
    envelope: dict[str, Any] | None
    sealed: SealedDataKey | None

    @property
    def flow(self) -> str:
        return self.record.topic.split(".")[1]


def read_recording(
    key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes | None]], timestamp: int
) -> Recording:
    """Raises RecordingError."""
    own = {name: content or b"" for name, content in headers if name.startswith(OWN)}
    try:
        record = RecordId.parse((key or b"").decode())
        mark = orjson.loads(own["panlock-recording"])
        version = mark.pop("v")
        principal, policy = own["panlock-principal"].decode(), own["panlock-policy"].decode()
        envelope = orjson.loads(own["panlock-envelope"]) if "panlock-envelope" in own else None
        sealed = SealedDataKey.decode(own["panlock-reveal"]) if "panlock-reveal" in own else None
    except (ValueError, TypeError, KeyError, AttributeError, RecordIdError, SealedKeyError):
        raise RecordingError("no recording: it has another form") from None
    if version != 1:
        raise RecordingError(f"a recording of version {version}: use a newer Panlock")
    if record.topic.count(".") != 2:
        raise RecordingError("no recording: its key names no quarantine topic")
    theirs = tuple((name, content) for name, content in headers if not name.startswith(OWN))
    return Recording(
        record, timestamp, principal, policy, own.get("panlock-key"), value, theirs, mark or None, envelope, sealed
    )
