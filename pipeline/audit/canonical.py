"""Canonical JSON (RFC 8785) for the values that Panlock writes: strings, integers, booleans, null, lists, maps.

orjson with sorted keys writes RFC 8785 byte for byte within these limits, and refuses or is kept from the rest:
floats (their shortest form differs), integers beyond 2^53 (readers lose them), keys outside ASCII (RFC 8785 sorts
them by UTF-16 code units, orjson by UTF-8 bytes) and lone surrogates.
"""

import orjson

from pipeline.errors import PanlockError

SAFE_INTEGER = 2**53 - 1


class NotCanonicalError(PanlockError):
    """A value or text that has no canonical form here. The message never holds the value."""


def encode(value: object) -> bytes:
    """Raises NotCanonicalError."""
    _check(value)
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except (TypeError, ValueError) as error:
        raise NotCanonicalError("a value of an event cannot be written: use strings, integers, lists, maps") from error


def decode(text: bytes) -> object:
    """The value of a canonical text. Raises NotCanonicalError where `text` is not its value's canonical form."""
    try:
        value = orjson.loads(text)
    except ValueError as error:
        raise NotCanonicalError("not JSON") from error
    if encode(value) != text:
        raise NotCanonicalError("JSON, but not in canonical form (RFC 8785)")
    return value


def _check(value: object) -> None:
    if isinstance(value, dict):
        for key, member in value.items():
            if not isinstance(key, str) or not key.isascii():
                raise NotCanonicalError("a key of an event is not ASCII")
            _check(member)
    elif isinstance(value, list | tuple):
        for member in value:
            _check(member)
    elif isinstance(value, bool):
        return
    elif isinstance(value, int):
        if not -SAFE_INTEGER <= value <= SAFE_INTEGER:
            raise NotCanonicalError("an integer of an event is beyond 2^53: write it as a string")
    elif value is not None and not isinstance(value, str):
        raise NotCanonicalError(f"an event cannot hold a {type(value).__name__}: use strings, integers, lists, maps")
