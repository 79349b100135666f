"""Confluent's wire format: what their serialisers write before a value.

    offset 0  1 byte   magic, 0
           1  4 bytes  schema id, big-endian u32
           5  Protobuf alone: message indexes, zigzag varints: how many, then each; a lone 0 means one index, 0
           then the value

https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format
"""

from pipeline.masking.formats.format import Malformed

HEADER = 5
INDEXES = 16  # levels of nested message types: far more than any schema has, and a bound


def schema_id(value: bytes) -> int:
    """Raises Malformed."""
    if not value or value[0] != 0:
        raise Malformed("byte 0")
    if len(value) < HEADER:
        raise Malformed(f"byte {len(value)}")
    return int.from_bytes(value[1:HEADER], "big")


def message_indexes(value: bytes) -> tuple[tuple[int, ...], int]:
    """The indexes that lead to the message's type, and where the message begins. Raises Malformed."""
    count, at = _zigzag(value, HEADER)
    if count == 0:
        return (0,), at
    if not 0 < count <= INDEXES:
        raise Malformed(f"byte {HEADER}")
    indexes = []
    for _ in range(count):
        index, at = _zigzag(value, at)
        indexes.append(index)
    return tuple(indexes), at


def _zigzag(value: bytes, at: int) -> tuple[int, int]:
    found = 0
    for shift in range(0, 35, 7):
        if at >= len(value):
            break
        byte = value[at]
        at += 1
        found |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (found >> 1) ^ -(found & 1), at
    raise Malformed(f"byte {min(at, len(value))}")
