"""What the demo promises, checked: anything that is not as told ends it with a plain message."""

import time
from collections.abc import Callable
from typing import TypeVar

from pipeline.errors import PanlockError

PATIENCE = 60.0  # seconds: a machine under load is slow, a broken Panlock never gets there
LOOK = 0.05
T = TypeVar("T")


class NotAsToldError(PanlockError):
    """Something came out otherwise than the demo says."""


def expect(true: object, otherwise: str) -> None:
    """Raises NotAsToldError with `otherwise`."""
    if not true:
        raise NotAsToldError(otherwise)


def until(what: str, look: Callable[[], T | None], patience: float = PATIENCE) -> T:
    """Look until there is something. Raises NotAsToldError that names what never came."""
    end = time.monotonic() + patience
    while not (found := look()):
        if time.monotonic() > end:
            raise NotAsToldError(f"within {patience:.0f} s there was not: {what}")
        time.sleep(LOOK)
    return found
