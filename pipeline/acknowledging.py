"""Someone has looked at a finding of the audit's review: the audit says who, and what they make of it."""

from pipeline.addressed import astray
from pipeline.approval.decision import Acknowledgement
from pipeline.approval.roles import actor_of, proof_of, roles_of
from pipeline.audit.events import EventType
from pipeline.record import Refusal
from pipeline.turn import Turn

ROLE = "auditors"  # of people, beside that of certificates


def acknowledge(turn: Turn, message: Acknowledgement, where: str) -> None:
    """A lane knows no findings: whether there is one, readers see."""
    actor, resource = actor_of(message), {"decision": where, "finding": message.finding}
    refusal = _refusal(turn, message)
    if refusal is None:
        kind = EventType.REVIEW_ACKNOWLEDGED
        turn.event(kind, actor=actor, reason=message.reason, resource=resource, proof=proof_of(message))
    else:
        turn.event(EventType.DECISION_REFUSED, actor=actor, reason=refusal.value, resource=resource)


def _refusal(turn: Turn, message: Acknowledgement) -> Refusal | None:
    if (refusal := astray(turn, message)) is not None:
        return refusal
    if ROLE not in roles_of(message, turn.context.policy):
        return Refusal.WRONG_ROLE
    return None
