"""Break-glass: two people, each with a hardware-held key, release one held record; a third reviews it afterwards.

Both payloads are in pipeline.approval.decision's envelope, the first under a registered key that the policy marks
`hardware: true`:

    {"v":1,"break_glass":{"cluster":"<id>","topic_id":"<UUID>","record":"<record id>","sha256":"<hex of the masked
     record>","reason":"...","jti":"...","iat":<seconds since 1970>}}
    {"v":1,"glass_review":{"cluster":"<id>","lane":3,"record":"<record id>","event":"3/41","reason":"...","jti":"...",
     "iat":<seconds>}}

`event` is the alarm's. What a lane keeps of it until the review, and shows in `panlock.pending` under
`break-glass/<record id>` (times in ms):

    {"v":1,"record":"...","sha256":"<hex>","flow":"payments","rule":"large-refund","people":["...","..."],
     "event":"3/41","time":1795493000000}
"""

from dataclasses import asdict, dataclass

import orjson

from pipeline.approval.keys import registered_key
from pipeline.approval.signed import Signed
from pipeline.errors import PanlockError
from pipeline.policy.models import Policy

VERSION = 1
ALARM_PREFIX = b"break-glass/"  # of keys in panlock.pending
WINDOW_MS = 3_600_000  # from the first signature to the second, by the broker's clock


class AlarmError(PanlockError):
    """An alarm that this version cannot read."""


@dataclass(frozen=True, slots=True)
class GlassBreak(Signed):
    """One of two signatures over a held record and its bytes."""

    cluster: str
    topic_id: str
    record: str
    sha256: str
    reason: str
    jti: str
    iat: int


@dataclass(frozen=True, slots=True)
class GlassReview(Signed):
    """A third person has looked at what was released; `event` is the alarm's id."""

    cluster: str
    lane: int
    record: str
    event: str
    reason: str
    jti: str
    iat: int


@dataclass(frozen=True, slots=True)
class Alarm:
    """Open until somebody else than `people` has reviewed it; `time` of the release in ms, the broker's."""

    record: str
    sha256: str
    flow: str
    rule: str
    people: tuple[str, ...]
    event: str
    time: int

    def encode(self) -> bytes:
        return orjson.dumps({"v": VERSION, **asdict(self)})

    @classmethod
    def decode(cls, data: bytes) -> "Alarm":
        """Raises AlarmError."""
        try:
            body = orjson.loads(data)
            if body.pop("v") != VERSION:
                raise AlarmError("an alarm of another version: use a Panlock that knows it")
            return cls(**{**body, "people": tuple(body["people"])})
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise AlarmError(f"not an alarm ({type(error).__name__}): panlock.pending was altered") from error


def is_hardware(person: str, thumbprint: str, policy: Policy) -> bool:
    """Whether the policy says that this key of theirs is in hardware: Panlock takes the policy's word for it."""
    known = policy.people.get(person)
    for jwk in () if known is None else known.keys:
        key = registered_key(jwk) if jwk.get("hardware") is True else None
        if key is not None and key.thumbprint() == thumbprint:
            return True
    return False
