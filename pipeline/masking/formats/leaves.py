"""Leaves of a schema, Avro's or Protobuf's: how one is told in JSON, and whether what masking made of it still fits.

`view` gives what orjson writes; `fit` takes what orjson reads. What masking left alone is never converted: a float that
JSON tells shorter, or a NaN, keeps its bits.
"""

import math
import re
import struct
from typing import Any, Protocol

import orjson

from pipeline.masking.formats import octets
from pipeline.masking.formats.format import Unwritable

Json = object
_DIGITS = re.compile(r"-?[0-9]{1,20}\Z")
_DECIMAL = re.compile(r"(-?[0-9]{1,160})(?:\.([0-9]{1,160}))?\Z")
WIDEST = 64  # bytes of a decimal told as a number: within a double's range; longer ones are told as bytes


class Leaf(Protocol):
    def view(self, native: Any) -> Json: ...
    def fit(self, native: Any, masked: Json, place: str) -> object:
        """The value to write, given that its view is now `masked`. Raises Unwritable."""


class Text:
    def view(self, native: Any) -> Json:
        return native

    def fit(self, native: Any, masked: Json, place: str) -> object:
        if not isinstance(masked, str):
            raise Unwritable(place)
        return masked


class Whole:
    """Integers from `low` to `high`: digits fit (strategy fpe), a label or a token does not."""

    def __init__(self, low: int, high: int) -> None:
        self.low, self.high = low, high

    def view(self, native: Any) -> Json:
        return native

    def fit(self, native: Any, masked: Json, place: str) -> object:
        if isinstance(masked, str) and _DIGITS.match(masked):
            masked = int(masked)
        if type(masked) is not int or not self.low <= masked <= self.high:
            raise Unwritable(place)
        return masked


class Double:
    def view(self, native: Any) -> Json:
        return native if math.isfinite(native) else str(native)

    def fit(self, native: Any, masked: Json, place: str) -> object:
        if masked != self.view(native):
            raise Unwritable(place)
        return native


class Single(Double):
    """Four bytes: told with the fewest digits that mean them, as 0.1 and not as 0.10000000149011612."""

    def view(self, native: Any) -> Json:
        if not math.isfinite(native):
            return str(native)
        bits = struct.pack("<f", native)
        for digits in (6, 7, 8):
            short = float(f"{native:.{digits}g}")
            if abs(short) <= 3.4028235e38 and struct.pack("<f", short) == bits:
                return short
        return float(f"{native:.9g}")


class Flag:
    def view(self, native: Any) -> Json:
        return native

    def fit(self, native: Any, masked: Json, place: str) -> object:
        if masked is not native:
            raise Unwritable(place)
        return native


class Octets:
    """`size`: of a fixed, in bytes; None: any."""

    def __init__(self, size: int | None = None) -> None:
        self.size = size

    def view(self, native: Any) -> Json:
        return octets.text_of(native)

    def fit(self, native: Any, masked: Json, place: str) -> object:
        changed = octets.octets_of(masked, native) if isinstance(masked, str) else None
        if changed is None or (self.size is not None and len(changed) != self.size):
            raise Unwritable(place)
        return changed


class Symbol:
    """A name out of a closed list."""

    def __init__(self, symbols: tuple[str, ...]) -> None:
        self.symbols = symbols

    def view(self, native: Any) -> Json:
        return native

    def fit(self, native: Any, masked: Json, place: str) -> object:
        if masked not in self.symbols:
            raise Unwritable(place)
        return masked


class Decimal(Octets):
    """Avro's logical type: an unscaled two's complement integer, big-endian; told as the number that it means."""

    def __init__(self, scale: int, precision: int, size: int | None) -> None:
        super().__init__(size)
        self.scale, self.precision = scale, precision

    def view(self, native: Any) -> Json:
        if len(native) > WIDEST:
            return super().view(native)
        return orjson.Fragment(self._literal(native))

    def _literal(self, native: bytes) -> str:
        unscaled = int.from_bytes(native, "big", signed=True)
        digits = str(abs(unscaled)).rjust(self.scale + 1, "0")
        text = digits if self.scale == 0 else f"{digits[: -self.scale]}.{digits[-self.scale :]}"
        return "-" + text if unscaled < 0 else text

    def fit(self, native: Any, masked: Json, place: str) -> object:
        if len(native) > WIDEST:
            return super().fit(native, masked, place)
        if isinstance(masked, int | float) and masked == orjson.loads(self._literal(native)):
            return native
        match = _DECIMAL.match(masked) if isinstance(masked, str) else None
        fraction = (match[2] or "") if match else ""
        if match is None or len(fraction) > self.scale:
            raise Unwritable(place)
        unscaled = int(match[1] + fraction.ljust(self.scale, "0"))
        size = self.size or (unscaled if unscaled >= 0 else ~unscaled).bit_length() // 8 + 1
        try:
            changed = unscaled.to_bytes(size, "big", signed=True)
        except OverflowError:
            raise Unwritable(place) from None
        if len(str(abs(unscaled))) > self.precision:
            raise Unwritable(place)
        return changed
