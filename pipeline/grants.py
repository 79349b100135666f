"""Grants in a lane: proposals and words on them, in their order, and the records that pass under one.

A record passes that a rule would hold, if a grant of that rule is open, is not used up, its condition is true of the
masked record, and the record was written before its end, by the broker's clock. It is held as ever where the rule or
the condition could not be evaluated, where an approver of the grant owns its producer or asked for it, and where the
record does not say who asked. A revocation holds from its place in the lane's decisions on, whenever the record was
written.
"""

from dataclasses import replace

from pipeline.approval.grant import Grant, GrantProposal, GrantVote, GrantWord, Terms, rule_named, terms_of
from pipeline.approval.granting import refusal_of_proposal, refusal_of_word
from pipeline.approval.requester import UNKNOWN, requester_of, same_person
from pipeline.approval.roles import actor_of, proof_of
from pipeline.audit.events import EventType, timestamp
from pipeline.conditions import compiled
from pipeline.policy.models import HoldRule
from pipeline.policy.topics import DECISIONS, PENDING, STATE
from pipeline.record import Refusal, Way
from pipeline.source import Source
from pipeline.state import GRANTS, VERSION, grant_key
from pipeline.turn import Parked, Turn, batch_bytes

KEPT_MS = 3_600_000  # after its end: a lane that is behind still reads records that were written before


def hear_grant(turn: Turn, message: GrantProposal | GrantWord, received: int, where: str) -> None:
    """`received`: the message's broker time in ms; `where` it is in panlock.decisions."""
    refusal = _other_place(turn, message)
    if refusal is None:
        if isinstance(message, GrantProposal):
            refusal = _propose(turn, message, received, where)
        else:
            refusal = _weigh(turn, message, received, where)
    if refusal is not None:
        resource = {"decision": where, **({"grant": message.grant} if isinstance(message, GrantWord) else {})}
        turn.event(EventType.DECISION_REFUSED, actor=actor_of(message), reason=refusal.value, resource=resource)


def _other_place(turn: Turn, message: GrantProposal | GrantWord) -> Refusal | None:
    if message.cluster != turn.context.cluster:
        return Refusal.WRONG_CLUSTER
    return Refusal.WRONG_TOPIC if message.topic_id != turn.context.topic_ids[DECISIONS] else None


def _propose(turn: Turn, proposal: GrantProposal, received: int, where: str) -> Refusal | None:
    policy = turn.context.policy
    _forget(turn, received - KEPT_MS)
    if proposal.id in turn.view.grants():
        return Refusal.REPEATED
    refusal = refusal_of_proposal(proposal, received, policy)
    rule = rule_named(policy.flows, proposal)
    if refusal is not None or rule is None:
        return refusal
    try:
        compiled(policy.flows[proposal.flow].format == "xml", proposal.when)
    except ValueError:
        return Refusal.CONDITION_INVALID
    terms = Terms(**terms_of(proposal))  # type: ignore[arg-type]  # the fields of that very class
    grant = Grant(terms, proposal.person, "", rule.quorum, tuple(rule.approvers))
    if len(turn.view.grants()) >= GRANTS or not _fits(turn, grant):
        return Refusal.GRANT_LIMITS
    event = _tell(turn, EventType.GRANT_PROPOSED, proposal, proposal.id, where, grant=_told(terms))
    turn.view.set_grant(proposal.id, replace(grant, proposed=event))
    return None


def _weigh(turn: Turn, word: GrantWord, received: int, where: str) -> Refusal | None:
    grant = turn.view.grants().get(word.grant)
    if grant is None:
        return Refusal.UNKNOWN_GRANT
    grant = replace(grant, votes=_votes(turn, grant))
    refusal = refusal_of_word(word, received, grant, turn.context.policy)
    if refusal is not None:
        return refusal
    if word.word == "revoke":
        event = _tell(turn, EventType.GRANT_REVOKED, word, word.grant, where, used=grant.used)
        turn.view.set_grant(word.grant, replace(grant, revoked=event))
        return None
    event = _tell(turn, EventType.GRANT_APPROVED, word, word.grant, where)
    grant = replace(grant, votes=(*grant.votes, GrantVote(word.person, word.jti, received, event)))
    if len(grant.votes) >= grant.quorum:
        grant = replace(grant, opened=_open(turn, grant))
    turn.view.set_grant(word.grant, grant)
    return None


def _votes(turn: Turn, grant: Grant) -> tuple[GrantVote, ...]:
    """Without those of people whom an operator has denied since: no quorum has them."""
    return tuple(vote for vote in grant.votes if not turn.denied("person", vote.person))


def _open(turn: Turn, grant: Grant) -> str:
    return turn.event(
        EventType.GRANT_OPENED,
        resource={"grant": grant.terms.id},
        grant=_told(grant.terms),
        approval={
            "rule": grant.terms.rule,
            "quorum": grant.quorum,
            "people": grant.people,
            "proposed": grant.proposed,
            "approved": [vote.event for vote in grant.votes],
        },
    )


def _tell(
    turn: Turn, kind: EventType, message: GrantProposal | GrantWord, id_: str, where: str, **fields: object
) -> str:
    """The event holds the message as it was signed, ID token and all: an auditor verifies it by the audit alone."""
    return turn.event(
        kind,
        actor=actor_of(message),
        reason=message.reason,
        resource={"decision": where, "grant": id_},
        proof=proof_of(message),
        **fields,
    )


def _told(terms: Terms) -> dict[str, object]:
    until = timestamp(terms.until).decode()
    return {"flow": terms.flow, "rule": terms.rule, "when": terms.when, "records": terms.records, "until": until}


def _forget(turn: Turn, before: int) -> None:
    """Grants that ended before that time (ms): the audit has them."""
    for id_, grant in list(turn.view.grants().items()):
        if grant.terms.until <= before:
            turn.view.set_grant(id_, None)


def _fits(turn: Turn, grant: Grant) -> bool:
    overhead = batch_bytes(grant_key(grant.terms.id), VERSION, ())
    return overhead + grant.largest() <= min(turn.context.limits[PENDING], turn.context.limits[STATE])


def grant_for(turn: Turn, source: Source, record: Parked, verdict: int, detail: str | None) -> Grant | None:
    """The open grant under which a record passes that rule `verdict - 1` matches; the one that ends first."""
    if detail is not None or not turn.view.grants():  # rule-error: nobody can tell what the record is
        return None
    rule = source.rules[verdict - 1]
    grants = sorted(turn.view.grants().values(), key=lambda each: (each.terms.until, each.terms.id))
    return next((grant for grant in grants if _covers(turn, grant, source, record, rule)), None)


def _covers(turn: Turn, grant: Grant, source: Source, record: Parked, rule: HoldRule) -> bool:
    terms = grant.terms
    if grant.opened is None or grant.revoked is not None or grant.used >= terms.records:
        return False
    if len(_votes(turn, grant)) < grant.quorum:
        return False
    if (terms.flow, terms.rule) != (source.flow, rule.id) or terms.rule_sha256 != source.conditions.rule_sha256(rule):
        return False
    if record.timestamp >= terms.until or _partial(turn, grant, source, record, rule):
        return False
    return source.conditions.hold(
        terms.when, source.principal, record.key, record.value, record.headers, record.masking
    )


def _partial(turn: Turn, grant: Grant, source: Source, record: Parked, rule: HoldRule) -> bool:
    """Whether an approver of the grant owns the record's producer or asked for the record, or nobody can tell."""
    parties = list(turn.context.policy.principals[source.principal].owners)
    if rule.requester not in (None, "none"):
        requester = requester_of(str(rule.requester), record.value)
        if requester == UNKNOWN:
            return True
        parties.append(requester)
    return any(same_person(person, party) for person in grant.people for party in parties)


def release_under(turn: Turn, source: Source, record: Parked, grant: Grant, time: int | None) -> None:
    """`time` as in Turn.release. The event names the grant; its evidence is in the grant's own events."""
    id_ = grant.terms.id
    turn.view.set_grant(id_, replace(grant, used=grant.used + 1))
    approval = {"rule": grant.terms.rule, "grant": id_, "opened": grant.opened, "people": grant.people}
    turn.release(source, record, time, approval, Way.BY_GRANT)
