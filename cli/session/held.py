"""What every place that keeps a session offers, and which place it is."""

import time
from dataclasses import dataclass
from typing import Protocol

from pipeline.approval.envelope import MAX_SESSION_BYTES
from pipeline.errors import PanlockError


class SessionError(PanlockError):
    """There is no session, or it cannot be kept; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Who:
    """As the ID token says it; `until`: when what they sign no longer counts, in seconds since 1970."""

    person: str
    groups: tuple[str, ...]
    acr: str | None
    device: bool
    until: int

    def left(self) -> int:
        """Seconds."""
        return self.until - int(time.time())


class Keeper(Protocol):
    """A key pair that is kept for its holder. `place` says where, for people."""

    place: str

    def start(self) -> "Keeper":
        """A new key; a former session is forgotten. Raises SessionError."""

    def public_jwk(self) -> dict[str, str]: ...

    def keep(self, id_token: str, who: Who) -> None:
        """From now on it is a session. Raises SessionError."""

    def who(self) -> Who | None:
        """None where there is no session, or it is over."""

    def seal(self, payload: dict[str, object]) -> bytes:
        """Raises SessionError."""

    def forget(self) -> bool:
        """Whether there was something to forget."""


class Session:
    """Signs what its person says (pipeline.approval.envelope.Signatory)."""

    most = MAX_SESSION_BYTES

    def __init__(self, keeper: Keeper, who: Who) -> None:
        self._keeper, self.who = keeper, who

    def seal(self, payload: dict[str, object]) -> bytes:
        return self._keeper.seal(payload)
