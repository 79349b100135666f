"""docs/detection.md, section 4, once more and as plainly as possible: what names and words tell of a number."""

import re
from collections.abc import Iterator
from functools import cache

from tests.properties.oracle_runs import DATA

LEFT = re.compile(
    r"\[REDACTED:[A-Z-]+\]|tok_[a-z0-9]{1,16}_[a-z2-7]{32}|enc_[a-z0-9]{1,16}_[A-Za-z0-9_-]{38,}", re.ASCII
)
LEVELS = ["lowered", "neutral", "raised"]
BEFORE, AROUND_BEFORE, AROUND_BEHIND, BESIDE = 48, 200, 60, 8
NOT_NUMBERS = {"code", "text", "data"}


@cache
def kinds(word: str) -> frozenset[str]:
    lines = [line.split("\t") for line in (DATA / "words.tsv").read_text().splitlines() if not line.startswith("#")]
    return frozenset(kind for kind, each in lines if each == word)


def known(word: str) -> frozenset[str]:
    """Kinds of a word of a member name: without its last digits, where it is unknown with them."""
    return kinds(word) or kinds(word.rstrip("0123456789"))


def words(text: str, with_digits: bool = False) -> Iterator[tuple[str, int, int]]:
    """(word in lower case, start, end), cut at humps. `with_digits`: digits belong to the word before them."""
    text = LEFT.sub(lambda left: "." * len(left[0]), text)
    start: int | None = None
    for at in range(len(text) + 1):
        mark = text[at] if at < len(text) else " "
        inside = mark.isalpha() or (with_digits and start is not None and mark.isdigit())
        if start is not None and (not inside or _hump(text, at)):
            yield text[start:at].lower(), start, at
            start = None
        if inside and start is None and mark.isalpha():
            start = at


def _hump(text: str, at: int) -> bool:
    before, here, behind = text[at - 1], text[at], text[at + 1 : at + 2]
    return here.isupper() and (before.islower() or (before.isupper() and behind.islower()))


def name_context(name: str, outer: str = "neutral") -> str:
    """ "pan", "cvv", "pin", "track", "raised", "neutral" or "lowered"; `outer`: of the object's own name."""
    parts = [word for word, _, _ in words(name, with_digits=True)]
    if not parts:
        return outer
    joined = known("".join(parts))
    is_a = {kind for part in parts for kind in known(part)}
    other = bool({"other", "quantity"} & is_a)
    counting = any("number" in known(part) and part not in NOT_NUMBERS for part in parts)
    pan_word = any(part == "pan" or known(part) == {"pan"} for part in parts)
    if "pan" in joined or (not other and (pan_word or (counting and {"card", "cc"} & set(parts)))):
        return "pan"
    for kind in ("cvv", "pin", "track"):
        if kind in joined or kind in known(parts[-1]):
            return kind
    if parts == ["id"]:
        return "raised" if outer == "raised" else "lowered"
    card = "card" in is_a or "card" in joined
    if card != other:
        return "raised" if card else "lowered"
    if all("number" in known(part) for part in parts):
        return "pan" if outer == "raised" else outer
    return "raised" if outer == "raised" else "neutral"


def place_context(text: str, start: int, end: int, name: str) -> str:
    """Of text[start:end], a window, under a member name of context `name`."""
    level = {"pan": "raised", "raised": "raised", "lowered": "lowered"}.get(name, "neutral")
    there = [word for word in words(text) if len(word[0]) > 2 or not _touches(text, *word[1:])]
    before = [
        (word, stop) for word, _, stop in there if start - BEFORE <= stop <= start and "number" not in kinds(word)
    ]
    if before:
        word, stop = before[-1]
        if "card" in kinds(word):
            return "raised"
        if "other" in kinds(word) and not any(mark.isdigit() for mark in text[stop:start]):
            return "lowered"
    near = [word for word, at, _ in there if start - AROUND_BEFORE <= at < start]
    near += [word for word, at, stop in there if end <= at and stop <= end + AROUND_BEHIND]
    if any("card" in kinds(word) for word in near):
        return "raised"
    beside = sum(mark.isalpha() or mark.isnumeric() for mark in text[:start] + text[end:])
    return "neutral" if level == "lowered" and beside > BESIDE else level


def counted(text: str, run_start: int) -> bool:
    """Whether the first group of a run is the number of a word for a quantity."""
    there = [word for word in words(text) if len(word[0]) > 2 or not _touches(text, *word[1:])]
    before = [(word, stop) for word, _, stop in there if stop <= run_start]
    if not before:
        return False
    word, stop = before[-1]
    between = text[stop:run_start]
    return "quantity" in known(word) and len(between) <= 8 and not any(mark.isdigit() for mark in between)


def _touches(text: str, start: int, end: int) -> bool:
    return any(mark.isdigit() for mark in text[max(start - 1, 0) : start] + text[end : end + 1])


def up(level: str) -> str:
    return LEVELS[min(LEVELS.index(level) + 1, 2)]
