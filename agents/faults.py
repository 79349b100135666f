"""Faults for tests, at named points of the engine. Nothing happens unless PANLOCK_FAULTS names a point.

    PANLOCK_FAULTS="before-commit=kill@3,delivery=fail"    kill -9 at the third passage; fail at the first
    PANLOCK_FAULTS="panic=TEXT"                            the kernel panics on a value that holds TEXT

Points: delivery, before-commit, after-commit (and before the WriteBatch).
"""

import os
import signal
from collections import Counter

_passages: Counter[str] = Counter()


def _parse(text: str) -> dict[str, tuple[str, int]]:
    plan = {}
    for entry in filter(None, text.split(",")):
        point, _, action = entry.partition("=")
        what, _, when = action.partition("@")
        plan[point] = (what, int(when or 1))
    return plan


PLAN = _parse(os.environ.get("PANLOCK_FAULTS", ""))


PANIC_ON = PLAN["panic"][0] if "panic" in PLAN else None


class InjectedError(Exception):
    """A fault that a test asked for."""


def reach(point: str) -> None:
    """Do what PANLOCK_FAULTS asks at this passage of the point."""
    if point not in PLAN:
        return
    what, when = PLAN[point]
    _passages[point] += 1
    if _passages[point] == when:
        if what == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        raise InjectedError(point)
