"""Whether a proposal of a grant, an approval or a revocation counts. There is no exemption for anyone.

The rule is that of the policy as it is now, and must be the one that the terms are for. Whoever approves has one of its
roles, owns no producer of the flow, and is not who proposed it; each counts once.
"""

from pipeline.approval.grant import LONGEST_MS, MOST_RECORDS, Grant, GrantProposal, GrantWord, rule_named
from pipeline.approval.requester import same_person
from pipeline.approval.roles import OPERATORS, roles_of
from pipeline.policy.models import HoldRule, Policy
from pipeline.record import Refusal


def refusal_of_proposal(proposal: GrantProposal, received: int, policy: Policy) -> Refusal | None:
    """`received`: its broker time in ms. Whoever may approve, an owner of a producer, or an operator proposes."""
    rule = rule_named(policy.flows, proposal)
    if rule is None:
        return Refusal.WRONG_RULE
    if received >= proposal.until:
        return Refusal.EXPIRED
    if proposal.until - received > LONGEST_MS or not 0 < proposal.records <= MOST_RECORDS:
        return Refusal.GRANT_LIMITS
    owns = _owns(proposal.person, proposal.flow, policy)
    if not owns and not roles_of(proposal, policy) & {*rule.approvers, OPERATORS}:
        return Refusal.WRONG_ROLE
    return _by_device(proposal, rule)


def refusal_of_word(word: GrantWord, received: int, grant: Grant, policy: Policy) -> Refusal | None:
    """`received` as above; `grant` is the one that the word names."""
    if grant.revoked is not None or (grant.opened is not None and word.word == "approve"):
        return Refusal.ALREADY_DECIDED
    if received >= grant.terms.until:
        return Refusal.EXPIRED
    rule = rule_named(policy.flows, grant.terms)
    if rule is None:
        return Refusal.WRONG_RULE
    author = same_person(word.person, grant.proposer)
    if not roles_of(word, policy) & set(rule.approvers) and not (author and word.word == "revoke"):
        return Refusal.WRONG_ROLE
    if word.word == "revoke":
        return _by_device(word, rule)
    return _by_device(word, rule) or _partial(word, grant, author, policy)


def _partial(word: GrantWord, grant: Grant, author: bool, policy: Policy) -> Refusal | None:
    """Whether the approver has a part in it."""
    if _owns(word.person, grant.terms.flow, policy):
        return Refusal.OWNER
    if author:
        return Refusal.REQUESTER
    if any(same_person(word.person, vote.person) or word.jti == vote.jti for vote in grant.votes):
        return Refusal.REPEATED
    return None


def _owns(person: str, flow: str, policy: Policy) -> bool:
    return any(same_person(person, owner) for owner in policy.owners(policy.flows[flow]))


def _by_device(message: GrantProposal | GrantWord, rule: HoldRule) -> Refusal | None:
    device = message.session is not None and message.session.device and rule.device_flow != "allow"
    return Refusal.DEVICE_FLOW if device else None
