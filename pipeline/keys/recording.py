"""Data keys of recordings that reveal: one a lane and hour, wrapped by a KEK of its flow and month.

A message that was encrypted under one carries it, wrapped, in its header `panlock-reveal` (canonical JSON):

    {"ciphertext":"vault:v1:...","flow":"payments","hour":"2026-11-24T21","id":"r4f0a2c81b9d03e7","lane":3,
     "service":"vault"|"aws"|"file","v":1}

The KEK's name follows from it: `panlock-recordings-payments-2026-11`. `ciphertext` is the key service's own, bound to
flow, lane, hour and id. Who destroys the KEK makes all of that flow and month unreadable.
"""

from dataclasses import asdict, dataclass, field
from typing import Literal, Protocol

import orjson

from pipeline.errors import PanlockError

VERSION = 1
KIND = "recording"  # what a key service binds ciphertexts to, beside `bound`
Service = Literal["vault", "aws", "file"]


class SealedKeyError(PanlockError):
    """A header `panlock-reveal` that cannot be read."""


@dataclass(frozen=True, slots=True)
class SealedDataKey:
    """`hour` in UTC, as 2026-11-24T21; `id` has 16 characters, `r` and hex: encrypted values name it."""

    flow: str
    lane: int
    hour: str
    id: str
    service: Service
    ciphertext: str

    @property
    def kek(self) -> str:
        return kek_name(self.flow, self.hour[:7])

    @property
    def bound(self) -> str:
        return f"{self.flow}/{self.lane}/{self.hour}/{self.id}"

    def encode(self) -> bytes:
        return orjson.dumps({"v": VERSION, **asdict(self)}, option=orjson.OPT_SORT_KEYS)

    @classmethod
    def decode(cls, data: bytes) -> "SealedDataKey":
        """Raises SealedKeyError."""
        try:
            body = orjson.loads(data)
            version = body.pop("v")
            found = cls(**body)
        except (ValueError, TypeError, KeyError, AttributeError):
            raise SealedKeyError("panlock-reveal has another form: the recording was altered") from None
        if version != VERSION or found.service not in ("vault", "aws", "file"):
            raise SealedKeyError("panlock-reveal is of another version: use a newer Panlock")
        return found


@dataclass(frozen=True, slots=True)
class DataKey:
    """In the clear, in a worker's memory alone: 32 bytes. `header`: what messages carry of it."""

    id: str
    key: bytes = field(repr=False)
    header: bytes


class DataKeys(Protocol):
    def current(self, flow: str, lane: int) -> DataKey:
        """Of this hour. Called from several threads. Raises KeysError."""


def kek_name(flow: str, month: str) -> str:
    """`month` as 2026-11."""
    return f"panlock-recordings-{flow}-{month}"
