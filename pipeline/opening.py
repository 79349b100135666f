"""A lane's own events: opened, closed, lost input, a recreated topic, a corrupt store."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from pipeline.audit.events import EventType
from pipeline.effects import Effects
from pipeline.in_force import tell_policies
from pipeline.policy.topics import DECISIONS
from pipeline.source import Context
from pipeline.state import (
    OWNER,
    STOPPED,
    Loss,
    Recreation,
    State,
    Stopped,
    decode_owner,
    decode_stopped,
    encode_json,
    encode_position,
    encode_stopped,
    next_key,
    topic_key,
)
from pipeline.turn import Turn

NAMED = 100  # inputs that one event names; of more it gives the number


class Bounds(NamedTuple):
    """Log start and end offsets of an input partition."""

    start: int
    end: int


def resume_at(position: int, bounds: Bounds) -> int:
    """Where to go on after a loss: the log start, or the end of a log that is shorter than what was read of it."""
    return bounds.start if position < bounds.start else bounds.end


def opened(
    state: State, context: Context, now: int, inputs: Mapping[tuple[str, int], Bounds], corrupt: str | None
) -> Effects:
    """The first transaction of a lane's owner: who takes over from whom, where new inputs begin, what was lost."""
    turn = Turn(context, state, now)
    view = turn.view
    former = decode_owner(view.get(OWNER))
    recreations = _recreations(turn)
    gone = {each.topic for each in recreations}
    stopped = decode_stopped(view.get(STOPPED))
    told = {each.topic for each in stopped.recreations} if stopped else set()
    starts, losses = {}, []
    for (topic, partition), bounds in sorted(inputs.items()):
        position = view.position(topic, partition)
        if topic == DECISIONS and topic in gone - told:
            # Missing decisions approve nothing, and the acknowledgement must be readable: go on at once.
            view.put(next_key(topic, partition), encode_position(bounds.start))
        if topic in gone:
            continue
        if position is None:
            starts[f"{topic}/{partition}"] = bounds.start
            view.put(next_key(topic, partition), encode_position(bounds.start))
        elif not bounds.start <= position <= bounds.end:
            losses.append(Loss(topic, partition, position, resume_at(position, bounds)))
    if corrupt is not None:
        turn.event(EventType.STORE_CORRUPT, actor={"worker": context.worker}, reason=corrupt)
    turn.event(
        EventType.LANE_OPENED,
        actor={"worker": context.worker},
        former=former,
        keys=dict(context.keys) or None,
        starts=dict(list(starts.items())[:NAMED]),
        **({"starts_more": len(starts) - NAMED} if len(starts) > NAMED else {}),
        topics=_signed_topics(context) or None,
    )
    tell_policies(turn)
    view.put(OWNER, encode_json({"worker": context.worker, "policy": context.policy.hash}))
    _stop(turn, losses, recreations)
    return turn.finish()


def _signed_topics(context: Context) -> dict[str, str]:
    """UUIDs of the topics whose records are signed: a signature covers its topic's, and the topic may go."""
    sources, known = context.sources, sorted(context.topic_ids.items())  # a lane knows those that have its partitions
    signed = ((name, uuid) for name, uuid in known if name in sources and sources[name].signed is not None)
    return dict(islice(signed, NAMED))


def _recreations(turn: Turn) -> list[Recreation]:
    """Compare each topic's UUID with the one the lane knows; take note of topics that are new to it."""
    found = []
    for topic, uuid in sorted(turn.context.topic_ids.items()):
        known = turn.view.get(topic_key(topic))
        if known is None:
            turn.view.put(topic_key(topic), b"\x01" + uuid.encode())
        elif known[1:].decode() != uuid:
            found.append(Recreation(topic, known[1:].decode(), uuid))
    return found


def lost(state: State, context: Context, now: int, losses: Sequence[Loss]) -> Effects:
    """Records were removed before they were read: the alarm, and the lane's inputs stay closed."""
    turn = Turn(context, state, now)
    _stop(turn, losses, ())
    return turn.finish()


def _stop(turn: Turn, losses: Sequence[Loss], recreations: Sequence[Recreation]) -> None:
    """One event for each; the last one's id is what an operator acknowledges. Adds to what is already stopped."""
    stopped = decode_stopped(turn.view.get(STOPPED))
    known = stopped or Stopped("", (), ())
    losses = [loss for loss in losses if not any(_told(loss, other) for other in known.losses)]
    recreations = [each for each in recreations if each not in known.recreations]
    event = known.event
    for loss in losses:
        event = turn.event(
            EventType.RECORDS_LOST,
            actor={"worker": turn.context.worker},
            resource={"topic": loss.topic, "partition": loss.partition},
            lost={"from": loss.from_, "to": loss.to},
        )
    for each in recreations:
        event = turn.event(
            EventType.TOPIC_RECREATED,
            actor={"worker": turn.context.worker},
            resource={"topic": each.topic},
            recreated={"from": each.from_, "to": each.to},
        )
    for loss in losses:
        if loss.topic == DECISIONS:  # as above
            turn.view.put(next_key(loss.topic, loss.partition), encode_position(loss.to))
    if losses or recreations:
        everything = Stopped(event, (*known.losses, *losses), (*known.recreations, *recreations))
        turn.view.put(STOPPED, encode_stopped(everything))


def _told(loss: Loss, known: Loss) -> bool:
    """Whether the alarm is out already. A log cut off below the position grows again: where it ended first counts."""
    return loss == known or (loss[:3] == known[:3] and known.to <= known.from_)


def closed(state: State, context: Context, now: int) -> Effects:
    """An orderly end."""
    turn = Turn(context, state, now)
    turn.event(EventType.LANE_CLOSED, actor={"worker": context.worker})
    return turn.finish()
