"""Bytes of a schema (Avro bytes and fixed, Protobuf bytes) as JSON text, and back.

Bytes that are text are that text. Others are told in parts: printable ASCII as it is, everything between as hex, with
MARK before each part, so that a card number shows whether it is written in digits or packed two a byte. A scan that
finds something in such parts cannot be carried out there without breaking whatever structure the bytes have: the value
no longer fits. A field rule masks the whole.
"""

import re

MARK = "\ue000"  # private use: neither letter, digit nor separator
_PRINTABLE = re.compile(rb"[\x20-\x7e]{4,}")
_TEXT = re.compile(r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ue000]*\Z")


def text_of(octets: bytes) -> str:
    text = _as_text(octets)
    return _in_parts(octets) if text is None else text


def octets_of(masked: str, before: bytes) -> bytes | None:
    """What the bytes are now that their text is `masked`; None where only a part of binary data was masked."""
    if masked == text_of(before):
        return before
    if MARK in masked:
        return None
    return masked.encode()


def _as_text(octets: bytes) -> str | None:
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        return None
    return text if _TEXT.match(text) else None


def _in_parts(octets: bytes) -> str:
    parts, at = [], 0
    for match in _PRINTABLE.finditer(octets):
        if match.start() > at:
            parts.append(octets[at : match.start()].hex().upper())
        parts.append(match.group().decode())
        at = match.end()
    if at < len(octets):
        parts.append(octets[at:].hex().upper())
    return "".join(MARK + part for part in parts)
