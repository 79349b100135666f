"""Who can have read which clean record: reads of a topic joined with the releases to it, by topic and time. Pure.

    a fetch of the topic in a window   ×   a record that was in the topic before that window ended

A broker says that a principal fetched from a topic, so often in a window, and not which records it got. So:
- whoever has no window that ends at or after a record's release has not read it, as far as the windows are covered;
- whoever has one can have read it, from the first such window on; that they did is not proven.
Retention is left out of account: what it has removed before a window, nobody read in it.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from pipeline.audit.events import EventType, timestamp
from pipeline.policy.models import Policy
from pipeline.policy.topics import UnknownTopicError, owner_of
from pipeline.record import RecordId, RecordIdError

_RELEASED = b'"type":"record.released"'
_UNKNOWN = (EventType.ACCESS_GAP, EventType.ACCESS_SILENT)


class Asked(NamedTuple):
    """`start` and `end` in ms; without `record`, its releases in that time are listed."""

    start: int
    end: int
    principal: str | None = None
    topic: str | None = None
    record: str | None = None


class Window(NamedTuple):
    """In ms; `times`: fetches."""

    end: int
    start: int
    times: int
    host: str
    node: str


class Release(NamedTuple):
    """`at`: when the broker took the clean record's event, and the record with it, in ms."""

    record: str
    topic: str
    at: int
    event: str
    people: Sequence[str]


@dataclass(slots=True)
class Reads:
    """Fed with the events of the brokers' log, and with those of the lanes and their broker's time."""

    policy: Policy
    asked: Asked
    windows: dict[tuple[str, str], list[Window]] = field(default_factory=dict)  # by principal and topic
    releases: list[Release] = field(default_factory=list)
    older: Counter[str] = field(default_factory=Counter)  # releases before `start`, by topic
    unknown: list[Mapping[str, str]] = field(default_factory=list)
    covered: dict[str, tuple[str, str]] = field(default_factory=dict)  # from when to when, by node

    def access(self, value: bytes) -> None:
        """One event of the brokers' log. What is none counts as time that nobody knows of."""
        try:
            self._access(orjson.loads(value))
        except (ValueError, KeyError, TypeError):
            self.unknown.append({"type": "malformed"})

    def lane(self, value: bytes, at: int) -> None:
        """One event of a lane's log. `panlock audit verify` says whether it is one; what is none releases nothing."""
        if _RELEASED not in value or at > self.asked.end:
            return
        try:
            self._release(orjson.loads(value), at)
        except (ValueError, KeyError, TypeError):
            return

    def json(self) -> dict[str, object]:
        """The object of `panlock audit reads --json`."""
        for windows in self.windows.values():
            windows.sort()
        return {
            "from": timestamp(self.asked.start).decode(),
            "to": timestamp(self.asked.end).decode(),
            "reads": [self._reader(*key, windows) for key, windows in sorted(self.windows.items())],
            "records": [self._record(each) for each in self.releases],
            "older": dict(self.older),
            "unknown": self.unknown,
            "covered": {node: {"from": start, "to": end} for node, (start, end) in sorted(self.covered.items())},
        }

    def _access(self, event: Mapping[str, Any]) -> None:
        if event["type"] == EventType.ACCESS_COVERED:
            coverage = event["coverage"]
            first, _ = self.covered.get(coverage["node"], (coverage["from"], ""))
            self.covered[coverage["node"]] = first, coverage["to"]
        elif event["type"] in _UNKNOWN:
            self._gap(event)
        elif event["type"] == EventType.ACCESS_READ and event["resource"].get("holds") == "clean":
            self._read(event)

    def _release(self, event: Mapping[str, Any], at: int) -> None:
        if event["type"] != EventType.RECORD_RELEASED:
            return
        record = str(event["resource"]["record"])
        topic = self._clean_topic(record)
        if topic is None or self.asked.topic not in (None, topic) or self.asked.record not in (None, record):
            return
        if at < self.asked.start and self.asked.record is None:
            self.older[topic] += 1
            return
        people = (event.get("approval") or {}).get("people") or ()
        self.releases.append(Release(record, topic, at, event["id"], [str(each) for each in people]))

    def _reader(self, principal: str, topic: str, windows: Sequence[Window]) -> dict[str, object]:
        last = windows[-1].end
        return {
            "principal": principal,
            "topic": topic,
            "fetches": sum(each.times for each in windows),
            "hosts": sorted({each.host for each in windows}),
            "first": timestamp(min(each.start for each in windows)).decode(),
            "last": timestamp(last).decode(),
            "records": sum(each.topic == topic and each.at <= last for each in self.releases),
        }

    def _record(self, release: Release) -> dict[str, object]:
        readers = []
        for (principal, topic), windows in sorted(self.windows.items()):
            at = bisect_left(windows, release.at, key=lambda each: each.end)
            if topic == release.topic and at < len(windows):
                since = timestamp(max(release.at, windows[at].start)).decode()
                fetches = sum(each.times for each in windows[at:])
                readers.append({"principal": principal, "since": since, "fetches": fetches})
        return {
            "record": release.record,
            "topic": release.topic,
            "released": timestamp(release.at).decode(),
            "event": release.event,
            "approved_by": list(release.people),
            "readers": readers,
        }

    def _read(self, event: Mapping[str, Any]) -> None:
        access, principal = event["access"], str(event["actor"]["principal"])
        topic, start, end = str(event["resource"]["topic"]), _ms(access["from"]), _ms(access["to"])
        asked = self.asked
        inside = end >= asked.start and start <= asked.end
        if inside and asked.principal in (None, principal) and asked.topic in (None, topic):
            window = Window(end, start, access["count"], str(event["actor"]["host"]), str(access["node"]))
            self.windows.setdefault((principal, topic), []).append(window)

    def _gap(self, event: Mapping[str, Any]) -> None:
        coverage = event.get("coverage") or {}
        start, end = coverage.get("from"), coverage.get("to")
        if start is None or end is None or (_ms(end) >= self.asked.start and _ms(start) <= self.asked.end):
            told = {"type": event["type"], "node": coverage.get("node"), "from": start, "to": end}
            self.unknown.append({name: str(value) for name, value in told.items() if value is not None})

    def _clean_topic(self, record: str) -> str | None:
        try:
            flow, _ = owner_of(self.policy, RecordId.parse(record).topic)
        except (RecordIdError, UnknownTopicError):
            return None
        return self.policy.flows[flow].clean_topic


def _ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)
