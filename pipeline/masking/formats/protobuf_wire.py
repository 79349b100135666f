"""What a Protobuf parser does not show: fields that it does not know, and values that a later one overrides.

A value in which nothing is masked passes as the bytes it came in, so whatever is in them must have been seen. A value
that is not what its message would be written as is walked here; what lies in it unseen makes it malformed. Other
orders, defaults written out and packing do no harm.
"""

from collections.abc import Iterator

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from pipeline.masking.formats.format import DEEPEST, Malformed

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
_WIRE = {
    FieldDescriptor.TYPE_DOUBLE: FIXED64,
    FieldDescriptor.TYPE_FIXED64: FIXED64,
    FieldDescriptor.TYPE_SFIXED64: FIXED64,
    FieldDescriptor.TYPE_FLOAT: FIXED32,
    FieldDescriptor.TYPE_FIXED32: FIXED32,
    FieldDescriptor.TYPE_SFIXED32: FIXED32,
    FieldDescriptor.TYPE_STRING: LENGTH,
    FieldDescriptor.TYPE_BYTES: LENGTH,
    FieldDescriptor.TYPE_MESSAGE: LENGTH,
}


def check_nothing_hidden(raw: bytes, descriptor: Descriptor, at: int, end: int, level: int = 0) -> None:
    """The message of that type in raw[at:end]. Raises Malformed, with the byte."""
    if level > DEEPEST:
        raise Malformed(f"byte {at}")
    once: set[object] = set()
    keys: dict[int, set[bytes]] = {}
    for place, number, wire, start, stop in _fields(raw, at, end):
        field = descriptor.fields_by_number.get(number)
        if field is None:
            raise Malformed(f"byte {place}")
        expected = _WIRE.get(field.type, VARINT)
        if wire != expected and not (field.is_repeated and wire == LENGTH and expected != LENGTH):
            raise Malformed(f"byte {place}")
        if not field.is_repeated:
            what = field.containing_oneof.full_name if field.containing_oneof else number
            if what in once:
                raise Malformed(f"byte {place}")
            once.add(what)
        if field.message_type is not None:
            check_nothing_hidden(raw, field.message_type, start, stop, level + 1)
            if field.message_type.GetOptions().map_entry:
                key = _key(raw, start, stop)
                if key in keys.setdefault(number, set()):
                    raise Malformed(f"byte {place}")
                keys[number].add(key)


def _key(raw: bytes, at: int, end: int) -> bytes:
    """A map entry's key as its bytes; an absent one is the default's, which may be written in two ways."""
    for _, number, wire, start, stop in _fields(raw, at, end):
        if number == 1:
            found = raw[start:stop]
            return found if wire == LENGTH else _shortest(found, wire)
    return b""


def _shortest(found: bytes, wire: int) -> bytes:
    if wire != VARINT:
        return found if any(found) else b""
    value, _ = varint(found, 0, len(found))
    return value.to_bytes(10, "big") if value else b""


def _fields(raw: bytes, at: int, end: int) -> Iterator[tuple[int, int, int, int, int]]:
    """Place, number, wire type, and where the content begins and ends, of each field. Raises Malformed."""
    while at < end:
        place = at
        tag, at = varint(raw, at, end)
        number, wire, start = tag >> 3, tag & 7, at
        if wire == VARINT:
            _, at = varint(raw, at, end)
        elif wire == FIXED64:
            at += 8
        elif wire == FIXED32:
            at += 4
        elif wire == LENGTH:
            size, start = varint(raw, at, end)
            at = start + size
        else:
            raise Malformed(f"byte {place}")  # groups: such schemas are refused
        if at > end:
            raise Malformed(f"byte {place}")
        yield place, number, wire, start, at


def varint(raw: bytes, at: int, end: int) -> tuple[int, int]:
    found = 0
    for shift in range(0, 70, 7):
        if at >= end:
            break
        byte = raw[at]
        at += 1
        found |= (byte & 0x7F) << shift
        if byte < 0x80:
            return found & 0xFFFFFFFFFFFFFFFF, at
    raise Malformed(f"byte {min(at, end)}")
