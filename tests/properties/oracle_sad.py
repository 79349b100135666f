"""docs/detection.md, sections 6 and 8, once more and as plainly as possible: authentication data and IBANs."""

import re
from collections.abc import Iterator

from tests.properties.oracle_context import LEFT
from tests.properties.oracle_pans import Finding, Text
from tests.properties.oracle_runs import digits_of, issued

TRACK2 = re.compile(r";?(?<![0-9])([0-9]{12,19})[=D][0-9]{2}(?:0[1-9]|1[0-2])[0-9]{3,}F?\??", re.ASCII)
TRACK1 = re.compile(r"%?B((?:[0-9] ?){11,18}[0-9])\^[^^]{2,26}\^[0-9]{2}(?:0[1-9]|1[0-2])[0-9]{3,}[^?\s]*\??", re.ASCII)
IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}(?: ?[A-Za-z0-9]){11,30}", re.ASCII)
HEX = re.compile(r"(?<![0-9A-Za-z])(?:[0-9A-Fa-f]{2}){8,}(?![0-9A-Za-z])", re.ASCII)
GAP = r"""[ \t\r\n:=#\-."'\\(\[>*]"""
CODE = re.compile(
    rf"(?:(?<![A-Za-z0-9])[Cc]|(?<=[a-z])C)[Vv][VvCcNn](?:[12](?![0-9]))?{GAP}{{0,6}}"
    rf"(?:(?i:is|was|code|no|nr|number|num|value|ist|est|es){GAP}{{1,6}}){{0,2}}([0-9]{{3,4}})(?![0-9A-Za-z%]|[-.,:][0-9])",
    re.ASCII,
)
# ISO 13616, the registry of November 2026
LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29,
    "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
    "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
    "HN": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20,
    "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19,
    "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29,
    "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24,
    "SM": 27, "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
    "YE": 30,
}  # fmt: skip


def tracks(text: Text) -> Iterator[Finding]:
    for form in (TRACK1, TRACK2):
        for found in form.finditer(text.marks):
            if issued(digits_of(found[1])):
                yield Finding("sad", None, found.start(), found.end())


def by_name(text: Text, name: str) -> Iterator[Finding]:
    plain = text.marks
    fits = {
        "cvv": re.fullmatch("[0-9]{3,4}", plain),
        "pin": re.fullmatch("[0-9]{4,12}|[0-9A-Fa-f]{16}|[0-9A-Fa-f]{32}", plain),
        "track": len(re.findall("[0-9]", plain)) >= 12,
    }
    if fits.get(name):
        yield Finding("sad", None, 0, len(plain))


def codes(text: Text) -> Iterator[Finding]:
    """Verification codes behind their abbreviation; what masking left holds none."""
    left = [(found.start(), found.end()) for found in LEFT.finditer(text.marks)]
    for found in CODE.finditer(text.marks):
        if not any(start <= found.start(1) < end for start, end in left):
            yield Finding("sad", None, *found.span(1))


def ibans(text: Text) -> Iterator[Finding]:
    if sum(mark.isdigit() for mark in text.marks) < 12:
        return
    for found in IBAN.finditer(text.marks):
        length, end = LENGTHS.get(found[0][:2].upper()), found.start()
        if length is None:
            continue
        letters = 0
        while end < found.end() and letters < length:
            letters += text.marks[end] != " "
            end += 1
        glued = end < len(text.marks) and text.marks[end].isascii() and text.marks[end].isalnum()
        plain = text.marks[found.start() : end].replace(" ", "").upper()
        value = "".join(str(int(mark, 36)) for mark in plain[4:] + plain[:4])
        if letters == length and not glued and int(value) % 97 == 1:
            yield Finding("iban", None, found.start(), end)


def emv(text: Text) -> Iterator[Finding]:
    for found in HEX.finditer(text.marks):
        tags = _tags(bytes.fromhex(found[0]))
        if tags and _has_card_data(dict(tags)):
            yield Finding("sad", None, found.start(), found.end())


def _has_card_data(tags: dict[str, str]) -> bool:
    track2 = any(re.match("[0-9]{12,19}D[0-9]{7}", tags.get(tag, "")) for tag in ("57", "9F6B"))
    beside = {"5A", "57"} & set(tags) or any("5F24" <= tag <= "5F34" for tag in tags)
    discretionary = {"56", "9F1F", "9F20"} & set(tags) and beside
    number = re.fullmatch("([0-9]+)F*", tags.get("5A", ""))
    return bool(track2 or discretionary or (number and issued(number[1])))


def _tags(raw: bytes) -> list[tuple[str, str]] | None:
    """Tags and values in upper-case hexadecimal; None where it is no BER-TLV to the last byte."""
    made: list[tuple[str, str]] = []
    at = 0
    while at < len(raw):
        size = 1
        if raw[at] & 0x1F == 0x1F:
            while at + size < len(raw) and raw[at + size] & 0x80:
                size += 1
            size += 1
        tag, at = raw[at : at + size], at + size
        if size > 3 or at >= len(raw):
            return None
        length, at = raw[at], at + 1
        if length & 0x80:
            count = length & 0x7F
            if not 1 <= count <= 2 or at + count > len(raw):
                return None
            length, at = int.from_bytes(raw[at : at + count], "big"), at + count
        if at + length > len(raw):
            return None
        value, at = raw[at : at + length], at + length
        made.append((tag.hex().upper(), value.hex().upper()))
        if tag[0] & 0x20:
            inner = _tags(value)
            if inner is None:
                return None
            made += inner
    return made
