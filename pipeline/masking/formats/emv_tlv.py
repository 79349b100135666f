"""EMV data elements, BER-TLV as EMV Book 3 Annex B has it: DE 55 of ISO 8583.

    tag     1 byte, or more where its low 5 bits are all 1: then each with the high bit set but the last
    length  1 byte below 128, else 0x80 + n and n bytes (here at most 2)
    value   that many bytes; of a constructed tag (bit 6) again TLV

A tag that comes twice, a length that leads outside or more than ELEMENTS make it malformed.
"""

from pipeline.masking.formats.format import Malformed

LEVELS, ELEMENTS = 4, 500  # nesting and elements of a DE 55: it has tens of them, two levels deep

Elements = dict[str, "bytes | Elements"]


def decode(data: bytes, level: int = 0) -> Elements:
    """Tags in upper-case hex → value, or the elements of a constructed one. Raises Malformed at a byte of `data`."""
    found: Elements = {}
    at = 0
    while at < len(data):
        if data[at] == 0:  # padding between elements (EMV Book 3, Annex B)
            at += 1
            continue
        begin = at
        at = _tag_end(data, at)
        tag = data[begin:at].hex().upper()
        size, at = _length(data, at)
        value = data[at : at + size]
        at += size
        if at > len(data) or tag in found or len(found) == ELEMENTS:
            raise Malformed(f"byte {begin}")
        constructed = data[begin] & 0x20 and level < LEVELS
        found[tag] = decode(value, level + 1) if constructed else value
    return found


def encode(elements: Elements) -> bytes:
    out = bytearray()
    for tag, value in elements.items():
        content = encode(value) if isinstance(value, dict) else value
        out += bytes.fromhex(tag)
        if len(content) < 128:
            out.append(len(content))
        else:
            size = (len(content).bit_length() + 7) // 8
            out += bytes((0x80 | size,)) + len(content).to_bytes(size, "big")
        out += content
    return bytes(out)


def _tag_end(data: bytes, at: int) -> int:
    first = data[at] & 0x1F == 0x1F
    at += 1
    if first:
        while at < len(data) and data[at] & 0x80:
            at += 1
        at += 1
    return at


def _length(data: bytes, at: int) -> tuple[int, int]:
    if at >= len(data):
        raise Malformed(f"byte {len(data)}")
    size = data[at]
    at += 1
    if size < 128:
        return size, at
    wide = size & 0x7F
    if not 1 <= wide <= 2 or at + wide > len(data):
        raise Malformed(f"byte {at - 1}")
    return int.from_bytes(data[at : at + wide], "big"), at + wide
