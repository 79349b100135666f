"""Holds: decisions, expiry, and the records that wait behind a held one of the same key.

Time is the broker's. A decision counts if its broker time is before the expiry, whenever it is read. An expiry fires
only on reading a tick (the lane's own message in its partition of panlock.decisions) stamped at or past it: by then
every decision stamped before the expiry has been read.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from pipeline.acknowledging import acknowledge
from pipeline.approval.decision import Acknowledgement, Decision, Denial, Resume, Reveal, Said, Tick, read_message
from pipeline.approval.glass import GlassBreak, GlassReview
from pipeline.approval.grant import GrantProposal, GrantWord
from pipeline.approval.id_token import Observed
from pipeline.approval.pending import Pending
from pipeline.approval.replay import Replay, ReplayWord, Shred
from pipeline.approval.roles import actor_of, proof_of
from pipeline.approval.weigh import Approved, Denied, Quorum, weigh
from pipeline.audit.events import EventType, by
from pipeline.denials import denied_speaker, deny
from pipeline.effects import Out
from pipeline.glass import break_glass, review
from pipeline.grants import grant_for, hear_grant, release_under
from pipeline.masking.formats.format import SchemasUnavailableError
from pipeline.observing import observe
from pipeline.policy.topics import DECISIONS
from pipeline.record import Reason, Record, RecordId, RecordIdError, Refusal
from pipeline.replays import hear_word, replay, shred
from pipeline.resume import resume
from pipeline.reveals import reveal
from pipeline.source import Source
from pipeline.state import (
    VERSION,
    Queue,
    drain_key,
    encode_position,
    follower_key,
    key_digest,
    next_key,
    payload,
    pending_key,
)
from pipeline.turn import STEPS, Parked, Turn

QUEUE_LIMIT = 10_000  # records that wait behind one key


@dataclass(frozen=True, slots=True)
class Messages:
    """A chunk of the lane's partition of panlock.decisions; `observed`: the issuers' keys to read it with."""

    records: Sequence[Record]
    end: int
    observed: Observed = field(default_factory=dict)


def hear(turn: Turn, chunk: Messages) -> None:
    """Decisions, acknowledgements and ticks, in their order."""
    lane = turn.context.lane
    position = turn.view.position(DECISIONS, lane) or 0
    for record in chunk.records:
        if record.offset < position:
            continue
        message = read_message(record.value or b"", turn.context.policy, chunk.observed, record.timestamp)
        where = str(RecordId(DECISIONS, lane, record.offset))
        if isinstance(message, Said):
            if message.session is not None:
                alias = message.session.issuer
                observe(turn, alias, turn.context.policy.issuers[alias].issuer, chunk.observed[alias])
            denied = denied_speaker(turn, message)
            if denied is not None:
                refuse(turn, denied, where, message)
                continue
        if isinstance(message, Tick):
            expire(turn, record.timestamp)
        elif isinstance(message, Resume):
            resume(turn, message, where)
        elif isinstance(message, Reveal):
            reveal(turn, message, where)
        elif isinstance(message, Denial):
            deny(turn, message, where)
        elif isinstance(message, Acknowledgement):
            acknowledge(turn, message, where)
        elif isinstance(message, GrantProposal | GrantWord):
            hear_grant(turn, message, record.timestamp, where)
        elif isinstance(message, GlassBreak):
            _break_glass(turn, message, record.timestamp, where)
        elif isinstance(message, GlassReview):
            if (refusal := review(turn, message, where)) is not None:
                refuse(turn, refusal, where, message)
        elif isinstance(message, Replay):
            if (refusal := replay(turn, message, where)) is not None:
                refuse(turn, refusal, where, message)
        elif isinstance(message, ReplayWord):
            if (refusal := hear_word(turn, message, where)) is not None:
                refuse(turn, refusal, where, message)
        elif isinstance(message, Shred):
            if (refusal := shred(turn, message, where)) is not None:
                refuse(turn, refusal, where, message)
        elif isinstance(message, Decision):
            _weigh(turn, message, record.timestamp, where)
        else:
            refuse(turn, message, where, None)
    turn.view.put(next_key(DECISIONS, lane), encode_position(max(position, chunk.end)))


def refuse(turn: Turn, reason: Refusal, where: str, message: Said | None) -> None:
    fields: dict[str, object] = {"resource": {"decision": where}}
    if message is not None:
        fields["actor"] = actor_of(message)
    if isinstance(message, Decision | GlassBreak | GlassReview) and _is_record_id(message.record):
        fields["resource"] = {"decision": where, "record": message.record}
    turn.event(EventType.DECISION_REFUSED, reason=reason.value, **fields)
    turn.effects.refusals[reason] += 1


def _is_record_id(text: str) -> bool:
    try:
        RecordId.parse(text)
    except RecordIdError:
        return False
    return True


def _weigh(turn: Turn, decision: Decision, received: int, where: str) -> None:
    pending = turn.view.pending(decision.record) if _is_record_id(decision.record) else None
    source = None if pending is None else turn.context.sources.get(RecordId.parse(pending.record).topic)
    if pending is not None:  # what somebody said before they were denied counts no more than what they say now
        voted = tuple(vote for vote in pending.votes if not turn.denied("person", vote.person))
        pending = replace(pending, votes=voted)
    seen = _seen(turn, decision.record)
    verdict = weigh(decision, received, pending, seen, turn.context.cluster, turn.context.policy)
    if isinstance(verdict, Refusal):
        refuse(turn, verdict, where, decision)
        return
    if source is None:  # the flow has left the policy: only expiry can end this hold
        refuse(turn, Refusal.WRONG_TOPIC, where, decision)
        return
    turn.event(
        EventType.DECISION_ACCEPTED,
        actor=actor_of(decision),
        reason=decision.reason,
        resource={"decision": where, "record": decision.record, "sha256": decision.sha256},
        approval={"decision": decision.decision, "rule": verdict.pending.rule, "jti": decision.jti},
        proof=proof_of(decision),
    )
    if isinstance(verdict, Approved):
        turn.view.hold(verdict.pending)
        turn.preview(verdict.pending, verdict.pending.encode())
    elif isinstance(verdict, Quorum):
        approval = {"rule": verdict.pending.rule, "people": [vote.person for vote in verdict.pending.votes]}
        turn.release(source, Parked.of(verdict.pending), received, approval)
        _end(turn, verdict.pending, received)
    elif isinstance(verdict, Denied):
        approval = {"rule": verdict.pending.rule, "people": [decision.person]}
        turn.reject(source, verdict.pending.record, Reason.DENIED, None, verdict.pending.proof, approval=approval)
        _end(turn, verdict.pending, received)


def _break_glass(turn: Turn, message: GlassBreak, received: int, where: str) -> None:
    pending = turn.view.pending(message.record) if _is_record_id(message.record) else None
    source = None if pending is None else turn.context.sources.get(RecordId.parse(pending.record).topic)
    if pending is None:
        refuse(
            turn,
            Refusal.ALREADY_DECIDED if _seen(turn, message.record) else Refusal.UNKNOWN_RECORD,
            where,
            message,
        )
        return
    verdict = Refusal.WRONG_TOPIC if source is None else break_glass(turn, message, pending, source, received, where)
    if isinstance(verdict, Refusal):
        refuse(turn, verdict, where, message)
    elif verdict:
        _end(turn, pending, received)


def _seen(turn: Turn, record: str) -> bool:
    """Whether the record lies behind the lane's position: then it has been decided, or it waits."""
    if not _is_record_id(record):
        return False
    topic, partition, offset = RecordId.parse(record)
    position = turn.view.position(topic, partition)
    return position is not None and offset < position


def expire(turn: Turn, until: int) -> None:
    """End the holds whose expiry is at or before `until` (ms, broker time of a tick); the rest waits for the next."""
    for record in turn.view.state.due(until, turn.steps):
        pending = turn.view.pending(record)
        if pending is None or turn.steps <= 0:
            continue
        turn.steps -= 1
        source = turn.context.sources.get(RecordId.parse(record).topic)
        approval = {"rule": pending.rule, "people": [vote.person for vote in pending.votes]}
        if source is not None:
            turn.reject(source, record, Reason.EXPIRED, None, pending.proof, approval=approval)
        else:
            _orphan(turn, pending, Reason.EXPIRED)
        _end(turn, pending, until)


def _orphan(turn: Turn, pending: Pending, reason: Reason) -> None:
    """Reject a record whose flow has left the policy: nobody is left to be told but the auditor."""
    turn.event(
        EventType.RECORD_REJECTED,
        **by(pending.principal, pending.proof),
        outcome="rejected",
        reason=reason.value,
        resource={"record": pending.record},
    )
    turn.effects.outcomes[pending.flow, "rejected", reason.value] += 1


def tick(turn: Turn) -> None:
    """Ask for the time, by the broker's clock, once a hold is due by ours."""
    lane = turn.context.lane
    if any(turn.view.get(pending_key(record)) is not None for record in turn.view.state.due(turn.now, STEPS)):
        turn.effects.send(DECISIONS, lane, Out(b"tick/%d" % lane, Tick(lane, turn.now).encode(), turn.now))
        turn.effects.ticked = True


def wait(turn: Turn, source: Source, record: Parked, digest: str) -> bool:
    """Queue the record if its key waits behind a hold; False if it does not."""
    queue = turn.view.queue(source.flow, digest)
    if queue is None:
        return False
    if queue.tail - queue.head >= QUEUE_LIMIT:
        turn.reject(source, record.id, Reason.QUEUE_FULL, None, record.proof)
        return True
    follower = turn.parked(source, record)
    if not turn.fits(follower, source):
        turn.reject(source, record.id, Reason.TOO_LARGE, "value", record.proof)
        return True
    turn.view.put(follower_key(source.flow, digest, queue.tail), VERSION + follower.encode())
    turn.view.set_queue(source.flow, digest, Queue(queue.head, queue.tail + 1))
    turn.effects.outcomes[source.flow, "waiting", ""] += 1
    return True


def _end(turn: Turn, pending: Pending, time: int) -> None:
    turn.end_hold(pending)
    if pending.ordered and pending.key is not None:
        _drain(turn, pending.flow, key_digest(pending.key), time)


def drain_all(turn: Turn) -> None:
    """Go on with queues that a former transaction could not finish."""
    for flow, digest, ended in list(turn.view.draining(STEPS)):
        _drain(turn, flow, digest, ended)


def _drain(turn: Turn, flow: str, digest: str, time: int) -> None:
    """Assess those that wait, in order, until one is held, none is left, or this transaction has done its share."""
    head, tail = turn.view.queue(flow, digest) or Queue(0, 0)
    held = False
    while head < tail and turn.steps > 0 and turn.room > 0 and not held:
        key = follower_key(flow, digest, head)
        value = turn.view.get(key) or b""
        turn.room -= len(value)
        follower = Pending.decode(payload(value))
        turn.view.put(key, None)
        head, turn.steps = head + 1, turn.steps - 1
        turn.view.set_queue(flow, digest, Queue(head, tail))
        held = _assess(turn, follower, time)
    turn.view.set_queue(flow, digest, Queue(head, tail) if head < tail or held else None)
    unfinished = head < tail and not held
    if unfinished or turn.view.get(drain_key(flow, digest)) is not None:
        turn.view.put(drain_key(flow, digest), encode_position(time) if unfinished else None)


def _assess(turn: Turn, follower: Pending, time: int) -> bool:
    """Release or hold a record whose turn has come; its expiry counts from now, not from when it was written."""
    source = turn.context.sources.get(RecordId.parse(follower.record).topic)
    record = Parked.of(follower)
    if source is None:
        _orphan(turn, follower, Reason.INTERNAL_ERROR)
        return False
    verdict, detail = 0, None
    if record.value is not None:
        try:
            verdict, detail = source.masker.assess(
                source.principal, record.key, record.value, record.headers, record.masking
            )
        except SchemasUnavailableError:
            raise
        except Exception:  # noqa: BLE001  # a defect or a kernel panic: content never raises
            turn.reject(source, record.id, Reason.INTERNAL_ERROR, None, record.proof)
            return False
    if verdict == 0:
        turn.release(source, record, time, None)
        return False
    grant = grant_for(turn, source, record, verdict, detail)
    if grant is not None:
        release_under(turn, source, record, grant, time)
        return False
    turn.hold(source, record, verdict, detail, max(time, follower.timestamp))
    return turn.view.pending(record.id) is not None
