"""Replays in a lane: somebody reads recordings, or lets another; the audit says who, which, and why.

The lane has no hand in what is shown. What counts here is the trace, which comes first, and that it says the truth of
who had the role.
"""

from pipeline.addressed import astray
from pipeline.approval.replay import Replay, ReplayWord, Shred
from pipeline.approval.requester import same_person
from pipeline.approval.roles import actor_of, proof_of, roles_of
from pipeline.audit.events import EventType, timestamp
from pipeline.keys.recording import kek_name
from pipeline.policy.models import Recording
from pipeline.record import Refusal
from pipeline.recording import REPLAYERS
from pipeline.reveals import ROLE as REVEALERS
from pipeline.turn import Turn

SHREDDERS = "shredders"  # the role of people who destroy keys of recordings


def replay(turn: Turn, message: Replay, where: str) -> Refusal | None:
    recording = _recording(turn, message)
    refusal = astray(turn, message)
    if refusal is None and recording is None:
        refusal = Refusal.UNKNOWN_RECORD
    if refusal is None and not roles_for(message.mode) <= roles_of(message, turn.context.policy):
        refusal = Refusal.WRONG_ROLE
    if refusal is None and recording is not None and len(set(message.approved.split())) < needed(recording):
        refusal = Refusal.NOT_APPROVED
    if refusal is None:
        _tell(turn, EventType.RECORDING_READ, message, where, approved=message.approved.split() or None)
    return refusal


def hear_word(turn: Turn, message: ReplayWord, where: str) -> Refusal | None:
    recording = _recording(turn, message)
    refusal = astray(turn, message)
    if refusal is not None or recording is None:
        return refusal or Refusal.UNKNOWN_RECORD
    if not roles_of(message, turn.context.policy) & set(recording.approvers):
        return Refusal.WRONG_ROLE
    if same_person(message.person, message.replayer):
        return Refusal.REQUESTER
    _tell(turn, EventType.RECORDING_APPROVED, message, where)
    return None


def shred(turn: Turn, message: Shred, where: str) -> Refusal | None:
    """Flows that have left the policy too: their keys are still there."""
    refusal = astray(turn, message)
    if refusal is None and SHREDDERS not in roles_of(message, turn.context.policy):
        refusal = Refusal.WRONG_ROLE
    if refusal is None:
        turn.event(
            EventType.RECORDING_SHREDDED,
            actor=actor_of(message),
            reason=message.reason,
            resource={"decision": where, "flow": message.flow, "kek": kek_name(message.flow, message.month)},
            recording={"answer": message.answer} if message.answer else None,
            proof=proof_of(message),
        )
    return refusal


def roles_for(mode: str) -> frozenset[str]:
    """What a replay takes, all of them."""
    return frozenset((REPLAYERS, REVEALERS) if mode == "reveal" else (REPLAYERS,))


def needed(recording: Recording) -> int:
    """How many others must agree."""
    return recording.quorum if recording.approvers else 0


def _recording(turn: Turn, message: Replay | ReplayWord) -> Recording | None:
    flow = turn.context.policy.flows.get(message.flow)
    return None if flow is None or not flow.recorded else flow.recording


def _tell(
    turn: Turn,
    kind: EventType,
    message: Replay | ReplayWord,
    where: str,
    approved: list[str] | None = None,
) -> None:
    more = {"place": message.place} if isinstance(message, Replay) else {"replayer": message.replayer}
    record = {"record": message.record} if message.record else {}
    turn.event(
        kind,
        actor=actor_of(message),
        reason=message.reason,
        resource={"decision": where, "flow": message.flow, "principal": message.principal, **record},
        recording={
            "mode": message.mode,
            "since": timestamp(message.since).decode(),
            "until": timestamp(message.until).decode(),
            **more,
        },
        approval=None if approved is None else {"approved": approved},
        proof=proof_of(message),
    )
