"""Field rules: what may be done to which class, and no two rules for one field."""

import re
from collections.abc import Iterator
from functools import cache

from pipeline.policy.document import Cursor
from pipeline.policy.problems import Problem, quote

_STEP = re.compile(r"\.\.([^.\[\]]+)|\.([^.\[\]]+)|(\[\*\])")
ANY_DEPTH = ".."
Steps = tuple[str, ...]


def check_strategies(root: Cursor) -> Iterator[Problem]:
    """Sensitive authentication data is never kept, in no form (PCI DSS v4.0.1 3.3.1)."""
    for _, flow in root.at("flows").members():
        for rule in flow.at("fields").elements():
            class_, strategy = rule.at("class").text, rule.at("strategy")
            if class_ == "pan" and strategy.data is None:
                yield strategy.problem("is missing", "say drop, redact, partial or token")
            if class_ == "sad" and strategy.text in ("partial", "token"):
                yield strategy.problem(
                    f"{quote(strategy.text)} would keep sensitive authentication data (PCI DSS 3.3.1)",
                    "use drop or redact",
                )


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
    if one == other:
        return True
    first, second = _steps(one), _steps(other)
    return first is not None and second is not None and _meet(first, second)


def _steps(path: str) -> Steps | None:
    """`$.a[*]..b` as a, [*], ANY_DEPTH, b."""
    steps: list[str] = []
    at = 1
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None:
            return None
        steps += [ANY_DEPTH, match[1]] if match[1] else [match[2] or match[3]]
        at = match.end()
    return tuple(steps)


@cache
def _meet(first: Steps, second: Steps) -> bool:
    if second and second[0] == ANY_DEPTH:
        first, second = second, first
    if first and first[0] == ANY_DEPTH:
        return _meet(first[1:], second) or (bool(second) and _meet(first, second[1:]))
    if not first or not second:
        return not first and not second
    return first[0] == second[0] and _meet(first[1:], second[1:])
