"""NDJSON: one JSON value a line; line n is item n of an array, `$[n]` from 0. Lines that hold nothing but white space
are not items, and stay."""

from typing import NamedTuple

import orjson

from pipeline.masking.formats.format import Malformed
from pipeline.masking.formats.text import utf8
from pipeline.record import Reason

# Between two items. A line has no line feed in it and masking adds none, so the masked array falls apart at it again.
_BETWEEN = b"\n,"


class NdJson(NamedTuple):
    json: bytes
    lines: list[bytes]

    def write(self, masked: bytes) -> bytes:
        items = iter(masked[1:-1].split(_BETWEEN))
        return b"\n".join(next(items) if line.strip() else line for line in self.lines)


class NdJsonFormat:
    def read(self, value: bytes) -> NdJson:
        utf8(value)
        lines = value.split(b"\n")
        items = [line for line in lines if line.strip()]
        for number, item in enumerate(items):
            try:
                orjson.loads(item)  # each is a value by itself; the kernel's stricter reading follows
            except orjson.JSONDecodeError:
                raise Malformed(f"$[{number}]", Reason.MALFORMED_JSON) from None
        return NdJson(b"[" + _BETWEEN.join(items) + b"]", lines)
