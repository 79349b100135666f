"""An operator denies a producer's identity, a person or a key of theirs, or takes it back: for every lane, at once."""

from pipeline.addressed import astray
from pipeline.approval.decision import Denial, Said
from pipeline.approval.roles import OPERATORS, actor_of, proof_of, roles_of
from pipeline.audit.events import EventType
from pipeline.record import Refusal
from pipeline.state import decode_json, denied_key, encode_json
from pipeline.turn import Turn


def deny(turn: Turn, message: Denial, where: str) -> None:
    """What is decided after it is refused; what is held stays held."""
    actor, resource = actor_of(message), {"decision": where}
    refusal = _refusal(turn, message)
    if refusal is not None:
        turn.event(EventType.DECISION_REFUSED, actor=actor, reason=refusal.value, resource=resource)
        return
    kind = EventType.IDENTITY_DENIED if message.effect == "deny" else EventType.IDENTITY_ALLOWED
    denied = {message.kind: message.value}
    event = turn.event(
        kind, actor=actor, reason=message.reason, resource=resource, denied=denied, proof=proof_of(message)
    )
    told = {"effect": message.effect, "event": event, "person": message.person, "iat": message.iat, "jti": message.jti}
    turn.view.put(denied_key(message.kind, message.value), encode_json(told))


def denied_speaker(turn: Turn, message: Said) -> Refusal | None:
    """Whether whoever says it may say nothing here any more."""
    if turn.denied("person", message.person):
        return Refusal.PERSON_DENIED
    return Refusal.KEY_DENIED if turn.denied("key", message.key) else None


def _refusal(turn: Turn, message: Denial) -> Refusal | None:
    context = turn.context
    if (refusal := astray(turn, message)) is not None:
        return refusal
    former = decode_json(turn.view.get(denied_key(message.kind, message.value)))
    if former is not None and (message.iat < former["iat"] or message.jti == former["jti"]):
        return Refusal.REPEATED  # an old message must not undo a newer one
    if OPERATORS not in roles_of(message, context.policy):
        return Refusal.WRONG_ROLE
    return None
