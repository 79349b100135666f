"""Whether a message is for this lane, and was sent when it was signed: what every word to a lane has in common."""

from pipeline.approval.decision import Acknowledgement, Denial, Reveal
from pipeline.approval.replay import Replay, ReplayWord, Shred
from pipeline.approval.said import is_fresh
from pipeline.record import Refusal
from pipeline.turn import Turn


def astray(turn: Turn, message: Reveal | Denial | Acknowledgement | Replay | ReplayWord | Shred) -> Refusal | None:
    """Why it is not heard here; None where it is."""
    if message.cluster != turn.context.cluster:
        return Refusal.WRONG_CLUSTER
    if message.lane != turn.context.lane:
        return Refusal.UNKNOWN_RECORD
    return None if is_fresh(message.iat, message.received) else Refusal.EXPIRED
