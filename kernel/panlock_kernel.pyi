"""Panlock's masking kernel: scan, mask and assess a chunk of records in one call, with the GIL released.

A rejected or odd record never raises; what raises is a wrong configuration (ValueError) or a defect of the kernel
(KernelPanic, whose text holds nothing of the record).
"""

from collections.abc import Sequence
from typing import Final, Self, final

__all__ = [
    "REFUSALS",
    "REJECTIONS",
    "Flow",
    "KernelPanic",
    "Keyring",
    "Record",
    "SignedChunk",
    "WrittenBatch",
    "check_path",
    "check_rule",
    "is_whole_batch",
    "parse_and_copy",
    "read_batch",
    "scan",
]

_Headers = tuple[tuple[str, bytes | None], ...]

# verdict, detail, key, value, headers, masking, more, sha256: see pipeline.masking.face.Masked, which names them
_Masked = tuple[int, str | None, bytes | None, bytes | None, _Headers | None, bytes, bytes | None, bytes]

# certificate, stream, sequence, number of the sealed key or -1, evidence, headers: pipeline.identity.proof.Proof
_Proof = tuple[bytes, bytes, int, int, bytes, _Headers]

REJECTIONS: Final[tuple[str, ...]]
"""Reason codes of rejected records: a verdict of -n means REJECTIONS[n - 1]."""

REFUSALS: Final[tuple[str, ...]]
"""Reason codes of refused signed records: a refusal of n means REFUSALS[n]."""

class KernelPanic(Exception):
    """A defect of the kernel. Its text is fixed: nothing of the record is in it."""

@final
class Keyring:
    """Token keys by id. `active` makes new tokens; tokens of every id in it are recognised and left alone.

    Raises ValueError: a key that is not 32 bytes, an id outside [a-z0-9]+ (1 to 16 characters), `active` not among
    them.
    """

    def __new__(cls, keys: dict[str, bytes], active: str) -> Self: ...

@final
class Flow:
    """One flow's field rules, scan and hold rules, compiled.

    `config` is JSON as kernel/src/config.rs has it: {"flow", "format", "fields": [{"path", "class", "strategy",
    "domain", "fallback"}], "scan": strategy | {"pan", "sad", "iban", "key", "domain"}, "allow": [path], "closed",
    "truncation": "6+4" | "8+4" | "0+4", "domains": {name: {"key", "previous"}}, "rules": [{"id", "when"}],
    "panic_on": text or null}, all of it optional. Raises ValueError, with a message for people.
    """

    def __new__(cls, config: bytes, keyring: Keyring) -> Self: ...
    def enforce(
        self,
        principal: str,
        keys: list[bytes | None],
        values: list[bytes | None],
        headers: list[Sequence[tuple[str, bytes | None]]],
    ) -> list[_Masked]:
        """Mask and assess a chunk: one result for each record, in order. The GIL is released. Raises KernelPanic."""

    def findings(self) -> list[tuple[str, int]]:
        """How many findings of each class there were so far, in records that were not rejected; every class once."""

    def reveal(self, encrypted: bytes) -> tuple[str, bytes] | None:
        """The class and text of a value that the flow has encrypted; None where it has not. Raises KernelPanic."""

    def assess(
        self, principal: str, key: bytes | None, value: bytes | None, headers: _Headers, masking: bytes
    ) -> tuple[int, str | None]:
        """The hold rules alone, over a record that is masked already: (0 or number of the rule that matched, detail).

        `masking` is the evidence that `enforce` gave. Raises KernelPanic.
        """

@final
class SignedChunk:
    """One partition's signed records: envelopes read, content and leaves hashed, roots computed; the GIL is released.

    `place`: cluster id, topic UUID (16 bytes), partition; `records` are Records, or others that have key, value,
    headers and timestamp (the broker's, ms); `window` in ms; `sealed`: clear records are refused. Raises ValueError,
    KernelPanic.
    """

    def __new__(
        cls, place: tuple[str, bytes, int], principal: str, records: Sequence[object], window: int, sealed: bool
    ) -> Self: ...
    @property
    def roots(self) -> list[tuple[bytes, int, int, bytes, bytes]]:
        """What signatures are to be verified, each once: certificate (x5t#S256), algorithm, size, root, signature."""

    @property
    def attached(self) -> list[tuple[int, bytes, int, bytes | None, bytes | None]]:
        """Of records that bring a chain or a sealed key: number, stream, time (ms), `panlock-certificates`,
        `panlock-sealed-key`."""

    @property
    def sealed_keys(self) -> list[bytes]:
        """The sealed data keys that are needed, by the hash of their header."""

    def finish(
        self, verdicts: Sequence[tuple[int, int] | int], keys: Sequence[bytes | int]
    ) -> tuple[list[bytes | None], list[bytes | None], list[_Headers], list[_Proof | int]]:
        """What the verdicts on the roots (the certificate's validity in ms, or a refusal) and the data keys (or a
        refusal) come to: keys, values and headers of the records that hold, opened and without `panlock-*`; and for
        every record its proof (pipeline.identity.proof.Proof) or its refusal. Raises ValueError, KernelPanic."""

def replay_chain(
    lane: int, due: int, head: bytes, keys: Sequence[bytes | None], values: Sequence[bytes | None]
) -> tuple[int, bytes, bytes, list[int]]:
    """How many audit records, from the first on, continue a lane's chain as they should: as event `due` and those
    behind it, in canonical form, under their keys, each with the hash of the one before, at first `head` (32 bytes).

    Returns that number, the hash of the last of them, their RFC 6962 leaf hashes one behind the other, and which of
    them have a signature. What it stops at need not be wrong: pipeline.audit.verify looks at it. Raises KernelPanic.
    """

def leaf_hashes(values: Sequence[bytes]) -> bytes:
    """RFC 6962 leaf hashes, one behind the other. Raises KernelPanic."""

def append_leaves(size: int, peaks: bytes, leaves: bytes) -> bytes:
    """Peaks (roots of the largest complete trees, the largest first) of a tree of `size` leaves that grows by `leaves`
    (hashes, one behind the other). Raises ValueError, KernelPanic."""

@final
class Record:
    """A record of a fetch (pipeline.record.Record). It refers to the fetch's bytes: what is asked for is made anew.

    A header's name that is not UTF-8 is given with surrogates (surrogateescape).
    """

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> _Headers: ...
    @property
    def size(self) -> int:
        """Bytes of key, value and headers."""

def read_batch(raw: bytes, start: int, end: int) -> tuple[list[Record], bool]:
    """The records of the uncompressed batch of format 2 that lies there, and whether it is well-formed to its end:
    where it is not, those in front of what is malformed. The checksum is not looked at."""

def is_whole_batch(raw: bytes, start: int, end: int) -> bool:
    """Whether the checksum of the batch that lies there is right. Raises ValueError: so many bytes there are not."""

@final
class WrittenBatch:
    """`records[start:]` as one uncompressed batch of format 2 of a transaction, as far as `limit` bytes take them, the
    first one always. `records`: a list of (key, value, timestamp in ms, headers)."""

    def __new__(
        cls, records: Sequence[tuple[bytes | None, bytes | None, int, _Headers]], start: int, limit: int
    ) -> Self: ...
    @property
    def count(self) -> int:
        """How many they are."""

    @property
    def size(self) -> int:
        """Bytes."""

    def sealed(self, producer: int, epoch: int, sequence: int) -> bytes:
        """The batch, with its checksum, of this producer."""

def check_rule(text: str) -> None:
    """Raises ValueError, with what is wrong and what to write instead, if `text` is no hold rule."""

def check_path(text: str) -> None:
    """Raises ValueError, with what is wrong and what to write instead, if `text` is no field path."""

def parse_and_copy(values: list[bytes]) -> list[bytes]:
    """Each JSON value read strictly and copied, nothing else: what bench/kernel.py measures enforcement by.

    Raises ValueError with the place of what is malformed.
    """

def scan(value: bytes) -> bytes:
    """What the scan finds in one JSON value, without masking it, as JSON.

    {"findings": [{"path", "class": "pan" | "sad" | "iban", "network": slug or null, "start", "end"}]}: code points of
    the unescaped string, or characters of a number's literal; with "error" ("<reason> at byte <n>") where the value is
    no JSON. Raises KernelPanic.
    """
