"""docs/detection.md, sections 1 to 3, once more and as plainly as possible: runs, networks, layouts."""

import unicodedata
from functools import cache
from pathlib import Path
from typing import NamedTuple

DATA = Path(__file__).parents[2] / "kernel" / "data"


def ranges(*spans: int | tuple[int, int]) -> frozenset[str]:
    pairs = [span if isinstance(span, tuple) else (span, span) for span in spans]
    return frozenset(chr(code) for low, high in pairs for code in range(low, high + 1))


DOTS = frozenset("./") | ranges(0xB7, 0x2044, 0x2215, 0xFF0E, 0xFF0F)
SEPARATORS = (
    ranges((9, 13), 0x20, 0x85, 0xA0, 0x1680, (0x2000, 0x200A), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)
    | ranges(0x2D, 0x58A, 0x5BE, 0x1400, 0x1806, (0x2010, 0x2015), 0x2043, 0x2212, 0x2E3A, 0x2E3B)
    | ranges(0xFE31, 0xFE32, 0xFE58, 0xFE63, 0xFF0D, 0x30FC, 0xFF70)
    | DOTS
    | frozenset("_\uff3f")
)
INVISIBLE = ranges(
    0xAD, 0x34F, 0x61C, 0x180E, (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x2064), (0x2066, 0x206F), 0x20E3, 0x3164,
    (0xFE00, 0xFE0F), 0xFEFF, (0xE0000, 0xE007F),
)  # fmt: skip
SLUGS = {
    "American Express": "amex",
    "Diners Club": "diners",
    "Diners Club enRoute": "enroute",
    "NPS Pridnestrovie": "nps",
}
PRINTED = {"4-6-5", "4-6-4", "4-5-6", "4-4-5", "4-4-4-5", "6-6-4", "6-10", "6-12", "6-13", "4-3-3-3"}


class Row(NamedTuple):
    network: str
    low: str
    high: str
    alone: frozenset[int]
    context: frozenset[int]
    luhn: bool


def _lengths(text: str) -> frozenset[int]:
    return frozenset() if text == "-" else frozenset(map(int, text.split(",")))


def _row(line: str) -> Row:
    scheme, low, high, alone, context, luhn = line.split("\t")
    return Row(SLUGS.get(scheme, scheme.lower()), low, high, _lengths(alone), _lengths(context), luhn == "yes")


@cache
def rows() -> list[Row]:
    lines = (DATA / "iin.tsv").read_text().splitlines()
    return [_row(line) for line in lines if line and not line.startswith("#")]


def luhn_is_valid(digits: str) -> bool:
    doubled = [str(int(digit) * (1 + place % 2)) for place, digit in enumerate(reversed(digits))]
    return sum(int(digit) for digit in "".join(doubled)) % 10 == 0


def issued(digits: str) -> tuple[str, str] | None:
    """("strong" | "weak", network)."""
    fitting = [row for row in rows() if row.low <= digits[: len(row.low)] <= row.high]
    fitting = [row for row in fitting if luhn_is_valid(digits) or not row.luhn]
    for strength, lengths in (("strong", "alone"), ("weak", "context")):
        for row in fitting:
            if len(digits) in getattr(row, lengths):
                return strength, row.network
    return None


class Group(NamedTuple):
    """Places in the text, the end not included."""

    start: int
    end: int


def runs(text: str) -> list[list[Group]]:
    groups: list[Group] = []
    for at, mark in enumerate(text):
        if not mark.isdigit():
            continue
        if groups and groups[-1].end == at:
            groups[-1] = Group(groups[-1].start, at + 1)
        else:
            groups.append(Group(at, at + 1))
    found: list[list[Group]] = []
    for group in groups:
        if found and is_gap(text[found[-1][-1].end : group.start]):
            found[-1].append(group)
        else:
            found.append([group])
    return found


def is_gap(between: str) -> bool:
    separators = sum(mark in SEPARATORS for mark in between)
    invisible = sum(mark in INVISIBLE for mark in between)
    return separators + invisible == len(between) and separators <= 3 and invisible <= 8


def is_chained(between: str) -> bool:
    """Between groups of a chain, where it is the same each time."""
    within = all(mark in SEPARATORS or mark in INVISIBLE for mark in between)
    return 1 <= len(between) <= 4 and not within and not any(mark.isalpha() or mark.isnumeric() for mark in between)


def digits_of(text: str) -> str:
    return "".join(str(unicodedata.digit(mark)) for mark in text if mark.isdigit())


def layout(text: str, run: list[Group], first: int, last: int, counted: bool) -> str:
    """ "bare", "chunks", "printed" or "odd", of the window run[first : last + 1].

    `counted`: whether the run's first group is.
    """
    sizes = [group.end - group.start for group in run]
    inside = sizes[first : last + 1]
    if len(inside) == 1:
        return "bare"
    size = inside[0]
    chunks = size in (1, 2, 3, 4, 5, 6, 8) and set(inside[:-1]) == {size} and inside[-1] <= size
    dotted = any(mark in DOTS for mark in text[run[first].start : run[last].end])
    if (chunks and size == 4 and sum(inside) != 14) or "-".join(map(str, inside)) in PRINTED:
        return "printed"
    gap = text[run[first].end : run[first + 1].start]
    beside = [at for at in (first - 1, last + 1) if 0 <= at < len(run) and sizes[at] == size]
    alike = [at for at in beside if text[run[min(at, last)].end : run[max(at, first)].start] == gap]
    if 0 in alike and first == 1 and counted:
        alike.remove(0)
    if not chunks or dotted or (size <= 3 and alike):
        return "odd"
    return "chunks"
