"""What is wrong with a policy: every problem located, all of them at once."""

from collections.abc import Sequence
from typing import NamedTuple

from pipeline.errors import PanlockError


class Problem(NamedTuple):
    """`line` is 1-based; `field` is written as `flows.payments.hold[0].when`, empty for the file as a whole."""

    line: int
    field: str
    what: str
    remedy: str


class PolicyError(PanlockError):
    """A policy that cannot be used. `problems` in the order of their lines."""

    def __init__(self, name: str, problems: Sequence[Problem]) -> None:
        self.name, self.problems = name, tuple(sorted(set(problems)))
        super().__init__("\n".join(self._line(problem) for problem in self.problems))

    def _line(self, problem: Problem) -> str:
        field = f" {problem.field}:" if problem.field else ""
        return f"{self.name}:{problem.line}:{field} {problem.what}; {problem.remedy}"


def quote(text: object) -> str:
    """A value of the policy inside a message: short, on one line, nothing that a terminal would obey."""
    shown = "".join(char if char.isprintable() else "?" for char in str(text))
    return f"`{shown[:80]}…`" if len(shown) > 80 else f"`{shown}`"
