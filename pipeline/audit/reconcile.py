"""Every clean record ↔ one event that released it, with the hash of its bytes: both ways, as they come. Pure.

    stranger    a clean record that no event released to where it is: somebody wrote it directly
    altered     a clean record whose bytes are not those that were released
    repeated    a record that was released twice, is there twice, or comes behind what was released after it
    missing     an event whose clean record is not there, though retention has not reached it
    recreated   a partition that ends before what had been read of it

Events and clean records are read side by side. What has no counterpart yet waits; when both sides have been read past
the place where it must be, it is a difference, and told once:

    1  the last stable offsets of all logs: what lies before them was committed by now, wherever it was written to
    2  the high watermarks of all logs, later: a counterpart of what lies before 1 lies before 2
    3  read everything up to 2, read_committed
    4  `settle`: what lies before 1 and waits has no counterpart

In one lane, clean records of a partition come in the order of their events: where retention has cut a log, what comes
before its first pair is excused.
"""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson

from pipeline.audit.unmatched import Unmatched, Waiting
from pipeline.policy.models import Policy
from pipeline.policy.topics import AUDIT, UnknownTopicError, owner_of
from pipeline.record import Headers, RecordId, RecordIdError, record_sha256

MAX_LISTED = 1_000  # of each kind at a time; more are counted
RECENT = 100_000  # matched records that are remembered: a copy of one that was longer ago is a stranger
ORDERED = 1_000  # matched records of a lane in a clean partition whose order is remembered
KINDS = ("stranger", "altered", "repeated", "missing", "recreated")
_RELEASED, _RECREATED = b'"type":"record.released"', b'"type":"topic.recreated"'


class Found(NamedTuple):
    """`record`: its id, or of a clean record without one its topic, partition and offset."""

    kind: str
    record: str
    what: str


class Pair(NamedTuple):
    """An event's number and the offset of its clean record."""

    seq: int
    offset: int
    record: str


@dataclass(slots=True)
class Reconciler:
    """Fed with events and clean records, those of one partition in their order; `settle` tells what does not fit."""

    policy: Policy
    unmatched: Unmatched = field(default_factory=Unmatched)
    released: int = 0
    clean_records: int = 0
    excused: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    _found: list[Found] = field(default_factory=list)
    _listed: Counter[str] = field(default_factory=Counter)
    _recent: dict[str, None] = field(default_factory=dict)
    _spread: set[str] = field(init=False)  # clean topics in which records are not in the partitions they came from
    _cut: set[str] = field(default_factory=set)  # logs
    # by clean log and lane: the lowest pair since one of the two logs was cut, and those that came last, in order
    _first: dict[tuple[str, int], Pair] = field(default_factory=dict)
    _order: dict[tuple[str, int], deque[Pair]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._spread = {flow.clean_topic for flow in self.policy.flows.values() if flow.repartition == "masked"}

    def event(self, lane: int, offset: int, event: bytes) -> None:
        """`panlock audit verify` says whether it is one; what is none releases nothing."""
        if _RECREATED in event:  # of a quarantine topic: its ids come again
            self._recent.clear()
        released = self._released(lane, offset, event) if _RELEASED in event else None
        if released is None:
            return
        self.released += 1
        clean = self.unmatched.take("clean", released.topic, released.record)
        if clean is None:
            self.unmatched.put(released)
        else:
            self._match(released, clean)

    def clean(
        self, topic: str, partition: int, offset: int, key: bytes | None, value: bytes | None, headers: Headers
    ) -> None:
        self.clean_records += 1
        name, sha256 = record_of(headers), _sha256(key, value, headers)
        clean = Waiting("clean", log_of(topic, partition), offset, topic, name, 0, sha256)
        if self._is_elsewhere(topic, partition, name):
            self._tell("stranger", name, f"is at {clean.log}/{offset}, and a record keeps its partition")
            return
        event = self.unmatched.take("event", topic, name)
        if event is None:
            again = name in self._recent or self.unmatched.has("clean", topic, name)
            self.unmatched.put(clean._replace(again=bool(name) and again))
        else:
            self._match(event, clean)

    def cut(self, topic: str, partition: int) -> None:
        """Records of that log, a clean one or a lane's, that nobody has read here are gone."""
        log = log_of(topic, partition)
        self._cut.add(log)
        self._first = {
            (clean, lane): first
            for (clean, lane), first in self._first.items()
            if clean != log and log_of(AUDIT, lane) != log
        }

    def recreated(self, topic: str, partition: int, end: int, position: int) -> None:
        where = log_of(topic, partition)
        self._order = {stream: pairs for stream, pairs in self._order.items() if stream[0] != where}
        self._first = {stream: pair for stream, pair in self._first.items() if stream[0] != where}
        self._tell("recreated", where, f"ends at {end}, and had been read to {position}: what was there is gone")

    def settle(self, ends: Mapping[str, int]) -> None:
        """`ends`: log → the offset before which what waits has no counterpart."""
        for each in self.unmatched.due(ends):
            where = f"{each.log}/{each.place}"
            if self._is_excused(each):
                self.excused += 1
            elif each.side == "event":
                what = f"event {each.log.rpartition('/')[2]}/{each.seq} released it, and {each.topic} has it not"
                self._tell("missing", each.record, what)
            elif each.again or (each.record and each.record in self._recent):
                self._tell("repeated", each.record, f"is there again at {where}")
            else:
                self._tell("stranger", each.record or where, f"no event released it to {where}")

    def told(self) -> list[Found]:
        """What was found since this was last asked: of each kind the first thousand."""
        found, self._found = self._found, []
        self._listed.clear()
        return found

    def summary(self) -> dict[str, object]:
        return {
            "ok": not self.counts,
            "released": self.released,
            "clean": self.clean_records,
            "unmatched": len(self.unmatched),
            "excused": self.excused,
            "counts": dict(self.counts),
        }

    def _released(self, lane: int, offset: int, event: bytes) -> Waiting | None:
        try:
            read = orjson.loads(event)
            record, sha256 = str(read["resource"]["record"]), bytes.fromhex(read["resource"]["sha256"])
            flow, _ = owner_of(self.policy, RecordId.parse(record).topic)
            seq, type_ = int(read["seq"]), read["type"]
        except (ValueError, KeyError, TypeError, RecordIdError, UnknownTopicError):
            return None
        if not 0 <= seq < 1 << 63:
            return None
        topic = self.policy.flows[flow].clean_topic
        log = log_of(AUDIT, lane)
        return Waiting("event", log, offset, topic, record, seq, sha256) if type_ == "record.released" else None

    def _match(self, event: Waiting, clean: Waiting) -> None:
        if clean.sha256 != event.sha256:
            self._tell("altered", clean.record, f"{clean.log}/{clean.place} has other bytes than were released")
        stream = clean.log, _partition(event.log)
        pair = Pair(event.seq, clean.place, clean.record)
        if clean.record in self._recent:
            self._tell("repeated", clean.record, f"was released again by the event at {event.log}/{event.place}")
        else:
            self._put_in_order(stream, pair)
        self._recent[clean.record] = None
        if len(self._recent) > RECENT:
            del self._recent[next(iter(self._recent))]
        self._first[stream] = min(pair, self._first.get(stream, pair), key=lambda each: each.offset)

    def _put_in_order(self, stream: tuple[str, int], pair: Pair) -> None:
        """Which of the two logs was read first decides which of two pairs in the wrong order comes first here."""
        pairs = self._order.setdefault(stream, deque(maxlen=ORDERED))
        while pairs and pairs[-1].seq < pair.seq and pairs[-1].offset > pair.offset:
            self._tell_behind(stream[0], pairs.pop())
        if pairs and pair.seq < pairs[-1].seq:
            self._tell_behind(stream[0], pair)
        else:
            pairs.append(pair)

    def _tell_behind(self, log: str, pair: Pair) -> None:
        self._tell("repeated", pair.record, f"is at {log}/{pair.offset}, behind what was released after it")

    def _is_elsewhere(self, topic: str, partition: int, record: str) -> bool:
        """Whether no lane would have put it there."""
        id_ = _parsed(record)
        return id_ is not None and topic not in self._spread and id_.partition != partition

    def _is_excused(self, waiting: Waiting) -> bool:
        """Whether its counterpart may be among what was cut."""
        id_ = _parsed(waiting.record)
        if id_ is None:
            return False
        if waiting.side == "clean":
            lane = id_.partition % self.policy.lanes
            first = self._first.get((waiting.log, lane))
            return log_of(AUDIT, lane) in self._cut and first is not None and waiting.place < first.offset
        places = {log_of(waiting.topic, id_.partition)}
        if waiting.topic in self._spread:
            places = {log for log in self._cut if log.rpartition("/")[0] == waiting.topic}
        firsts = [self._first.get((log, _partition(waiting.log))) for log in places & self._cut]
        return any(first is None or waiting.seq < first.seq for first in firsts)

    def _tell(self, kind: str, record: str, what: str) -> None:
        self.counts[kind] += 1
        self._listed[kind] += 1
        if self._listed[kind] <= MAX_LISTED:
            self._found.append(Found(kind, record, what))


def log_of(topic: str, partition: int) -> str:
    return f"{topic}/{partition}"


def _sha256(key: bytes | None, value: bytes | None, headers: Headers) -> bytes:
    """Empty where a header's name is no UTF-8: no worker releases that."""
    try:
        return bytes.fromhex(record_sha256(key, value, headers))
    except UnicodeEncodeError:
        return b""


def _parsed(record: str) -> RecordId | None:
    try:
        return RecordId.parse(record)
    except (RecordIdError, ValueError):  # of ValueError: so many digits that Python reads no number of them
        return None


def _partition(log: str) -> int:
    return int(log.rpartition("/")[2])


def record_of(headers: Headers) -> str:
    """The record id that a clean record says; empty where it says none, or two."""
    names = [value for name, value in headers if name == "panlock-record-id"]
    return (names[0] or b"").decode(errors="replace") if len(names) == 1 else ""
