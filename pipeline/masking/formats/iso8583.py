"""ISO 8583 messages, by a spec file (iso8583_spec).

Told as an object: `mti`, `header` where there is one, `de2` … `de128`; DE 55, and any other field of kind tlv, as an
object of its EMV tags, values in hex, a card number (5A) without its filler, texts as text. What is always card data
has a rule without being asked: `standing`, each of which a policy's own rule for that field replaces. Dropping clears
the field's bit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import iso8583
import orjson

from pipeline.masking.formats import emv_tlv
from pipeline.masking.formats.emv_tlv import Elements
from pipeline.masking.formats.format import Malformed, Unwritable
from pipeline.masking.formats.iso8583_fields import fitted
from pipeline.masking.formats.iso8583_spec import Spec
from pipeline.masking.formats.places import member
from pipeline.masking.formats.rules import StandingRule

TEXTS = frozenset(("50", "5F20", "5F2D", "9F12", "9F0B"))  # EMV elements that are text
NAMES = {"t": "mti", "h": "header"}
LONGEST_ELEMENT = 65_535


FIELDS = (
    StandingRule("$.de2", "pan", "redact"),
    StandingRule("$.de14", "expiry", "redact"),
    StandingRule("$.de34", "pan", "redact"),
    StandingRule("$.de40", "service-code", "redact"),
    # tracks, the PIN, and what goes with it: American Express puts the card's verification value into DE 53
    *(StandingRule(f"$.de{number}", "sad", "drop") for number in (35, 36, 45, 52, 53)),
)
# track 1 and 2 equivalents, discretionary data, PIN data: dropped
TAGS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "5A": ("pan", "redact"),
        "5F20": ("name", "redact"),
        "9F0B": ("name", "redact"),
        "5F24": ("expiry", "redact"),
        "5F30": ("service-code", "redact"),
        **dict.fromkeys(("56", "57", "99", "9F1F", "9F20", "9F6B"), ("sad", "drop")),
    }
)


def standing(spec: Spec) -> list[StandingRule]:
    """Rules for what is card data by the field's number, or by its tag in any field of EMV data."""
    chips = [number for number, kind in spec.kinds.items() if kind == "tlv"]
    tags = [StandingRule(f'$.{_name(n)}..["{tag}"]', *done) for n in chips for tag, done in TAGS.items()]
    return [*FIELDS, *tags]


@dataclass(frozen=True, slots=True)
class Iso8583Document:
    json: bytes
    spec: Spec
    fields: Mapping[str, str]
    chips: Mapping[str, Elements]

    def write(self, masked: bytes) -> bytes:
        """Raises Unwritable."""
        told = orjson.loads(masked)
        changed: dict[str, str] = {}
        for number, before in self.fields.items():
            name = _name(number)
            if told.get(name) == before:
                changed[number] = before
            elif name in told:
                changed[number] = self._field(number, before, told[name], member("$", name))
            elif number in NAMES:
                raise Unwritable(member("$", name))
        if not told.keys() <= {_name(number) for number in self.fields}:
            raise Unwritable("$")
        try:
            written, _ = iso8583.encode(changed, self.spec.library)
        except iso8583.EncodeError as error:
            raise Unwritable(member("$", _name(error.field))) from None
        return bytes(written)

    def _field(self, number: str, before: str, masked: Any, place: str) -> str:
        kind, spec = self.spec.kinds[number], self.spec.library[number]
        longest = int(str(spec["max_len"]))
        if spec["data_enc"] == "b" and spec["len_count"] == "bytes":
            longest *= 2
        if number not in self.chips:
            return fitted(before, masked, kind, longest, spec["len_type"] == 0, place)
        chip = _fit_chip(self.chips[number], masked, place)
        return before if chip == self.chips[number] else emv_tlv.encode(chip).hex().upper()


class Iso8583:
    def __init__(self, spec: Spec) -> None:
        self._spec = spec

    def read(self, value: bytes) -> Iso8583Document:
        """Raises Malformed."""
        try:
            decoded, _ = iso8583.decode(value, self._spec.library)
        except iso8583.DecodeError as error:
            raise Malformed(f"byte {error.pos}") from None
        except KeyError:  # a bit of a field that the specification does not have
            raise Malformed("value") from None
        fields = {number: text for number, text in decoded.items() if number not in ("p", "1")}
        chips = {
            number: _chip(text, member("$", _name(number)))
            for number, text in fields.items()
            if text and self._spec.kinds[number] == "tlv"
        }
        told = {_name(n): _view(chips[n]) if n in chips else text for n, text in fields.items()}
        return Iso8583Document(orjson.dumps(told), self._spec, fields, chips)


def _name(number: str) -> str:
    return NAMES.get(number) or f"de{number}"


def _chip(text: str, place: str) -> Elements:
    """Raises Malformed."""
    try:
        return emv_tlv.decode(bytes.fromhex(text))
    except (ValueError, Malformed):
        raise Malformed(place) from None


def _view(elements: Elements) -> dict[str, object]:
    return {tag: _view(value) if isinstance(value, dict) else _text(tag, value) for tag, value in elements.items()}


def _text(tag: str, value: bytes) -> str:
    if tag in TEXTS and value.isascii() and value.decode().isprintable():
        return value.decode()
    text = value.hex().upper()
    return text.rstrip("F") if tag == "5A" else text


def _fit_chip(before: Elements, masked: Any, place: str) -> Elements:
    """Raises Unwritable."""
    if not isinstance(masked, dict) or not masked.keys() <= before.keys():
        raise Unwritable(place)
    changed: Elements = {}
    for tag, value in before.items():
        here = member(place, tag)
        if tag not in masked:
            continue
        changed[tag] = (
            _fit_chip(value, masked[tag], here) if isinstance(value, dict) else _element(tag, value, masked[tag], here)
        )
    return changed


def _element(tag: str, value: bytes, masked: Any, place: str) -> bytes:
    told = _text(tag, value)
    if masked == told:
        return value
    if tag in TEXTS and told != value.hex().upper():
        return fitted(told, masked, "ans", LONGEST_ELEMENT, False, place).encode()
    changed = fitted(told, masked, "n" if tag == "5A" else "z", len(value) * 2, False, place)
    padded = changed.ljust(len(value) * 2, "F") if tag == "5A" else changed
    try:
        return bytes.fromhex(padded)
    except ValueError:
        raise Unwritable(place) from None
