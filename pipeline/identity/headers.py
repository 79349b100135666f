"""The identity header of a producer: `panlock-identity`, its principal's name in UTF-8."""

from collections.abc import Sequence
from typing import Literal

from pipeline.record import Reason

IDENTITY = "panlock-identity"

Mode = Literal["broker", "header", "signed"]


def verify(owner: str, mode: Mode, headers: Sequence[tuple[str, bytes | None]]) -> Reason | None:
    """Whether the header, if there is one, names `owner`, the principal whose topic this is; None if it does.

    The broker's ACL has already tied the topic to its owner; the header says that the producer meant this topic.
    `broker`: it may be absent. `header`: it may not. More than one is refused, even where all agree: which of them
    somebody downstream reads would be a matter of luck.
    """
    named = [content for name, content in headers if name == IDENTITY]
    if not named:
        return Reason.IDENTITY_MISSING if mode != "broker" else None
    if len(named) > 1:
        return Reason.IDENTITY_DUPLICATE
    return None if named[0] == owner.encode() else Reason.IDENTITY_MISMATCH
