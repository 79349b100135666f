"""Who may say nothing about policies any more: operators' denials in `panlock.policy`, as lanes hear them, too.

A person, or a key by its thumbprint. The record's value is that of a word without a bundle, {"v":1,"message":"<JWS>"},
and the message a denial as `panlock.decisions` has it, addressed to lane 0.
"""

from pipeline.approval.change import Change
from pipeline.approval.decision import Denial
from pipeline.approval.roles import OPERATORS, roles_of
from pipeline.approval.said import is_fresh
from pipeline.policy.models import Policy

KINDS = ("person", "key")


class Denied:
    """Fed in the order of the topic."""

    def __init__(self, cluster: str) -> None:
        self._cluster = cluster
        self._last: dict[tuple[str, str], Denial] = {}

    def hear(self, denial: Denial, policy: Policy, received: int) -> str | None:
        """What is wrong with it, else None; `policy`: the one in force; `received`: its broker time in ms."""
        if denial.kind not in KINDS:
            return f"denies a {denial.kind}: nobody speaks as that here"
        if denial.cluster != self._cluster:
            return "is for another cluster"
        if not is_fresh(denial.iat, received):
            return "was signed too long ago"
        if OPERATORS not in roles_of(denial, policy):
            return f"{denial.person} is no operator"
        former = self._last.get((denial.kind, denial.value))
        if former is not None and (denial.iat < former.iat or denial.jti == former.jti):
            return "is older than what was said of that since"
        self._last[denial.kind, denial.value] = denial
        return None

    def why(self, change: Change, policy: Policy) -> str | None:
        """What is wrong with whoever says it, else None; `policy`: the one in force."""
        for kind, value in zip(KINDS, (change.person, change.key), strict=True):
            if policy.denied.has(kind, value):
                return "is denied by the policy in force" if kind == "person" else "signs with a key that it denies"
            last = self._last.get((kind, value))
            if last is not None and last.effect == "deny":
                return (
                    f"is denied by {last.person}" if kind == "person" else f"signs with a key denied by {last.person}"
                )
        return None
