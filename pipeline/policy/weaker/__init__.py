"""What a new policy lets pass that the old one did not: read by people before they approve it. Pure.

A change that is not known to be as strict is told: a key that this page does not rank is told when it changes, so that
a new one cannot be forgotten. Mere tightening tells nothing.
"""

from collections.abc import Iterator

from pipeline.policy.bundle import Bundle
from pipeline.policy.models import Policy
from pipeline.policy.weaker.flows import weaker_flow
from pipeline.policy.weaker.issuers import weaker_issuers
from pipeline.policy.weaker.people import weaker_people
from pipeline.policy.weaker.ranks import Weakening, changed, lower_rank, unranked

__all__ = ["Weakening", "weakenings"]

_DIGITS = ("0+4", "6+4", "8+4")  # of a card number that partial shows: the fewest first
_PEOPLE = {"people", "roles", "audit", "policy_approvers", "break_glass", "issuers", "denied"}
_RANKED = {*_PEOPLE, "principals", "authorities", "truncation", "token_domains", "flows"}
_NEUTRAL = {"version", "lanes", "application"}


def weakenings(old: Bundle, new: Bundle) -> list[Weakening]:
    """In the order of the policy's keys; empty where nothing is weaker."""
    return [*_policy(old.policy, new.policy), *_files(old, new)]


def _policy(old: Policy, new: Policy) -> Iterator[Weakening]:
    yield from weaker_people(old, new)
    yield from weaker_issuers(old, new)
    for name in new.principals:
        if name in old.principals:
            yield from _principal(f"principals.{name}", old, new, name)
    yield from lower_rank("truncation-weaker", "truncation", old.truncation, new.truncation, _DIGITS)
    for name, domain in new.token_domains.items():
        before = old.token_domains.get(name, domain)
        if domain.previous != before.key:  # a rotation makes nothing weaker
            yield from changed("domain-changed", f"token_domains.{name}.key", before.key, domain.key)
    for name, flow in new.flows.items():
        if name in old.flows:
            yield from weaker_flow(f"flows.{name}", name, old, new)
        else:
            what = f"a new way to the clean topic {flow.clean_topic}; there is nothing to compare it with"
            yield Weakening("flow-added", f"flows.{name}", what)
    yield from unranked("", old, new, _RANKED | _NEUTRAL)


def _principal(place: str, old: Policy, new: Policy, name: str) -> Iterator[Weakening]:
    before, after = old.principals[name], new.principals[name]
    order = ("signed", "header", "broker")
    yield from lower_rank("identity-weaker", f"{place}.identity", before.identity, after.identity, order)
    yield from changed("spiffe-changed", f"{place}.spiffe", before.spiffe, after.spiffe)
    yield from changed("oidc-changed", f"{place}.oidc", before.oidc, after.oidc)
    for owner in before.owners:
        if owner not in after.owners:
            what = f"{owner} answers for it no more, and may approve what it writes"
            yield Weakening("owner-removed", f"{place}.owners", what)
    yield from unranked(place, before, after, {"identity", "spiffe", "oidc", "owners"})


def _files(old: Bundle, new: Bundle) -> Iterator[Weakening]:
    """A certificate authority speaks for every producer, or for the time; without producers' own, the policy takes the
    workers'."""
    if old.policy.authorities and not new.policy.authorities:
        yield Weakening("authorities-removed", "authorities", "what a worker has configured says who a producer is")
    for name, content in sorted(new.files.items()):
        if name not in old.files:
            producers = name in new.policy.authorities
            what = "who a producer is" if producers else "when the audit was"
            yield Weakening("authority-added", name, f"another authority may say {what}")
        elif content != old.files[name]:
            yield Weakening("authority-changed", name, "its content is another")
