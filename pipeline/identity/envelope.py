"""The signed envelope of a record, version 1; docs/envelope.md specifies it, tests/vectors/envelope pin it.

head       u8 version 1 | u8 flags (bit 0: sealed) | u8 algorithm | certificate x5t#S256 (32) | stream id (16) |
           u64 sequence | u64 time in ms | only if sealed: SHA-256 of the sealed data key (32)
proof      u32 tree size | u32 leaf index | u8 hashes | the path, 32 bytes each | u16 length | signature
envelope   head | proof, and nothing behind it; big-endian

content    SHA-256("panlock-content-v1" | salt (16) | key | value | each header's name and value), each with a u32
           length in front, 0xffffffff for null
leaf       SHA-256(0x00 | "panlock-envelope-v1" | u8 length, cluster id | topic UUID (16) | u32 partition |
           u8 length, principal | head | content)
"""

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from pipeline.errors import PanlockError
from pipeline.identity.headers import IDENTITY
from pipeline.identity.merkle import MAX_LEAVES, MerkleError, path_length

ENVELOPE, SALT = "panlock-envelope", "panlock-salt"
CERTIFICATES, SEALED_KEY = "panlock-certificates", "panlock-sealed-key"
PRIVATE = frozenset((ENVELOPE, SALT, CERTIFICATES, SEALED_KEY))  # stripped before anything leaves quarantine

VERSION, SEALED = 1, 0x01
SALT_BYTES = STREAM_BYTES = TOPIC_BYTES = 16
HASH_BYTES = 32
MAX_SIGNATURE = 512  # RSA of 4,096 bits; what is longer is nobody's
_HEAD = struct.Struct(">BBB32s16sQQ")
_PROOF = struct.Struct(">IIB")
_NULL = b"\xff\xff\xff\xff"

Headers = Sequence[tuple[str, bytes | None]]


class EnvelopeError(PanlockError):
    """Bytes that are no envelope of version 1, or a field that none can hold."""


class Algorithm(IntEnum):
    """How the root is signed; bound to the certificate's kind of key."""

    ED25519 = 1  # RFC 8032
    ECDSA_P256 = 2  # with SHA-256; the signature in DER
    RSA_PSS = 3  # 2,048 to 4,096 bits; SHA-256, MGF1 with SHA-256, a salt of 32 bytes


class Place(NamedTuple):
    """Where a record is written: cluster id as Kafka writes it, topic UUID (16 bytes), partition."""

    cluster: str
    topic_id: bytes
    partition: int


@dataclass(frozen=True, slots=True)
class Head:
    """What an envelope says of its record, apart from the proof. `certificate` is the leaf's x5t#S256;
    `sealed_key` the SHA-256 of the header `panlock-sealed-key` that holds its data key, None if it is clear."""

    algorithm: Algorithm
    certificate: bytes
    stream: bytes
    sequence: int
    time: int
    sealed_key: bytes | None = None

    def encode(self) -> bytes:
        """Raises EnvelopeError."""
        lengths = [(self.certificate, HASH_BYTES), (self.stream, STREAM_BYTES), (self.sealed_key, HASH_BYTES)]
        if any(part is not None and len(part) != length for part, length in lengths):
            raise EnvelopeError("certificate and sealed key have 32 bytes, a stream id has 16")
        flags = 0 if self.sealed_key is None else SEALED
        try:
            fixed = _HEAD.pack(VERSION, flags, self.algorithm, self.certificate, self.stream, self.sequence, self.time)
        except struct.error as error:
            raise EnvelopeError("sequence and time are unsigned, of 64 bits") from error
        return fixed + (self.sealed_key or b"")


@dataclass(frozen=True, slots=True)
class Envelope:
    """A head, and the proof that it belongs to a signed tree."""

    head: Head
    size: int
    index: int
    path: tuple[bytes, ...]
    signature: bytes


def encode(envelope: Envelope) -> bytes:
    """Raises EnvelopeError; what it returns, `parse` takes."""
    _check_proof(envelope.size, envelope.index, len(envelope.path), len(envelope.signature))
    if any(len(step) != HASH_BYTES for step in envelope.path):
        raise EnvelopeError("a path's hashes have 32 bytes")
    proof = _PROOF.pack(envelope.size, envelope.index, len(envelope.path))
    signature = len(envelope.signature).to_bytes(2, "big") + envelope.signature
    return b"".join((envelope.head.encode(), proof, *envelope.path, signature))


def parse(raw: bytes) -> Envelope:
    """Exactly one byte string stands for an envelope: what is longer, shorter or unknown raises EnvelopeError."""
    try:
        version, flags, algorithm, certificate, stream, sequence, time = _HEAD.unpack_from(raw)
        if version != VERSION or flags & ~SEALED:
            raise EnvelopeError(f"envelope of version {version} with flags {flags:#x}: only version 1 is known")
        at = _HEAD.size + (HASH_BYTES if flags & SEALED else 0)
        sealed_key = raw[_HEAD.size : at] if flags & SEALED else None
        size, index, count = _PROOF.unpack_from(raw, at)
        at += _PROOF.size
        path = tuple(raw[start : start + HASH_BYTES] for start in range(at, at + count * HASH_BYTES, HASH_BYTES))
        at += count * HASH_BYTES
        (length,) = struct.unpack_from(">H", raw, at)
        head = Head(Algorithm(algorithm), certificate, stream, sequence, time, sealed_key)
    except (struct.error, ValueError) as error:
        raise EnvelopeError("envelope too short, or its algorithm is unknown") from error
    if len(raw) != at + 2 + length:
        raise EnvelopeError(f"envelope of {len(raw)} bytes where its fields fill {at + 2 + length}")
    _check_proof(size, index, count, length)
    return Envelope(head, size, index, path, raw[at + 2 :])


def content_hash(salt: bytes, key: bytes | None, value: bytes | None, headers: Headers) -> bytes:
    """Of the record as it is written, sealed parts as ciphertexts. The salt keeps it from being an oracle for card
    numbers: it is fresh for each record, and never leaves quarantine. Raises EnvelopeError for another length of it.

    Of `headers` those count that the producer chose: all but `panlock-*`, and `panlock-identity`.
    """
    if len(salt) != SALT_BYTES:
        raise EnvelopeError(f"a salt has {SALT_BYTES} bytes, not {len(salt)}")
    parts = [key, value]
    for name, content in headers:
        if not name.startswith("panlock-") or name == IDENTITY:
            parts += [name.encode(), content]
    measured = [_NULL if part is None else len(part).to_bytes(4, "big") + part for part in parts]
    return hashlib.sha256(b"".join((b"panlock-content-v1", salt, *measured))).digest()


def leaf_hash(place: Place, principal: str, head: bytes, content: bytes) -> bytes:
    """`head` as it is in the envelope. Raises EnvelopeError for a place or principal that no leaf can name."""
    return hashlib.sha256(b"\x00" + associated_data(place, principal, head) + content).digest()


def associated_data(place: Place, principal: str, head: bytes) -> bytes:
    """What a leaf says besides its content: whose record, which, and where. Sealing authenticates the same."""
    cluster, name = place.cluster.encode(), principal.encode()
    if len(cluster) > 255 or len(name) > 255 or len(place.topic_id) != TOPIC_BYTES or not 0 <= place.partition < 2**31:
        raise EnvelopeError("cluster id and principal have at most 255 bytes, a topic UUID has 16")
    fixed = (bytes([len(cluster)]), cluster, place.topic_id, place.partition.to_bytes(4, "big"))
    return b"".join((b"panlock-envelope-v1", *fixed, bytes([len(name)]), name, head))


def head_bytes(raw: bytes) -> bytes:
    """The head of an envelope that `parse` took, as it was written."""
    return raw[: _HEAD.size + (HASH_BYTES if raw[1] & SEALED else 0)]


def _check_proof(size: int, index: int, count: int, signature: int) -> None:
    try:
        expected = path_length(index, size)
    except MerkleError as error:
        raise EnvelopeError(f"leaf {index} of {size}: trees have 1 to {MAX_LEAVES} leaves") from error
    if count != expected:
        raise EnvelopeError(f"leaf {index} of {size} has a path of {expected} hashes, not {count}")
    if not 1 <= signature <= MAX_SIGNATURE:
        raise EnvelopeError(f"a signature of {signature} bytes: 1 to {MAX_SIGNATURE} are possible")
