"""Topics that a policy has left behind: which of them may go, and why the others stay. Pure.

Their names are Panlock's alone (`quarantine.…`, `panlock.…`). A clean topic is its consumers' and never goes, nor does
what the lanes remember or the audit rests on. Of the rest goes what holds nothing that anybody still waits for.
"""

from collections.abc import Mapping
from dataclasses import dataclass

_QUARANTINE = "quarantine."
_PASSING = ("panlock.rejections.", "panlock.recordings.")


@dataclass(frozen=True, slots=True)
class Held:
    """What a topic holds. `records`: that can be read; `unread`: those behind the workers' positions, as the offsets of
    their group tell; `members`: workers to which it is assigned."""

    records: int
    unread: int
    members: int


@dataclass(frozen=True, slots=True)
class LeftOver:
    """`kept`: why it stays, None if it may go."""

    topic: str
    kept: str | None


def verdicts(held: Mapping[str, Held | None], pending: Mapping[str, int] | None) -> list[LeftOver]:
    """By topic: what it holds, and how many of its records wait for people; None where that may not be seen."""
    return [LeftOver(topic, _why_kept(topic, each, pending)) for topic, each in sorted(held.items())]


def _why_kept(topic: str, held: Held | None, pending: Mapping[str, int] | None) -> str | None:
    if not topic.startswith((_QUARANTINE, *_PASSING)):
        return "holds what lanes remember or the audit rests on, and is never removed"
    if held is None:
        return "may not be looked into by this certificate: use an administrator's"
    if held.members:
        return f"is read by {held.members} worker(s): restart them with this policy first"
    if not topic.startswith(_QUARANTINE):
        return f"holds {held.records} record(s): its retention ends that" if held.records else None
    if held.unread:
        return f"holds {held.unread} record(s) that no worker has read: put the flow back, or let its retention end"
    if pending is None:
        return "may have records that wait for people, which this certificate may not see: use an administrator's"
    if pending.get(topic, 0):
        return f"has {pending[topic]} record(s) that wait for people: decide them, or wait until they expire"
    return None
