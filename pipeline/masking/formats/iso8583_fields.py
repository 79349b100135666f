"""How a masked text goes into a field of ISO 8583 or an EMV element: within its length and its alphabet.

Redaction always fits, for sensitive data must always be removable: a label where the field takes text and has room,
padded with spaces in one of fixed length, else a filling of the length that was: 0 in n, an, z and b, * in ans.
Anything else (fpe, partial, token) fits only as it is: digits in n, hex in b, the same length in a fixed field.
"""

import re

from pipeline.masking.formats.format import Unwritable
from pipeline.masking.formats.iso8583_spec import Kind

_LABEL = re.compile(r"\[REDACTED:[A-Z-]+\]\Z")
_FITS: dict[Kind, re.Pattern[str]] = {
    "n": re.compile(r"[0-9]*\Z"),
    "an": re.compile(r"[0-9A-Za-z ]*\Z"),
    "ans": re.compile(r"[\x20-\x7e]*\Z"),
    "z": re.compile(r"[0-9=DF]*\Z"),
    "b": re.compile(r"(?:[0-9A-F]{2})*\Z"),
    "tlv": re.compile(r"(?:[0-9A-F]{2})*\Z"),
}


def fitted(before: str, masked: object, kind: Kind, longest: int, fixed: bool, place: str) -> str:
    """Lengths in characters of the decoded field. Raises Unwritable."""
    if masked == before:
        return before
    if not isinstance(masked, str):
        raise Unwritable(place)
    if _LABEL.match(masked):
        return _redacted(before, masked, kind, longest, fixed)
    if kind == "ans" and fixed:
        masked = masked.ljust(len(before))
    if not _FITS[kind].match(masked) or len(masked) > longest or (fixed and len(masked) != len(before)):
        raise Unwritable(place)
    return masked


def _redacted(before: str, label: str, kind: Kind, longest: int, fixed: bool) -> str:
    if kind == "ans" and len(label) <= (len(before) if fixed else longest):
        return label.ljust(len(before)) if fixed else label
    return ("*" if kind == "ans" else "0") * len(before)
