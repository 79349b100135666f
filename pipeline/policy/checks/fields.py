"""No two field rules for one field."""

import re
from collections.abc import Iterator

from pipeline.policy.document import Cursor
from pipeline.policy.problems import Problem, quote

_ITEMS = re.compile(r"\[\*\]")
_NAMED = re.compile(r"(?P<deep>\.\.)?\[(?P<quote>[\"'])(?P<quoted>(?:\\.|(?!(?P=quote))[^\\])*)(?P=quote)\]", re.DOTALL)
_BARE = re.compile(r"(?P<dots>\.\.?)(?P<name>[^.\[\]]+)")
ITEMS, ANY_DEPTH = "*", ".."  # no step that names something begins with either: names carry a slash before them
Steps = tuple[str, ...]


def check_fields(root: Cursor) -> Iterator[Problem]:
    """Which of two rules for one field holds would be chance."""
    for _, flow in root.at("flows").members():
        before: list[Cursor] = []
        for rule in flow.at("fields").elements():
            path = rule.at("path")
            if path.text is None:
                continue
            for other in before:
                if meet(path.text, other.text or ""):
                    yield path.problem(
                        f"{quote(path.text)} and {quote(other.text)} in line {other.line} are two rules for one field",
                        "keep one, or make their paths exclude each other",
                    )
                    break
            before.append(path)


def meet(one: str, other: str) -> bool:
    """Whether some field of some document lies at both paths."""
    first, second = _steps(one), _steps(other)
    return one == other or (first is not None and second is not None and _meet(first, second))


def _steps(path: str) -> Steps | None:
    """`$.a[*]..["b"]` as /a, ITEMS, ANY_DEPTH, /b; None for what is no path."""
    steps: list[str] = []
    at = 1
    while at < len(path):
        if match := _ITEMS.match(path, at):
            steps.append(ITEMS)
        elif match := _BARE.match(path, at):
            steps += [ANY_DEPTH] * (match["dots"] == "..") + ["/" + match["name"]]
        elif match := _NAMED.match(path, at):
            steps += [ANY_DEPTH] * bool(match["deep"]) + ["/" + re.sub(r"\\(.)", r"\1", match["quoted"])]
        else:
            return None
        at = match.end()
    return tuple(steps)


def _meet(first: Steps, second: Steps) -> bool:
    """Walk both paths at once; ANY_DEPTH may end, or swallow a step of the other."""
    waiting, seen = [(0, 0)], set()
    while waiting:
        here = waiting.pop()
        if here in seen:
            continue
        seen.add(here)
        one, other = here
        if one == len(first) and other == len(second):
            return True
        waiting += _onward(first, one, second, other)
    return False


def _onward(first: Steps, one: int, second: Steps, other: int) -> Iterator[tuple[int, int]]:
    step = first[one] if one < len(first) else None
    opposite = second[other] if other < len(second) else None
    if step == ANY_DEPTH:
        yield one + 1, other
    if opposite == ANY_DEPTH:
        yield one, other + 1
    if step == ANY_DEPTH and opposite is not None:
        yield one, other + 1
    elif opposite == ANY_DEPTH and step is not None:
        yield one + 1, other
    elif step is not None and step == opposite:
        yield one + 1, other + 1
