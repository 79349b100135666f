"""The bytes of an envelope, version 1.

head       u8 version 1 | u8 flags (1 if sealed) | u8 algorithm | certificate x5t#S256 | stream (16) |
           u64 sequence | u64 time in ms | only if sealed: SHA-256 of the header panlock-sealed-key
leaf       SHA-256(0x00 | "panlock-envelope-v1" | u8 length, cluster | topic UUID | u32 partition |
           u8 length, principal | head | content)
envelope   head | u32 tree size | u32 leaf | u8 hashes, path | u16 length, signature
"""

import hashlib
import struct
from collections.abc import Sequence
from typing import NamedTuple

from panlock_producer.errors import RecordError

IDENTITY, ENVELOPE, SALT = "panlock-identity", "panlock-envelope", "panlock-salt"
CERTIFICATES, SEALED_KEY = "panlock-certificates", "panlock-sealed-key"
RESERVED = "panlock-"
MAX_LEAVES = 1_024

Header = tuple[str, bytes | None]

_HEAD = struct.Struct(">BBB32s16sQQ")
_NULL = b"\xff\xff\xff\xff"


class Place(NamedTuple):
    """Cluster id as Kafka writes it, topic UUID (16 bytes), partition."""

    cluster: str
    topic_id: bytes
    partition: int


def head(algorithm: int, certificate: bytes, stream: bytes, sequence: int, time: int, sealed_key: bytes) -> bytes:
    """`sealed_key`: a hash, or empty for a clear record."""
    return _HEAD.pack(1, 1 if sealed_key else 0, algorithm, certificate, stream, sequence, time) + sealed_key


def content_hash(salt: bytes, key: bytes | None, value: bytes | None, headers: Sequence[Header]) -> bytes:
    """`headers`: those that count, so none of Panlock's but panlock-identity."""
    parts = [key, value]
    for name, content in headers:
        parts += [name.encode(), content]
    measured = [_NULL if part is None else len(part).to_bytes(4, "big") + part for part in parts]
    return hashlib.sha256(b"".join((b"panlock-content-v1", salt, *measured))).digest()


def associated_data(place: Place, principal: str, head: bytes) -> bytes:
    """What leaf and seal say of a record: whose, which, and where."""
    named = (short(place.cluster), place.topic_id, place.partition.to_bytes(4, "big"), short(principal))
    return b"".join((b"panlock-envelope-v1", *named, head))


def leaf_hash(associated: bytes, content: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + associated + content).digest()


def short(text: str) -> bytes:
    """Length in a byte, and the text. Raises RecordError."""
    raw = text.encode()
    if len(raw) > 255:
        raise RecordError("a cluster id or principal of more than 255 bytes")
    return bytes([len(raw)]) + raw


def tree(leaves: Sequence[bytes]) -> tuple[bytes, list[bytes]]:
    """Root, and each leaf's path as one byte string (RFC 6962, 2.1): a node without a sibling goes up as it is."""
    paths = [bytearray() for _ in leaves]
    level, height = list(leaves), 0
    while len(level) > 1:
        for number, path in enumerate(paths):
            sibling = number >> height ^ 1
            if sibling < len(level):
                path += level[sibling]
        pairs = range(0, len(level) - 1, 2)
        above = [hashlib.sha256(b"\x01" + level[at] + level[at + 1]).digest() for at in pairs]
        level, height = above + level[2 * len(above) :], height + 1
    return level[0], [bytes(path) for path in paths]


def signed_bytes(size: int, root: bytes) -> bytes:
    return b"panlock-root-v1" + size.to_bytes(4, "big") + root


def envelope(head: bytes, size: int, leaf: int, path: bytes, signature: bytes) -> bytes:
    proof = struct.pack(">IIB", size, leaf, len(path) // 32) + path
    return b"".join((head, proof, len(signature).to_bytes(2, "big"), signature))
