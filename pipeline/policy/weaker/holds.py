"""Fewer records that wait for people, or fewer and other people that they wait for."""

from collections.abc import Iterator

from pipeline.policy.kinds import duration
from pipeline.policy.models import HoldRule, Policy
from pipeline.policy.weaker.ranks import Weakening, added, changed, higher, lower_rank, unranked

_DEVICE = ("refuse", "allow")
_NEUTRAL = {"id", "reason", "requester_reason"}
_RANKED = {"when", "quorum", "expires_ms", "approvers", "requester", "device_flow"} | _NEUTRAL


def weaker_holds(place: str, flow: str, old: Policy, new: Policy) -> Iterator[Weakening]:
    before, after = ({rule.id: rule for rule in policy.flows[flow].hold} for policy in (old, new))
    for name in before:
        if name not in after:
            yield Weakening("hold-rule-removed", f"{place}[{name}]", "what it held is released at once")
    kept = [name for name in after if name in before]
    if kept != [name for name in before if name in after]:
        yield Weakening("hold-rules-reordered", place, "another rule may match first")
    for name in kept:
        yield from _rule(f"{place}[{name}]", before[name], after[name])
        yield from added(
            "approvers-wider",
            f"{place}[{name}].approvers",
            _people(old, flow, before[name]),
            _people(new, flow, after[name]),
            "may approve what it holds",
        )
        if new.sign_ins:  # their groups say who holds a role: no policy can tell how many that are
            roles = before[name].approvers, after[name].approvers
            what = "is a role at the issuers: whoever holds it there may approve what it holds"
            yield from added("approvers-wider", f"{place}[{name}].approvers", *roles, what)
    yield from _before_others(place, flow, new, set(before))


def _rule(place: str, old: HoldRule, new: HoldRule) -> Iterator[Weakening]:
    yield from changed("condition-changed", f"{place}.when", old.when, new.when)
    yield from higher("quorum-lower", f"{place}.quorum", new.quorum, old.quorum, f"{old.quorum} becomes {new.quorum}")
    longer = f"{duration(old.expires_ms)} becomes {duration(new.expires_ms)}"
    yield from higher("expires-longer", f"{place}.expires", old.expires_ms, new.expires_ms, longer)
    if old.requester is not None:
        yield from changed("requester-changed", f"{place}.requester", old.requester, new.requester)
    yield from lower_rank("device-flow-allowed", f"{place}.device_flow", old.device_flow, new.device_flow, _DEVICE)
    yield from unranked(place, old, new, _RANKED)


def _before_others(place: str, flow: str, new: Policy, known: set[str]) -> Iterator[Weakening]:
    """The first rule that matches decides: a new one takes records from those behind it."""
    rules = new.flows[flow].hold
    for at, rule in enumerate(rules):
        if rule.id in known:
            continue
        for other in rules[at + 1 :]:
            if other.id in known and not _as_strict(new, flow, rule, other):
                what = f"comes before {other.id}, which is stricter, and takes its records"
                yield Weakening("hold-rule-before", f"{place}[{rule.id}]", what)


def _as_strict(policy: Policy, flow: str, rule: HoldRule, other: HoldRule) -> bool:
    people = _people(policy, flow, rule) <= _people(policy, flow, other)
    return people and rule.quorum >= other.quorum and rule.expires_ms <= other.expires_ms


def _people(policy: Policy, flow: str, rule: HoldRule) -> set[str]:
    return set(policy.approvers(rule) - policy.owners(policy.flows[flow]))
