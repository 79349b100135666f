"""What a decision comes to: refused, one vote more, a quorum, or a denial.

Who may decide is settled by the policy as it is now (roles, owners), how many, and who asked for it, by the rule as it
was when the record was held. There is no exemption for anyone.
"""

from dataclasses import dataclass, replace

from pipeline.approval.decision import Decision
from pipeline.approval.pending import Pending, Vote
from pipeline.approval.requester import UNKNOWN, same_person
from pipeline.approval.roles import roles_of
from pipeline.policy.models import Policy
from pipeline.record import Refusal


@dataclass(frozen=True, slots=True)
class Approved:
    """One vote more, not yet enough; `pending` has it."""

    pending: Pending


@dataclass(frozen=True, slots=True)
class Quorum:
    """Enough people approve: `pending`, with the last vote, is to be released."""

    pending: Pending


@dataclass(frozen=True, slots=True)
class Denied:
    """One denial ends it, whatever the votes before."""

    pending: Pending


Verdict = Refusal | Approved | Quorum | Denied


def weigh(
    decision: Decision, received: int, pending: Pending | None, seen: bool, cluster: str, policy: Policy
) -> Verdict:
    """`received`: the decision's broker time in ms. `seen`: the record lies behind the lane's position."""
    if pending is None:
        return Refusal.ALREADY_DECIDED if seen else Refusal.UNKNOWN_RECORD
    refusal = _other_record(decision, pending, cluster) or _not_entitled(decision, received, pending, policy)
    if refusal is not None:
        return refusal
    if decision.decision == "deny":
        return Denied(pending)
    vote = Vote(decision.person, decision.reason, decision.jti, received, decision.policy)
    voted = replace(pending, votes=(*pending.votes, vote))
    return Quorum(voted) if len(voted.votes) >= voted.quorum else Approved(voted)


def _other_record(decision: Decision, pending: Pending, cluster: str) -> Refusal | None:
    """Whether what was signed is another record than the one that is held."""
    if decision.cluster != cluster:
        return Refusal.WRONG_CLUSTER
    if decision.topic_id != pending.topic_id:
        return Refusal.WRONG_TOPIC
    if decision.record != pending.record:
        return Refusal.UNKNOWN_RECORD
    return Refusal.WRONG_HASH if decision.sha256 != pending.sha256 else None


def _not_entitled(decision: Decision, received: int, pending: Pending, policy: Policy) -> Refusal | None:
    """Whether it came too late, or from somebody whose word does not count here."""
    if received >= pending.expires:
        return Refusal.EXPIRED
    session = decision.session
    if not roles_of(decision, policy) & set(pending.approvers):
        return Refusal.WRONG_ROLE
    if session is not None and session.device and not pending.device:
        return Refusal.DEVICE_FLOW
    producer = policy.principals.get(pending.principal)
    if producer is None:  # its owners are unknown: nobody can be shown not to be one
        return Refusal.WRONG_TOPIC
    if any(same_person(decision.person, owner) for owner in producer.owners):
        return Refusal.OWNER
    if pending.requester is not None and _may_have_asked(decision, pending.requester):
        return Refusal.REQUESTER
    if any(same_person(decision.person, vote.person) or decision.jti == vote.jti for vote in pending.votes):
        return Refusal.REPEATED
    return None


def _may_have_asked(decision: Decision, requester: str) -> bool:
    """Where the record does not say who asked, it can be denied, but nobody can be shown to be somebody else."""
    if requester == UNKNOWN:
        return decision.decision != "deny"
    return same_person(decision.person, requester)
