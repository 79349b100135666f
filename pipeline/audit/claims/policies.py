"""Which policies the events name, and who put them in force: every word as people signed it, under the policy before.

A policy counts by its hash, which events name. The files that it refers to count where a sealed event names the
bundle's hash, or whoever checks has the same files from elsewhere.
"""

from collections.abc import Sequence

from pipeline.approval.change import NO_PREVIOUS, Change, read_change
from pipeline.audit.claims.material import Claim, Event, Material, NotProvenError, member, milliseconds
from pipeline.audit.events import EventType
from pipeline.policy.bundle import Bundle
from pipeline.record import Refusal

WORDS = EventType.POLICY_PROPOSED, EventType.POLICY_APPROVED, EventType.POLICY_APPLIED


def in_force(material: Material) -> list[Claim]:
    """Raises NotProvenError."""
    words = list(material.of_type(*WORDS))
    named = {member(event, "resource", "bundle") for event in words}
    before = {event["previous"] for event in words}
    hashes = {event["policy"] for event in material.events}
    claims = []
    for bundle in material.bundles:
        if bundle.hash not in named | before and bundle.policy.hash not in hashes:
            raise NotProvenError(f"policy {bundle.policy.hash}: no event names it")
        if bundle.hash not in named | before and not _has_files_of(material.trusted, bundle):
            raise NotProvenError(
                f"policy {bundle.policy.hash}: no event names its files, and they are not those of the policy "
                "that you trust: check with the policy of that time"
            )
        if bundle.policy.hash in hashes and bundle.policy.policy_approvers is not None:
            said = [event for event in words if event["resource"]["bundle"] == bundle.hash]
            claims += _approved(bundle, said, material)
    return claims


def _has_files_of(trusted: Bundle, bundle: Bundle) -> bool:
    return all(trusted.files.get(name) == content for name, content in bundle.files.items())


def _approved(bundle: Bundle, words: Sequence[Event], material: Material) -> list[Claim]:
    """The proposal alone for the first one: its hash is what workers have pinned."""
    changes = [_change(event, bundle, material) for event in words]
    proposed = [each for each in changes if each.act == "propose"]
    people = {each.person for each in changes if each.act == "approve"} - {each.person for each in proposed}
    if not proposed:
        raise NotProvenError(f"policy {bundle.policy.hash}: the proof lacks the words that put it in force")
    if proposed[0].previous != NO_PREVIOUS:
        before = material.bundle_of_hash(proposed[0].previous)
        rule = None if before is None else before.policy.policy_approvers
        applied = any(each.act == "apply" for each in changes)
        if before is None or rule is None or len(people) < rule.quorum or not applied:
            raise NotProvenError(f"policy {bundle.policy.hash}: too few people approved it, or nobody applied it")
    what = f"policy {bundle.policy.hash[:16]}…"
    return [
        Claim(event["id"], f"{change.person} signed: {change.act} {what}", _key(change), True)
        for event, change in zip(words, changes, strict=True)
    ]


def _change(event: Event, bundle: Bundle, material: Material) -> Change:
    previous = event["previous"]
    before = bundle if previous == NO_PREVIOUS else material.bundle_of_hash(previous)
    if before is None:
        raise NotProvenError(f"event {event['id']}: the proof lacks the policy before, {previous}")
    keys = {}
    if "keys" in event:
        observed, found = material.keys(event, event["keys"])
        url = member(observed, "issuer", "url")
        keys = {alias: found for alias, issuer in before.policy.issuers.items() if issuer.issuer == url}
    change = read_change(str(event["jws"]).encode(), before.policy, keys, milliseconds(event["received"]))
    if isinstance(change, Refusal):
        raise NotProvenError(f"event {event['id']}: what was signed does not count: {change.value}")
    told = member(event, "actor", "person"), member(event, "resource", "bundle"), event["previous"], event["reason"]
    if told != (change.person, change.bundle, change.previous, change.reason) or change.cluster != material.cluster:
        raise NotProvenError(f"event {event['id']}: it tells something else than was signed")
    return change


def _key(change: Change) -> str:
    return f"key {change.key} of {change.person}" if change.session is None else f"ID token, bound to key {change.key}"
