"""Why a record was released or denied: enough people said so, as the rule under which it was held asked; each of them
proven, none the producer's owner."""

from collections.abc import Iterable, Mapping

from pipeline.approval.decision import Decision, Said
from pipeline.approval.glass import GlassBreak, is_hardware
from pipeline.approval.grant import GrantProposal, GrantWord, rule_named
from pipeline.approval.requester import same_person
from pipeline.approval.roles import roles_of
from pipeline.audit.claims.material import Claim, Event, Material, NotProvenError, member
from pipeline.audit.events import EventType
from pipeline.policy.models import HoldRule
from pipeline.policy.topics import UnknownTopicError, owner_of
from pipeline.record import RecordId

Words = Mapping[str, Said]


def ended(material: Material, words: Words) -> list[Claim]:
    """Raises NotProvenError."""
    claims = []
    for event in material.of_type(EventType.RECORD_RELEASED, EventType.RECORD_REJECTED):
        approval = event.get("approval")
        if not isinstance(approval, dict) or event.get("reason") == "expired":
            continue
        if "grant" in approval:
            claims.append(_by_grant(event, approval, material, words))
        elif "alarm" in approval:
            claims.append(_by_glass(event, approval, material, words))
        else:
            claims.append(_by_decisions(event, approval, material, words))
    return claims


def _by_decisions(event: Event, approval: Mapping[str, object], material: Material, words: Words) -> Claim:
    held = next((each for each in material.of_type(EventType.RECORD_HELD) if each["seq"] < event["seq"]), None)
    if held is None or member(held, "approval", "rule") != approval.get("rule"):
        raise _not(event, "the proof lacks the event that held the record under its rule")
    wanted = "deny" if event["type"] == EventType.RECORD_REJECTED else "approve"
    rule = _rule(held, material)
    said = [
        (each, word)
        for each in material.of_type(EventType.DECISION_ACCEPTED)
        if isinstance(word := words[each["id"]], Decision) and word.decision == wanted and each["seq"] < event["seq"]
    ]
    if any(word.sha256 != held["resource"]["sha256"] for _, word in said):
        raise _not(event, "people decided on other bytes than were held")
    return _enough(event, approval, said, 1 if wanted == "deny" else rule.quorum, rule.approvers, material)


def _by_grant(event: Event, approval: Mapping[str, object], material: Material, words: Words) -> Claim:
    opened = material.event(approval.get("opened"), EventType.GRANT_OPENED, f"event {event['id']} is under a grant")
    id_, told = approval["grant"], opened["approval"]
    why = f"grant {str(id_)[:16]}…"
    proposed = material.event(told["proposed"], EventType.GRANT_PROPOSED, why)
    approved = [material.event(each, EventType.GRANT_APPROVED, why) for each in told["approved"]]
    proposal = words[proposed["id"]]
    said = [(each, word) for each in approved if isinstance(word := words[each["id"]], GrantWord)]
    named = {member(opened, "resource", "grant"), *(word.grant for _, word in said)}
    if not isinstance(proposal, GrantProposal) or named != {id_} or proposal.id != id_:
        raise _not(event, "the grant's events are of another grant")
    rule = rule_named(material.bundle(proposed).policy.flows, proposal)
    if rule is None or rule.id != approval.get("rule") or proposal.flow != _owner(event, material)[0]:
        raise _not(event, "the grant is for another flow or rule")
    return _enough(event, approval, said, rule.quorum, rule.approvers, material)


def _by_glass(event: Event, approval: Mapping[str, object], material: Material, words: Words) -> Claim:
    used = material.event(approval["alarm"], EventType.BREAK_GLASS_USED, f"event {event['id']} is by break-glass")
    signed = [
        material.event(each, EventType.BREAK_GLASS_SIGNED, "break-glass takes two")
        for each in used["approval"]["signed"]
    ]
    said = [(each, word) for each in signed if isinstance(word := words[each["id"]], GlassBreak)]
    if any(word.sha256 != event["resource"]["sha256"] for _, word in said):
        raise _not(event, "people broke the glass for other bytes than were released")
    if not all(is_hardware(word.person, word.key, material.bundle(each).policy) for each, word in said):
        raise _not(event, "a key that broke the glass is not one that the policy calls hardware")
    rules = [rule for each, _ in said if (rule := material.bundle(each).policy.break_glass) is not None]
    roles = [role for rule in rules for role in rule.roles]
    return _enough(event, approval, said, 2, roles, material)


def _enough(
    event: Event,
    approval: Mapping[str, object],
    said: Iterable[tuple[Event, Said]],
    quorum: int,
    roles: Iterable[str],
    material: Material,
) -> Claim:
    """The event's people are those who signed, so many, with one of the roles, and none of them an owner."""
    wanted, people = set(roles), list[str]()
    _, principal = _owner(event, material)
    for each, word in said:
        policy = material.bundle(each).policy
        if not roles_of(word, policy) & wanted:
            raise _not(event, f"{word.person} has none of the roles that the rule asks for")
        if any(same_person(word.person, owner) for owner in policy.principals[principal].owners):
            raise _not(event, f"{word.person} owns {principal}, and does not count")
        people.append(word.person)
    counted = approval.get("people")
    if not isinstance(counted, list) or not set(counted) <= set(people) or len(set(counted)) < max(1, quorum):
        raise _not(event, f"it names {counted}, and the proof has the words of {people}; {quorum} are needed")
    ending = "released" if event["type"] == EventType.RECORD_RELEASED else "denied"
    return Claim(event["id"], f"{ending} under rule {approval.get('rule')}", f"{', '.join(counted)} (above)", True)


def _rule(held: Event, material: Material) -> HoldRule:
    """As it was when the record was held."""
    flow, _ = _owner(held, material)
    rules = material.bundle(held).policy.flows[flow].hold
    found = next((each for each in rules if each.id == member(held, "approval", "rule")), None)
    if found is None:
        raise _not(held, "its policy has no such rule")
    return found


def _owner(event: Event, material: Material) -> tuple[str, str]:
    try:
        return owner_of(material.bundle(event).policy, RecordId.parse(event["resource"]["record"]).topic)
    except UnknownTopicError as error:
        raise _not(event, str(error)) from error


def _not(event: Event, why: str) -> NotProvenError:
    return NotProvenError(f"event {event['id']}: {why}")
