"""A policy in sentences: who writes, what becomes of which field, what waits for whom. Pure."""

from collections.abc import Iterator

from pipeline.masking.strategies import DEFAULTS
from pipeline.policy.kinds import duration
from pipeline.policy.models import BreakGlass, FieldRule, Flow, HoldRule, Policy, Principal, Recording

_WORDS = {
    "drop": "is removed",
    "redact": "is blackened",
    "token": "becomes a token, the same for the same value",
    "fpe": "becomes another number of the same length, which the key turns back",
    "encrypt": "is encrypted, and read with `panlock reveal`",
}
_IDENTITIES = {
    "broker": "whom the broker's ACL attests",
    "header": "whom the broker's ACL attests and a header names",
    "signed": "who signs each record",
}


def explain(policy: Policy) -> Iterator[str]:
    """One sentence a line; a flow's begin with its name, what belongs to it is indented."""
    for name, flow in policy.flows.items():
        yield from _flow(name, flow, policy)
    for kind, names in policy.denied:
        if names:
            yield f"Refused, whatever operators say: {kind} {', '.join(names)}."
    if policy.break_glass is not None:
        yield _glass(policy.break_glass, policy)
    yield _changing(policy)


def _flow(name: str, flow: Flow, policy: Policy) -> Iterator[str]:
    writers = ", ".join(f"{each} ({_identity(policy.principals[each])})" for each in flow.producers)
    readers = f"read by {', '.join(flow.consumers)}" if flow.consumers else "which nobody may read yet"
    yield f"{name}: written by {writers}; released to {flow.clean_topic}, {readers}."
    sealed = "encrypted to the workers" if flow.quarantine == "sealed" else "in the clear: stored cardholder data"
    yield f"  Before that, records lie in quarantine {sealed}, for at most {duration(flow.retention_ms)}."
    if flow.recorded:
        yield f"  {_recording(flow.recording, policy)}"
    for rule in flow.fields:
        yield f"  {_field(rule, policy)}"
    yield f"  A card number found anywhere else {_becomes(flow.scan.pan, policy)}; authentication data " + (
        f"{_becomes(flow.scan.sad, policy)}."
    )
    for path in flow.allow:
        yield f"  {path} is not scanned."
    if flow.closed:
        yield "  A record with a field that no rule names is rejected."
    for hold in flow.hold:
        yield f"  {_hold(hold, flow, policy)}"


def _recording(recording: Recording, policy: Policy) -> str:
    people = ", ".join(sorted(policy.holders(("replayers",)))) or "whoever an issuer gives the role replayers"
    kept = "with card numbers encrypted" if recording.mode == "reveal" else "as they are masked"
    word = f", with the word of {recording.quorum} with {', '.join(recording.approvers)}" if recording.approvers else ""
    why = f", because: {recording.reason}" if recording.reason else ""
    return f"They are recorded, {kept}, for {duration(recording.kept_ms)}{why}; replayed by {people}{word}."


def _identity(principal: Principal) -> str:
    client = "" if principal.oidc is None else f"{principal.oidc.subject} at {principal.oidc.issuer}, "
    return client + _IDENTITIES[principal.identity]


def _field(rule: FieldRule, policy: Policy) -> str:
    strategy = rule.strategy or DEFAULTS.get(rule.class_)
    if strategy is None:
        return f"{rule.path} is declared, and left to the scan."
    return f"{rule.path} ({rule.class_}) {_becomes(strategy, policy)}."


def _becomes(strategy: str, policy: Policy) -> str:
    shown = {"0+4": "its last four digits", "6+4": "its first six and last four digits"}
    partial = f"keeps {shown.get(policy.truncation, 'its first eight and last four digits')}"
    return partial if strategy == "partial" else _WORDS[strategy]


def _hold(rule: HoldRule, flow: Flow, policy: Policy) -> str:
    people = ", ".join(sorted(policy.approvers(rule) - policy.owners(flow)))
    if policy.sign_ins:
        groups = f"whoever an issuer gives a role of {', '.join(rule.approvers)}"
        people = f"{people}, {groups}" if people else groups
    asked = f" Whoever {rule.requester} names does not count." if rule.requester not in (None, "none") else ""
    return (
        f"{rule.id}: where {rule.when}, it waits up to {duration(rule.expires_ms)} for {rule.quorum} of: {people}; "
        f"one denial, or silence, rejects it.{asked}"
    )


def _glass(rule: BreakGlass, policy: Policy) -> str:
    people, others = (", ".join(sorted(policy.holders(roles))) for roles in (rule.roles, rule.reviewers))
    return (
        f"In an emergency, two of {people} release a held record with hardware-held keys; one of {others} reviews it."
    )


def _changing(policy: Policy) -> str:
    rule = policy.policy_approvers
    if rule is None:
        return "This policy is changed by whoever gives workers another file: nobody else is asked."
    people = ", ".join(sorted(policy.holders(rule.roles)))
    return f"This policy is changed by its author and {rule.quorum} others of: {people}."
