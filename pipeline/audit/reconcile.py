"""Every clean record ↔ one event that released it, with the hash of its bytes: both ways. Pure.

    stranger    a clean record that no event released: somebody wrote it directly
    altered     a clean record whose bytes are not those that were released
    repeated    a clean record that is there twice
    missing     an event whose clean record is not there, though retention has not reached it

In one lane, clean records of a partition come in the order of their events: where retention has cut a partition, what
was released before its first record is excused.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson

from pipeline.policy.models import Policy
from pipeline.policy.topics import UnknownTopicError, owner_of
from pipeline.record import Headers, RecordId, RecordIdError, record_sha256

MAX_LISTED = 1_000
KINDS = ("stranger", "altered", "repeated", "missing")
_MARK = b'"type":"record.released"'


class Released(NamedTuple):
    """What an event says: of which lane and number, to which clean topic, and the hash."""

    lane: int
    seq: int
    topic: str
    sha256: bytes


class Found(NamedTuple):
    """`record`: its id, or of a clean record without one its topic, partition and offset."""

    record: str
    what: str


@dataclass(slots=True)
class Report:
    released: int
    clean: int
    found: dict[str, list[Found]]
    counts: Counter[str]

    @property
    def ok(self) -> bool:
        return not self.counts

    def json(self) -> dict[str, object]:
        """The object of `panlock audit reconcile --json`; `counts` counts also what is beyond the first thousand."""
        lists = {kind: [each._asdict() for each in self.found[kind]] for kind in KINDS}
        return {"ok": self.ok, "released": self.released, "clean": self.clean, "counts": dict(self.counts), **lists}


@dataclass(slots=True)
class Reconciler:
    """Fed with every event of the audit first, then with every clean record."""

    policy: Policy
    _released: dict[str, Released] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)
    _cut: dict[tuple[str, int], int] = field(default_factory=dict)  # (clean topic, lane) → the first event not excused
    _clean: int = 0
    _found: dict[str, list[Found]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    _counts: Counter[str] = field(default_factory=Counter)

    def event(self, event: bytes) -> None:
        """`panlock audit verify` says whether it is one; what is none releases nothing."""
        if _MARK not in event:
            return
        try:
            read = orjson.loads(event)
            record, sha256 = str(read["resource"]["record"]), bytes.fromhex(read["resource"]["sha256"])
            flow, _ = owner_of(self.policy, RecordId.parse(record).topic)
            released = Released(int(read["lane"]), int(read["seq"]), self.policy.flows[flow].clean_topic, sha256)
        except (ValueError, KeyError, TypeError, RecordIdError, UnknownTopicError):
            return
        if read["type"] == "record.released":
            self._released[record] = released

    def clean(self, topic: str, place: str, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        """`place`: topic/partition/offset of the clean record."""
        self._clean += 1
        name = record_of(headers)
        known = self._released.get(name)
        if known is None or known.topic != topic:
            self._tell("stranger", name or place, f"no event released it to {place}")
        elif name in self._seen:
            self._tell("repeated", name, f"is there again at {place}")
        else:
            self._seen.add(name)
            if bytes.fromhex(record_sha256(key, value, headers)) != known.sha256:
                self._tell("altered", name, f"{place} has other bytes than were released")

    def cut(self, topic: str, first: Sequence[Headers]) -> None:
        """Retention has removed records of the topic. `first`: headers of what each cut partition begins with."""
        for headers in first:
            known = self._released.get(record_of(headers))
            if known is not None:
                place = topic, known.lane
                self._cut[place] = max(self._cut.get(place, 0), known.seq)

    def later(self, headers: Headers) -> None:
        """A clean record that came while the audit was read: its event, if it was read, is not missing."""
        self._seen.add(record_of(headers))

    def report(self, emptied: Sequence[str] = ()) -> Report:
        """`emptied`: clean topics of which retention, or compaction, left nothing to say about what is missing."""
        for name, known in self._released.items():
            excused = known.topic in emptied or known.seq < self._cut.get((known.topic, known.lane), 0)
            if name not in self._seen and not excused:
                self._tell("missing", name, f"event {known.lane}/{known.seq} released it, and {known.topic} has it not")
        return Report(len(self._released), self._clean, self._found, self._counts)

    def _tell(self, kind: str, record: str, what: str) -> None:
        self._counts[kind] += 1
        if self._counts[kind] <= MAX_LISTED:
            self._found[kind].append(Found(record, what))


def record_of(headers: Headers) -> str:
    """The record id that a clean record says; empty where it says none, or two."""
    names = [value for name, value in headers if name == "panlock-record-id"]
    return (names[0] or b"").decode(errors="replace") if len(names) == 1 else ""
