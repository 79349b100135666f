"""Replays a lane's audit chain from raw records and says what is wrong with it. Pure: whoever calls it reads the topic.

Of each record it checks: key = id = `lane/seq` of its partition; version; canonical form; `prev` = SHA-256 of the event
before. Of each lane: that it is there, starts at 0 or where the log now starts, has no number missing or twice, and,
where the keys are known, that every signature in it holds and the last one answers for all of it; and, where there
are checkpoints, that its events are those that were sealed.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NamedTuple, Protocol

import orjson
import panlock_kernel

from pipeline.audit import canonical
from pipeline.audit.checkpoint import Checkpoint
from pipeline.audit.events import NO_PREVIOUS, VERSION
from pipeline.audit.merkle import HASH, Tree, leaf_hash
from pipeline.audit.origin import origin
from pipeline.audit.signature import MEMBER, Keys, refusal
from pipeline.policy.topics import AUDIT

EMPTY = Tree()
MAX_LISTED = 1_000  # troubles of each kind; beyond, they are counted
KINDS = ("gaps", "breaks", "repeated", "tombstones", "unsigned", "seals")


class Row(Protocol):
    """A record as any client has it."""

    @property
    def offset(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...


class Signed(NamedTuple):
    """Whose signatures count in the log, and on which cluster."""

    cluster: str
    keys: Keys


@dataclass(frozen=True, slots=True)
class Trouble:
    """`seq` is the number that was read, or that was due where none could be read."""

    lane: int
    seq: int
    what: str

    def json(self) -> dict[str, int | str]:
        return {"lane": self.lane, "seq": self.seq, "what": self.what}


Event = dict[str, Any]


@dataclass(slots=True)
class Report:
    """What a replay found; `more` counts, by kind, troubles beyond the first thousand.

    `signatures`: those that hold; None where nobody said whose count. `sealed`: events that are those of the last
    checkpoints; None where there are none to compare with.
    """

    events: int
    signatures: int | None
    sealed: int | None
    expected: int
    present: int
    troubles: dict[str, list[Trouble]]
    more: Counter[str]

    @property
    def ok(self) -> bool:
        return self.present == self.expected and not any(self.troubles.values())

    def json(self) -> dict[str, object]:
        """The object of `panlock audit verify --json`."""
        return {
            "ok": self.ok,
            "events": self.events,
            "signatures": self.signatures,
            "sealed": self.sealed,
            "lanes": {"expected": self.expected, "present": self.present},
            **{kind: [trouble.json() for trouble in self.troubles[kind]] for kind in KINDS},
            **({"more": dict(self.more)} if self.more else {}),
        }


@dataclass(slots=True)
class _Lane:
    """`due`: the next number; `prev`: hash of the last event; `missing`: half-open ranges of numbers skipped;
    `signed`: the number behind the last event that a signature answers for; `tree`: over all events so far, up to the
    checkpoint; None where some are not there."""

    first: int = 0
    due: int = 0
    prev: str = NO_PREVIOUS
    started: bool = False
    signed: int = 0
    tree: Tree | None = EMPTY
    missing: list[tuple[int, int]] = field(default_factory=list)


class Verifier:
    """Fed with every record of the audit topic, each partition in order, then asked for its report."""

    def __init__(
        self,
        lanes: int,
        signed: Signed | None = None,
        checkpoints: Mapping[int, Checkpoint] | None = None,
        cosigned: Mapping[int, Checkpoint] | None = None,
    ) -> None:
        """`checkpoints`: the last of each lane; `cosigned`: the last of each that witnesses have."""
        self.cosigned, self.witnessed = cosigned or {}, 0  # events that witnesses know, too
        self.lanes = [_Lane() for _ in range(lanes)]
        self.signed, self.checkpoints, self.sealed = signed, checkpoints, 0
        self.events = self.signatures = 0
        self.starts: dict[int, int] = {}
        self.troubles: dict[str, list[Trouble]] = {kind: [] for kind in KINDS}
        self.more: Counter[str] = Counter()

    def first_offsets(self, starts: Mapping[int, int]) -> None:
        """Log start offset of each partition, asked before reading: where it is 0, a chain starts at 0."""
        self.starts.update(starts)

    def add_all(self, partition: int, records: Sequence[Row]) -> None:
        """Records of one partition, in order. Never raises, whatever the bytes.

        The kernel takes them as long as they are as they should be; what it stops at, `add` looks at.
        """
        at = 0
        while at < len(records):
            at += self._take(partition, records[at:] if at else records)
            if at < len(records):
                row = records[at]
                self.add(partition, row.offset, row.key, row.value)
                at += 1

    def _take(self, partition: int, records: Sequence[Row]) -> int:
        """How many of the records continue the lane's chain as they should."""
        lane = self.lanes[partition] if 0 <= partition < len(self.lanes) else None
        if lane is None or not lane.started:
            return 0
        first, head = lane.due, bytes.fromhex(lane.prev)
        keys, values = [row.key for row in records], [row.value for row in records]
        count, head, leaves, signed = panlock_kernel.replay_chain(partition, first, head, keys, values)
        self.events += count
        for index in signed if self.signed is not None else ():
            lane.due = first + index + 1
            self._weigh(partition, lane, orjson.loads(values[index] or b""))
        lane.due, lane.prev = first + count, head.hex()
        self._grow(partition, lane, leaves)
        return count

    def add(self, partition: int, offset: int, key: bytes | None, value: bytes | None) -> None:
        """One record. Never raises, whatever the bytes."""
        if not 0 <= partition < len(self.lanes):
            self._trouble("breaks", partition, 0, f"offset {offset}: no lane has this partition")
            return
        lane = self.lanes[partition]
        if value is None:
            seq = _seq_of(key, partition)
            self._trouble("tombstones", partition, lane.due if seq is None else seq, f"offset {offset}: a tombstone")
            return
        self.events += 1
        try:
            event = read_event(partition, key, value)
        except canonical.NotCanonicalError as error:
            self._trouble("breaks", partition, lane.due, f"offset {offset}: {error}")
            return
        if self._place(partition, lane, int(event["seq"]), event["prev"], value):
            self._weigh(partition, lane, event)

    def report(self) -> Report:
        for number, lane in enumerate(self.lanes):
            if not lane.started:
                self._trouble("gaps", number, 0, "the lane has no events")
            elif self.signed is not None and lane.signed < lane.due:
                what = f"no signature answers for events {lane.signed} to {lane.due - 1}, the lane's last"
                self._trouble("unsigned", number, lane.signed, what)
            if lane.tree is not None and lane.due < self._due_to_checkpoint(number):
                what = f"the log ends before event {lane.due}, and {self._due_to_checkpoint(number)} were sealed"
                self._trouble("seals", number, lane.due, what)
            if number in self.cosigned and self.cosigned[number].size > self._due_to_checkpoint(number):
                what = f"rolled back: witnesses have cosigned {self.cosigned[number].size} events, the sealer has fewer"
                self._trouble("seals", number, lane.due, what)
        present = sum(lane.started for lane in self.lanes)
        signatures = None if self.signed is None else self.signatures
        sealed = None if self.checkpoints is None else self.sealed
        return Report(self.events, signatures, sealed, len(self.lanes), present, self.troubles, self.more)

    def _due_to_checkpoint(self, number: int) -> int:
        """Events that the lane's last checkpoint stands for."""
        checkpoint = (self.checkpoints or {}).get(number)
        return 0 if checkpoint is None else checkpoint.size

    def _grow(self, number: int, lane: _Lane, leaves: bytes) -> None:
        """Compare with the checkpoint, once the tree has its size."""
        size = self._due_to_checkpoint(number)
        if lane.tree is None or lane.tree.size >= size:
            return
        self._meet_witnesses(number, lane.tree, leaves)
        lane.tree = lane.tree.append(leaves[: HASH * (size - lane.tree.size)])
        if lane.tree.size == size and self.checkpoints is not None:
            if lane.tree.root == self.checkpoints[number].root:
                self.sealed += size
            else:
                self._trouble("seals", number, size - 1, f"the first {size} events are not those that were sealed")

    def _meet_witnesses(self, number: int, tree: Tree, leaves: bytes) -> None:
        """Compare with what they cosigned, where the next leaves reach it."""
        cosigned = self.cosigned.get(number)
        if cosigned is None or not tree.size < cosigned.size <= tree.size + len(leaves) // HASH:
            return
        if tree.append(leaves[: HASH * (cosigned.size - tree.size)]).root == cosigned.root:
            self.witnessed += cosigned.size
        else:
            what = f"two histories: the first {cosigned.size} events are not those that witnesses have cosigned"
            self._trouble("seals", number, cosigned.size - 1, what)

    def _weigh(self, number: int, lane: _Lane, event: Event) -> None:
        """The signature of the event at the head of its chain, if it has one."""
        if self.signed is None or MEMBER not in event:
            return
        why = refusal(origin(self.signed.cluster, AUDIT, number), event, self.signed.keys)
        if why is not None:
            self._trouble("unsigned", number, lane.due - 1, why)
            return
        self.signatures += 1
        lane.signed = lane.due

    def _place(self, number: int, lane: _Lane, seq: int, prev: str, value: bytes) -> bool:
        """Compare an event with the head of its chain, and make it the head if it is not an old one."""
        if not lane.started:
            self._start(number, lane, seq)
        if seq < lane.due:
            missing = seq < lane.first or any(start <= seq < end for start, end in lane.missing)
            moved = "out of order, or its key was there twice and compaction has removed the first"
            kind, what = ("breaks", moved) if missing else ("repeated", "the key is there twice")
            self._trouble(kind, number, seq, what)
            return False
        if seq > lane.due:
            last = seq - 1
            which = f"event {last} is" if last == lane.due else f"events {lane.due} to {last} are"
            self._trouble("gaps", number, lane.due, f"{which} missing")
            lane.missing.append((lane.due, seq))
            lane.tree = None
        elif prev != lane.prev and (lane.first < seq or seq == 0):
            self._trouble("breaks", number, seq, "prev is not the hash of the event before")
        lane.due, lane.prev = seq + 1, sha256(value).hexdigest()
        self._grow(number, lane, leaf_hash(value))
        return True

    def _start(self, number: int, lane: _Lane, seq: int) -> None:
        """A chain may begin above 0 only where retention has moved the log start; `prev` is then unproven."""
        lane.started = True
        if seq > 0 and self.starts.get(number, 0) > 0:
            lane.first = lane.due = lane.signed = seq
            lane.tree = None

    def _trouble(self, kind: str, lane: int, seq: int, what: str) -> None:
        if len(self.troubles[kind]) < MAX_LISTED:
            self.troubles[kind].append(Trouble(lane, seq, what))
        else:
            self.more[kind] += 1


def _seq_of(key: bytes | None, partition: int) -> int | None:
    head, _, tail = (key or b"").partition(b"/")
    return int(tail) if head == b"%d" % partition and tail.isdigit() and len(tail) < 20 else None


def read_event(partition: int, key: bytes | None, value: bytes) -> Event:
    """An event as it should be. Raises NotCanonicalError, which says what is not."""
    event = canonical.decode(value)
    if not isinstance(event, dict):
        raise canonical.NotCanonicalError("not an event")
    if event.get("v") != VERSION or event["v"] is True:
        raise canonical.NotCanonicalError("an event of an unknown version")
    seq, prev = event.get("seq"), event.get("prev")
    if type(seq) is not int or seq < 0 or not isinstance(prev, str) or not isinstance(event.get("type"), str):
        raise canonical.NotCanonicalError("an event without its seq, prev or type")
    if event.get("lane") != partition or event["lane"] is True or event.get("id") != f"{partition}/{seq}":
        raise canonical.NotCanonicalError("an event of another lane")
    if key != b"%d/%d" % (partition, seq):
        raise canonical.NotCanonicalError("the key is not the event's id")
    return event
