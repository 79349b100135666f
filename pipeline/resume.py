"""An operator's acknowledgement of lost input: the lane goes on behind the loss, and the audit says who said so."""

from pipeline.approval.decision import Resume
from pipeline.approval.roles import OPERATORS, actor_of, proof_of, roles_of
from pipeline.audit.events import EventType
from pipeline.record import Refusal
from pipeline.state import STOPPED, decode_stopped, encode_position, next_key, topic_key
from pipeline.turn import Turn

EVERY = 1_000_000  # more inputs than a lane can have


def resume(turn: Turn, message: Resume, where: str) -> None:
    """Open a stopped lane's inputs again, if the message acknowledges this very alarm."""
    stopped = decode_stopped(turn.view.get(STOPPED))
    refusal = _refusal(turn, message, stopped.event if stopped else None)
    actor, resource = actor_of(message), {"decision": where}
    if refusal is not None or stopped is None:
        turn.event(
            EventType.DECISION_REFUSED,
            actor=actor,
            reason=(refusal or Refusal.UNKNOWN_RECORD).value,
            resource=resource,
        )
        return
    for loss in stopped.losses:
        turn.view.put(next_key(loss.topic, loss.partition), encode_position(loss.to))
    for each in stopped.recreations:  # read from its log start, as a new one
        turn.view.put(topic_key(each.topic), None)
        for key in turn.view.state.keys(f"next/{each.topic}/".encode(), EVERY):
            turn.view.put(key, None)
    turn.view.put(STOPPED, None)
    turn.event(
        EventType.LANE_RESUMED,
        actor=actor,
        reason=message.reason,
        resource=resource,
        alarm=stopped.event,
        proof=proof_of(message),
    )
    turn.effects.reopen = True


def _refusal(turn: Turn, message: Resume, alarm: str | None) -> Refusal | None:
    context = turn.context
    if message.cluster != context.cluster:
        return Refusal.WRONG_CLUSTER
    if message.lane != context.lane or message.event != alarm:
        return Refusal.UNKNOWN_RECORD
    if OPERATORS not in roles_of(message, context.policy):
        return Refusal.WRONG_ROLE
    return None
