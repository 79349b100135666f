"""What people said: the message as they signed it, under the policy of the event, at the broker's time of it."""

from collections.abc import Mapping

from pipeline.approval.decision import Decision, Said, read_message
from pipeline.approval.glass import GlassBreak, GlassReview
from pipeline.approval.grant import GrantProposal, GrantWord
from pipeline.approval.issuer_keys import IssuerKeys
from pipeline.approval.roles import actor_of
from pipeline.audit.claims.material import Claim, Event, Material, NotProvenError, member, milliseconds
from pipeline.audit.events import EventType
from pipeline.record import Refusal

_KINDS: dict[str, type[Said]] = {
    EventType.DECISION_ACCEPTED: Decision,
    EventType.GRANT_PROPOSED: GrantProposal,
    EventType.GRANT_APPROVED: GrantWord,
    EventType.GRANT_REVOKED: GrantWord,
    EventType.BREAK_GLASS_SIGNED: GlassBreak,
    EventType.BREAK_GLASS_REVIEWED: GlassReview,
}


def heard(material: Material) -> tuple[dict[str, Said], list[Claim]]:
    """Each message by its event's id. Raises NotProvenError."""
    words: dict[str, Said] = {}
    claims = []
    for event in material.events:
        if event["type"] in _KINDS:
            words[event["id"]] = message = _message(event, material)
            claims += _claims(event, message, material)
    return words, claims


def _message(event: Event, material: Material) -> Said:
    proof, keys = event.get("proof"), dict[str, IssuerKeys]()
    if not isinstance(proof, dict) or not {"message", "received"} <= proof.keys():
        raise NotProvenError(f"event {event['id']}: it lacks the message as it was signed")
    if "keys" in proof:
        observed, found = material.keys(event, proof["keys"])
        keys[str(member(observed, "issuer", "alias"))] = found
    policy, received = material.bundle(event).policy, milliseconds(proof["received"])
    message = read_message(str(proof["message"]).encode(), policy, keys, received)
    if isinstance(message, Refusal):
        raise NotProvenError(f"event {event['id']}: what was signed does not count: {message.value}")
    if not isinstance(message, _KINDS[event["type"]]) or not _is_told(event, message, material):
        raise NotProvenError(f"event {event['id']}: it tells something else than was signed")
    return message


def _is_told(event: Event, message: Said, material: Material) -> bool:
    """Whether the event says what the message says."""
    resource = event.get("resource") or {}
    signed: Mapping[str, object] = {
        "record": getattr(message, "record", None),
        "sha256": getattr(message, "sha256", resource.get("sha256")),
        "grant": message.id if isinstance(message, GrantProposal) else getattr(message, "grant", None),
    }
    told = {name: resource.get(name) for name in signed}
    return (
        message.cluster == material.cluster
        and event.get("actor") == actor_of(message)
        and event.get("reason") == message.reason
        and told == signed
        and (not isinstance(message, Decision) or member(event, "approval", "decision") == message.decision)
        and (not isinstance(message, GlassReview) or event.get("alarm") == message.event)
        and (not isinstance(message, GrantWord) or _WORDS[message.word] == event["type"])
    )


_WORDS = {"approve": EventType.GRANT_APPROVED, "revoke": EventType.GRANT_REVOKED}


def _claims(event: Event, message: Said, material: Material) -> list[Claim]:
    what = f"{message.person} signed: {_said(event, message)}"
    if message.session is None:
        return [Claim(event["id"], what, f"key {message.key} of policy {event['policy'][:16]}…", True)]
    issuer = material.bundle(event).policy.issuers[message.session.issuer].issuer
    return [
        Claim(event["id"], what, f"ID token of {issuer}, bound to key {message.key}", True),
        Claim(event["id"], f"{issuer} had the keys {message.session.keys[:16]}…", "a worker, who fetched them", False),
    ]


def _said(event: Event, message: Said) -> str:
    if isinstance(message, Decision):
        return f"{message.decision} {message.sha256[:16]}…"
    return str(event["type"])
