"""docs/detection.md, section 5, once more and as plainly as possible: which windows are card numbers."""

import itertools
import re
from collections.abc import Iterator
from typing import NamedTuple

from tests.properties.oracle_context import LEFT, counted, place_context, up
from tests.properties.oracle_runs import DOTS, INVISIBLE, Group, digits_of, is_chained, issued, layout, runs

TOKEN = re.compile(r"tok_[a-z0-9]{1,16}_[a-z2-7]{32}|enc_[a-z0-9]{1,16}_[A-Za-z0-9_-]{38,}", re.ASCII)

CHAINED = {"4-4-4-4-3", "4-4-4-4-2", "4-4-4-4-1", "4-4-4-4", "4-4-4-3", "4-3-3-3"}
CHAINED |= {"4-4-4-5", "4-6-5", "4-6-4", "4-5-6", "4-4-5", "4-4-4", "6-6-4"}


class Finding(NamedTuple):
    """Places in the text, the end not included."""

    class_: str
    network: str | None
    start: int
    end: int


class Text(NamedTuple):
    """`hidden`: for each character, whether it was written otherwise (an escape, an encoding)."""

    marks: str
    hidden: tuple[bool, ...]


def text_of(marks: str) -> Text:
    return Text(marks, (False,) * len(marks))


def pans(text: Text, name: str, taken: list[Finding]) -> list[Finding]:
    """`taken`: findings of other classes; a window inside one is none."""
    found: list[Finding] = []
    for run in runs(text.marks):
        start, end = run[0].start, run[-1].end
        digits = digits_of(text.marks[start:end])
        if name == "pan" and 12 <= len(digits) <= 19 and not _inside(text, start, end, taken):
            known = issued(digits)
            found.append(Finding("pan", known and known[1], start, end))
            continue
        found += _windows(text, run, name, taken)
    for first, last, chain in _chained(text.marks):
        start, end = chain[first].start, chain[last].end
        if any(each.start < end and start < each.end for each in [*taken, *found]) or _in_token(text, start):
            continue
        digits = digits_of(text.marks[start:end])
        known, level = issued(digits), level_of(text, start, end, name)
        strong = known and known[0] == "strong" and not _has_neighbours(text.marks, chain, first, last)
        strong = strong and len(digits) >= 14
        if known and (level == "raised" or (level == "neutral" and strong)):
            found.append(Finding("pan", known[1], start, end))
    return found


def _chained(marks: str) -> Iterator[tuple[int, int, list[Group]]]:
    """Windows of chains, as cards print them; of those that begin together, the longest comes first."""
    groups = [group for run in runs(marks) for group in run]
    while groups:
        gaps = [marks[a.end : b.start] for a, b in itertools.pairwise(groups)]
        other = [at for at, gap in enumerate(gaps) if gap != gaps[0] or not is_chained(gap)]
        same = min(other, default=len(gaps))
        chain, groups = groups[: same + 1], groups[max(same, 1) :]
        for first in range(len(chain)):
            for last in reversed(range(first, len(chain))):
                if "-".join(str(group.end - group.start) for group in chain[first : last + 1]) in CHAINED:
                    yield first, last, chain


def _has_neighbours(marks: str, chain: list[Group], first: int, last: int) -> bool:
    before = [digits_of(marks[group.start : group.end]) for group in chain[max(first - 1, 0) : first]]
    behind = [digits_of(marks[group.start : group.end]) for group in chain[last + 1 : last + 2]]
    numbers = [digits for digits in before if not is_year(digits)]
    numbers += [digits for digits in behind if not (is_year(digits) or is_expiry(digits))]
    return any(len(digits) >= 3 for digits in numbers)


def _in_token(text: Text, start: int) -> bool:
    return any(left.start() <= start < left.end() for left in LEFT.finditer(text.marks))


def _windows(text: Text, run: list[Group], name: str, taken: list[Finding]) -> list[Finding]:
    """Odd windows only in the groups that the others leave."""
    found: list[Finding] = []
    for odd in (False, True):
        first = 0
        while first < len(run):
            for last in reversed(range(first, len(run))):
                start, end = run[first].start, run[last].end
                free = not any(each.start < end and start < each.end for each in found)
                network = (
                    _network(text, run, first, last, name, odd)
                    if free and not _inside(text, start, end, taken)
                    else None
                )
                if network:
                    found.append(Finding("pan", network, start, end))
                    first = last
                    break
            first += 1
    return found


def _inside(text: Text, start: int, end: int, taken: list[Finding]) -> bool:
    tokens = [left.span() for left in TOKEN.finditer(text.marks)]
    return any(each.start <= start and end <= each.end for each in taken) or any(
        at < start < stop < end for at, stop in tokens
    )


def _network(text: Text, run: list[Group], first: int, last: int, name: str, odd: bool) -> str | None:
    start, end = run[first].start, run[last].end
    digits = digits_of(text.marks[start:end])
    known = issued(digits) if 12 <= len(digits) <= 19 else None
    if known is None:
        return None
    level = level_of(text, start, end, name)
    shape = layout(text.marks, run, first, last, counted(text.marks, run[0].start))
    if (shape == "odd") is not odd or (level != "raised" and excluded(text.marks, run, first, last)):
        return None
    whole = (first, last) == (0, len(run) - 1)
    dotted = any(mark in DOTS for mark in text.marks[start:end])
    sizes = tuple(group.end - group.start for group in run[first : last + 1])
    return known[1] if qualifies(known[0], level, shape, sizes, whole, dotted) else None


def qualifies(
    strength: str, level: str, shape: str, sizes: tuple[int, ...], whole: bool = True, dotted: bool = False
) -> bool:
    """The table."""
    count = sum(sizes)
    if level == "raised":
        return True
    if strength == "weak":
        small = shape == "chunks" and whole and sizes[0] <= 3
        return level == "neutral" and (shape == "printed" or small) and count >= 16
    if level == "neutral":
        return shape != "odd" or (whole and count in (15, 16) and not dotted)
    return shape == "printed" and count >= 14 and sizes != (4, 4, 4, 3)


def level_of(text: Text, start: int, end: int, name: str) -> str:
    level = place_context(text.marks, start, end, name)
    window = text.marks[start:end]
    disguised = (
        mark in INVISIBLE or (mark.isdigit() and (not mark.isascii() or hidden))
        for mark, hidden in zip(window, text.hidden[start:end], strict=True)
    )
    if any(disguised):
        level = up(level)
    token = before_of(text.marks[:start]) + behind_of(text.marks[end:])
    return "lowered" if level != "raised" and re.search("[0-9]", token) else level


def before_of(text: str) -> str:
    """The ASCII letters and digits that a text ends with."""
    return re.findall(r"[A-Za-z0-9]{0,64}\Z", text, re.ASCII)[0]


def behind_of(text: str) -> str:
    """Those that it begins with."""
    return re.findall(r"\A[A-Za-z0-9]{0,64}", text, re.ASCII)[0]


def excluded(marks: str, run: list[Group], first: int, last: int) -> bool:
    start, end = run[first].start, run[last].end
    digits = digits_of(marks[start:end])
    sizes = [group.end - group.start for group in run]
    gaps = [marks[a.end : b.start] for a, b in itertools.pairwise(run)]
    inner = gaps[first:last]
    if first == last and is_something_else(digits):
        return True
    if re.search(r"\+[( ]?\Z", marks[:start]) and sum(sizes) <= 15:
        return True
    beside = sum(mark.isalpha() or mark.isnumeric() for mark in marks[:start] + marks[end:])
    if first == last and len(digits) == 13 and digits[0] == "4" and beside > 8:
        return True
    if first == last and first and gaps[first - 1] == "." and sizes[first - 1] <= 6 and gaps[max(first - 2, 0)] != ".":
        return True
    if first == last == 1 and gaps[0] == "." and sizes[0] <= 6:
        return True
    if inner == ["."] and len(digits) <= 17:
        return True
    if layout(marks, run, first, last, counted(marks, run[0].start)) == "odd":
        return len(inner) == 1 or len(set(inner)) > 1
    return first < last and goes_on(marks, run, first, last)


def goes_on(marks: str, run: list[Group], first: int, last: int) -> bool:
    """A window that has more chunks, or one of few digits that has any numbers, beside it."""
    sizes = [group.end - group.start for group in run]
    gap = marks[run[first].end : run[first + 1].start]
    if first and marks[run[first - 1].end : run[first].start] == gap and beside(sizes, first, last, first - 1):
        before = digits_of(marks[run[first - 1].start : run[first - 1].end])
        ends = any(is_strong(marks, run[at], run[first - 1]) for at in range(first))
        if not (is_year(before) or ends or (first == 1 and counted(marks, run[0].start))):
            return True
    on = last + 1 < len(run) and marks[run[last].end : run[last + 1].start] == gap
    if on and beside(sizes, first, last, last + 1):
        behind = digits_of(marks[run[last + 1].start : run[last + 1].end])
        begins = any(is_strong(marks, run[last + 1], run[at]) for at in range(last + 1, len(run)))
        return not (is_year(behind) or is_expiry(behind) or begins)
    return False


def beside(sizes: list[int], first: int, last: int, group: int) -> bool:
    """Whether a group beside the window is one chunk more, or a number beside few digits."""
    window, size = sizes[first : last + 1], sizes[group]
    if is_chunks(window) and size == window[0] and (group < first or window[-1] == size):
        return True
    code = group > last and group == len(sizes) - 1 and size <= 4
    return sum(window) <= 15 and size >= 3 and not code


def is_chunks(sizes: list[int]) -> bool:
    return set(sizes[:-1]) == {sizes[0]} and sizes[-1] <= sizes[0] and sizes[0] in (1, 2, 3, 4, 5, 6, 8)


def is_strong(marks: str, first: Group, last: Group) -> bool:
    digits = digits_of(marks[first.start : last.end])
    known = issued(digits) if 12 <= len(digits) <= 19 else None
    return known is not None and known[0] == "strong"


def is_expiry(digits: str) -> bool:
    """MMYY or YYMM, 2020 to 2039."""
    return bool(re.fullmatch("(0[1-9]|1[0-2])[23][0-9]|[23][0-9](0[1-9]|1[0-2])", digits))


def is_year(digits: str) -> bool:
    return len(digits) == 4 and digits[:2] in ("19", "20")


def is_something_else(digits: str) -> bool:
    """An article, a German mobile number, a Chinese identity number."""
    if len(digits) == 13:
        return is_ean13(digits) or digits[:4] in ("4915", "4916", "4917")
    return len(digits) == 18 and bool(re.match("(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])", digits[6:]))


def is_ean13(digits: str) -> bool:
    return sum(int(digit) * (1 + 2 * (place % 2)) for place, digit in enumerate(digits)) % 10 == 0
