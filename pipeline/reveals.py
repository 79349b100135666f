"""Someone reads an encrypted value: the audit says who, which, and why."""

from pipeline.addressed import astray
from pipeline.approval.decision import Reveal
from pipeline.approval.roles import actor_of, proof_of, roles_of
from pipeline.audit.events import EventType
from pipeline.record import Refusal
from pipeline.turn import Turn

ROLE = "revealers"


def reveal(turn: Turn, message: Reveal, where: str) -> None:
    """The person has the text already; what counts here is the record."""
    actor, resource = actor_of(message), {"decision": where, "flow": message.flow, "sha256": message.sha256}
    refusal = _refusal(turn, message)
    if refusal is None:
        kind = EventType.VALUE_REVEALED
        resource["class"] = message.kind
        turn.event(kind, actor=actor, reason=message.reason, resource=resource, proof=proof_of(message))
    else:
        turn.event(EventType.DECISION_REFUSED, actor=actor, reason=refusal.value, resource=resource)


def _refusal(turn: Turn, message: Reveal) -> Refusal | None:
    policy = turn.context.policy
    if (refusal := astray(turn, message)) is not None:
        return refusal
    if message.flow not in policy.flows:
        return Refusal.UNKNOWN_RECORD
    if ROLE not in roles_of(message, policy):
        return Refusal.WRONG_ROLE
    return None
