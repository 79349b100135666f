"""More people, or certificates, that may say or read something; fewer that must."""

from collections.abc import Iterator

from pipeline.policy.models import Audit, Denied, Policy, Roles
from pipeline.policy.weaker.ranks import Weakening, added, changed, unranked
from pipeline.recording import REPLAYERS

_STANDING = ("operators", "revealers", "shredders", REPLAYERS)  # roles of people that Panlock itself asks for


def weaker_people(old: Policy, new: Policy) -> Iterator[Weakening]:
    for name, person in new.people.items():
        before = old.people.get(name)
        if before is None:
            continue  # what they may do, their roles say
        place = f"people.{name}"
        yield from changed("certificate-changed", f"{place}.certificate", before.certificate, person.certificate)
        for key in person.keys:
            if key not in before.keys:
                yield Weakening("key-added", f"{place}.keys", f"another key speaks for {name}")
        yield from unranked(place, before, person, {"certificate", "keys", "roles"})
    for role in _STANDING:
        yield from added("role-wider", "people", old.holders([role]), new.holders([role]), f"gets the role {role}")
    yield from _broker_roles(old.roles, new.roles)
    yield from _audit_keys(old.audit, new.audit)
    yield from _policy_approvers(old, new)
    for kind in Denied.model_fields:
        before, after = getattr(old.denied, kind), getattr(new.denied, kind)
        yield from added("denial-removed", f"denied.{kind}", after, before, "is refused no more")
    yield from _break_glass(old, new)


def _broker_roles(old: Roles, new: Roles) -> Iterator[Weakening]:
    for role in Roles.model_fields:
        yield from added(
            "certificate-added", f"roles.{role}", getattr(old, role), getattr(new, role), "has that role on the broker"
        )


def _audit_keys(old: Audit, new: Audit) -> Iterator[Weakening]:
    for kind in ("worker_keys", "sealer_keys"):
        before, after = getattr(old, kind), getattr(new, kind)
        if before and not after:
            yield Weakening("audit-keys-removed", f"audit.{kind}", "what was signed by them is signed no more")
        yield from added(
            "audit-key-added",
            f"audit.{kind}",
            (key["x"] for key in before),
            (key["x"] for key in after),
            "may sign, too",
        )
    yield from added("witness-weaker", "audit.witnesses", new.witnesses, old.witnesses, "is not asked any more")
    if old.witnesses:
        what = "may cosign in place of others"
        yield from added("witness-weaker", "audit.witnesses", old.witnesses, new.witnesses, what)
    if new.witness_quorum < old.witness_quorum:
        what = f"{old.witness_quorum} witnesses become {new.witness_quorum}"
        yield Weakening("witness-weaker", "audit.witness_quorum", what)
    if old.timestamp_authorities and not new.timestamp_authorities:
        yield Weakening("authorities-removed", "audit.timestamp_authorities", "nobody says when the audit was")


def _break_glass(old: Policy, new: Policy) -> Iterator[Weakening]:
    before, after = old.break_glass, new.break_glass
    if after is None:
        return
    if before is None:
        yield Weakening("break-glass-added", "break_glass", "two people release a held record without its approvers")
        return
    yield from added("break-glass-wider", "break_glass.roles", before.roles, after.roles, "may break glass")
    yield from added("break-glass-wider", "break_glass.reviewers", before.reviewers, after.reviewers, "may review it")
    yield from added(
        "break-glass-wider", "people", old.holders(before.roles), new.holders(after.roles), "may break glass"
    )
    yield from unranked("break_glass", before, after, {"roles", "reviewers"})


def _policy_approvers(old: Policy, new: Policy) -> Iterator[Weakening]:
    before, after = old.policy_approvers, new.policy_approvers
    if before is None:
        return
    if after is None:
        yield Weakening("policy-approvers-removed", "policy_approvers", "nobody is asked about policies any more")
        return
    if after.quorum < before.quorum:
        what = f"{before.quorum} people become {after.quorum}"
        yield Weakening("policy-quorum-lower", "policy_approvers.quorum", what)
    yield from added(
        "policy-approvers-wider",
        "policy_approvers.roles",
        old.holders(before.roles),
        new.holders(after.roles),
        "may approve policies",
    )
    yield from unranked("policy_approvers", before, after, {"quorum", "roles"})
