"""Which roles somebody has: those that the policy gives to their registered key, or their groups at the issuer."""

from pipeline.approval.change import Change
from pipeline.approval.decision import Said
from pipeline.audit.events import timestamp
from pipeline.policy.models import Policy

OPERATORS = "operators"  # the role of people who run Panlock


def roles_of(message: Said, policy: Policy) -> frozenset[str]:
    if message.session is not None:
        return message.session.roles
    person = policy.people.get(message.person)
    return frozenset() if person is None else frozenset(person.roles)


def actor_of(message: Said | Change) -> dict[str, object]:
    """Who said it, for an event: the person, and how their issuer vouches for them."""
    session = message.session
    if session is None:
        return {"person": message.person}
    told: dict[str, object] = {"person": message.person, "issuer": session.issuer, "auth_time": session.auth_time}
    return {**told, "key": message.key} if session.acr is None else {**told, "acr": session.acr, "key": message.key}


def proof_of(message: Said) -> dict[str, object]:
    """What an auditor verifies it by: the message as it was signed, ID token and all, and when the broker took it; the
    hash of the issuer's keys, where it is under a session."""
    told: dict[str, object] = {"message": message.signed, "received": timestamp(message.received).decode()}
    return told if message.session is None else {**told, "keys": message.session.keys}
