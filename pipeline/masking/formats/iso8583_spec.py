"""Which field of an ISO 8583 message is what: pyiso8583's specification, and the kind of each field beside it.

A policy's `spec` names a base and what differs from it, field by field, in pyiso8583's own keys (data_enc, len_enc,
len_type, max_len, len_count, left_pad, right_pad, desc) and `kind`: n digits, an letters and digits, ans any text, z
track data, b binary (told in hex), tlv (EMV). It is in the policy and no file beside it, because what is masked follows
from it, and the policy's hash is in every audit event.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Literal

from iso8583.specs import default, default_ascii
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.errors import PanlockError

Base = Literal["1987-ascii", "1987-bcd", "1993-ascii"]
Kind = Literal["n", "an", "ans", "z", "b", "tlv"]


class SpecError(PanlockError):
    """A specification that is none; the message says where."""


class FieldSpec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    kind: Kind
    data_enc: Literal["ascii", "latin_1", "utf_8", "cp037", "cp500", "b"]
    len_enc: Literal["ascii", "cp037", "cp500", "b", "bcd"]
    len_type: Annotated[int, Field(ge=0, le=4)]
    max_len: Annotated[int, Field(ge=0, le=99_999)]
    len_count: Literal["bytes", "nibbles"] = "bytes"
    left_pad: str = ""
    right_pad: str = ""
    desc: str = ""


@dataclass(frozen=True, slots=True)
class Spec:
    """`library`: as pyiso8583 takes it; `kinds`: field → kind."""

    library: Mapping[str, Mapping[str, object]]
    kinds: Mapping[str, Kind]


def _kinds() -> dict[str, Kind]:
    """ISO 8583:1987, table of data elements."""
    kinds: dict[str, Kind] = dict.fromkeys(map(str, range(2, 129)), "ans")
    numeric = [*range(2, 28), 32, 33, 53, *range(66, 91), 99, 100]
    kinds |= dict.fromkeys(map(str, numeric), "n")
    kinds |= dict.fromkeys(map(str, (28, 29, 30, 31, 37, 38, 39, 40, 49, 50, 51, 91, 92, 93, 94)), "an")
    kinds |= {"35": "z", "36": "z", "52": "b", "64": "b", "65": "b", "96": "b", "128": "b", "55": "tlv"}
    return kinds | {"h": "ans", "t": "n", "p": "b", "1": "b"}


# What ISO 8583:1993 changed: field → kind, digits of its length, longest. As jPOS's packager of that version has it
# and a second public table beside it; the standard itself is not free.
_1993: Mapping[str, tuple[Kind, int, int]] = MappingProxyType(
    {
        "12": ("n", 0, 12), "15": ("n", 0, 6), "22": ("an", 0, 12), "25": ("n", 0, 4), "26": ("n", 0, 4),
        "28": ("n", 0, 6), "29": ("n", 0, 3), "30": ("n", 0, 24), "31": ("ans", 2, 99), "39": ("n", 0, 3),
        "40": ("n", 0, 3), "43": ("ans", 2, 99), "44": ("ans", 2, 99), "46": ("ans", 3, 204), "52": ("b", 0, 16),
        "53": ("b", 2, 96), "54": ("ans", 3, 120), "55": ("tlv", 3, 510), "56": ("n", 2, 35), "57": ("n", 0, 3),
        "58": ("n", 2, 11), "66": ("ans", 3, 204), "67": ("n", 0, 2), "71": ("n", 0, 8), "72": ("ans", 3, 999),
        **dict.fromkeys(("82", "83", "84", "85", "90", "107", "108"), ("n", 0, 10)),
        "91": ("n", 0, 3), "92": ("n", 0, 3), "93": ("n", 2, 11), "94": ("n", 2, 11), "95": ("ans", 2, 99),
        "96": ("b", 3, 999), "99": ("an", 2, 11), "105": ("n", 0, 16), "106": ("n", 0, 16), "109": ("ans", 2, 84),
        "110": ("ans", 2, 84),
    }
)  # fmt: skip


def _base(name: Base) -> dict[str, dict[str, object]]:
    library = default if name == "1987-bcd" else default_ascii
    kinds = _kinds()
    base = {number: {**field, "kind": kinds[number]} for number, field in library.items() if number in kinds}
    if name == "1993-ascii":
        for number, (kind, len_type, max_len) in _1993.items():
            base[number] |= {"kind": kind, "len_type": len_type, "max_len": max_len}
    return base


def spec_of(base: Base, changes: Mapping[str, Mapping[str, object]]) -> Spec:
    """Raises SpecError."""
    fields = _base(base)
    for number, change in changes.items():
        if number not in fields:
            raise SpecError(f"{number} is no field: write 2 to 128, t (message type), p and 1 (bitmaps) or h (header)")
        fields[number] |= change
    checked = {number: _checked(number, field) for number, field in fields.items()}
    library = {number: field.model_dump(exclude={"kind"}) for number, field in checked.items()}
    return Spec(library, {number: field.kind for number, field in checked.items()})


def _checked(number: str, field: Mapping[str, object]) -> FieldSpec:
    try:
        return FieldSpec.model_validate(field)
    except ValidationError as error:
        first = error.errors()[0]
        raise SpecError(f"field {number}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
