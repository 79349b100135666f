"""Break-glass in a lane: two signatures release one held record, and open an alarm that only a review closes.

No exemption: owners of the producer and the record's requester do not count here, either. The second signature must
come within an hour of the first, by the broker's clock; one that comes later is a first one.
"""

from dataclasses import replace

from pipeline.approval.glass import ALARM_PREFIX, WINDOW_MS, Alarm, GlassBreak, GlassReview, is_hardware
from pipeline.approval.pending import Broken, Pending
from pipeline.approval.requester import UNKNOWN, same_person
from pipeline.approval.roles import actor_of, proof_of, roles_of
from pipeline.approval.said import is_fresh
from pipeline.audit.events import EventType
from pipeline.effects import Out
from pipeline.policy.models import Policy
from pipeline.policy.topics import PENDING
from pipeline.record import Refusal, Way
from pipeline.source import Source
from pipeline.state import VERSION, glass_key, payload
from pipeline.turn import Parked, Turn


def break_glass(
    turn: Turn, message: GlassBreak, pending: Pending, source: Source, received: int, where: str
) -> Refusal | bool:
    """Whether the record is released now. `received`: the message's broker time in ms."""
    first = _first(turn, pending, received)
    refusal = _other_record(turn, message, pending) or _refusal(message, received, pending, turn.context.policy)
    if refusal is None and first is not None:
        repeated = same_person(message.person, first.person) or message.jti == first.jti
        refusal = Refusal.REPEATED if repeated else None
    if refusal is not None:
        return refusal
    event = _tell(turn, EventType.BREAK_GLASS_SIGNED, message, where, {"sha256": message.sha256})
    if first is None:
        signed = replace(pending, glass=Broken(message.person, message.reason, message.jti, received, event))
        turn.view.hold(signed)
        turn.preview(signed, signed.encode())
        return False
    people, events = (first.person, message.person), [first.event, event]
    alarm = turn.event(
        EventType.BREAK_GLASS_USED,
        resource={"record": pending.record, "sha256": pending.sha256},
        approval={"rule": pending.rule, "people": list(people), "signed": events},
    )
    approval = {"rule": pending.rule, "people": list(people), "alarm": alarm}
    turn.release(source, Parked.of(pending), received, approval, Way.BY_BREAK_GLASS)
    opened = Alarm(pending.record, pending.sha256, pending.flow, pending.rule, people, alarm, received)
    turn.view.put(glass_key(pending.record), VERSION + opened.encode())
    _show(turn, pending.record, opened.encode())
    return True


def _first(turn: Turn, pending: Pending, received: int) -> Broken | None:
    """The first signature, while it counts."""
    first = pending.glass
    if first is None or received >= first.time + WINDOW_MS or turn.denied("person", first.person):
        return None
    return first


def _other_record(turn: Turn, message: GlassBreak, pending: Pending) -> Refusal | None:
    if message.cluster != turn.context.cluster:
        return Refusal.WRONG_CLUSTER
    if message.topic_id != pending.topic_id:
        return Refusal.WRONG_TOPIC
    return Refusal.WRONG_HASH if message.sha256 != pending.sha256 else None


def _refusal(message: GlassBreak, received: int, pending: Pending, policy: Policy) -> Refusal | None:
    if received >= pending.expires or not is_fresh(message.iat, received):
        return Refusal.EXPIRED
    rule, producer = policy.break_glass, policy.principals.get(pending.principal)
    if rule is None or not roles_of(message, policy) & set(rule.roles):
        return Refusal.WRONG_ROLE
    if message.session is not None or not is_hardware(message.person, message.key, policy):
        return Refusal.KEY_NOT_HARDWARE
    if producer is None:
        return Refusal.WRONG_TOPIC
    if any(same_person(message.person, owner) for owner in producer.owners):
        return Refusal.OWNER
    if pending.requester is not None and (
        pending.requester == UNKNOWN or same_person(message.person, pending.requester)
    ):
        return Refusal.REQUESTER
    return None


def review(turn: Turn, message: GlassReview, where: str) -> Refusal | None:
    """Close the alarm, by somebody else than the two who opened it."""
    value = turn.view.get(glass_key(message.record))
    alarm = None if value is None else Alarm.decode(payload(value))
    if message.cluster != turn.context.cluster:
        return Refusal.WRONG_CLUSTER
    if alarm is None or message.lane != turn.context.lane or message.event != alarm.event:
        return Refusal.UNKNOWN_RECORD
    rule = turn.context.policy.break_glass
    if rule is None or not roles_of(message, turn.context.policy) & set(rule.reviewers):
        return Refusal.WRONG_ROLE
    if any(same_person(message.person, person) for person in alarm.people):
        return Refusal.REPEATED
    if message.session is not None and message.session.device:
        return Refusal.DEVICE_FLOW
    _tell(turn, EventType.BREAK_GLASS_REVIEWED, message, where, {"sha256": alarm.sha256}, alarm=alarm.event)
    turn.view.put(glass_key(message.record), None)
    _show(turn, message.record, None)
    return None


def _show(turn: Turn, record: str, encoded: bytes | None) -> None:
    turn.effects.send(PENDING, turn.context.lane, Out(ALARM_PREFIX + record.encode(), encoded, turn.now))


def _tell(
    turn: Turn,
    kind: EventType,
    message: GlassBreak | GlassReview,
    where: str,
    resource: dict[str, str],
    **fields: object,
) -> str:
    return turn.event(
        kind,
        actor=actor_of(message),
        reason=message.reason,
        resource={"decision": where, "record": message.record, **resource},
        proof=proof_of(message),
        **fields,
    )
