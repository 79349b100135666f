"""One log as the sealer follows it: a tree over all that a signature answers for, or why it will not go on."""

from collections.abc import Sequence
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple

import orjson
import panlock_kernel

from pipeline.audit import canonical
from pipeline.audit.growth import Growth
from pipeline.audit.merkle import HASH
from pipeline.audit.progress import Progress
from pipeline.audit.signature import Keys, refusal
from pipeline.audit.verify import Row, read_event

UNSIGNED = 30.0  # seconds that events may wait for the signature behind them: a transaction comes as a whole


class Refusal(StrEnum):
    """Why a log is not sealed any further. Never renamed; docs/reasons.md explains each."""

    TOMBSTONE = "tombstone"
    MALFORMED = "malformed"
    GAP = "gap"
    REPEATED = "repeated"
    REWRITTEN = "rewritten"
    SIGNATURE = "signature"
    UNSIGNED = "unsigned"
    CUT_OFF = "cut-off"
    REMOVED = "removed"


class Refused(NamedTuple):
    """`offset`: of the record that was refused, or where the next one was due."""

    reason: Refusal
    offset: int
    what: str


class Followed:
    """Fed with a log's records in order. Times are of one monotonic clock, in seconds."""

    def __init__(self, partition: int, keys: Keys, progress: Progress) -> None:
        self.partition, self.keys = partition, keys
        self.progress = progress  # what is signed, and may be sealed
        self.published = progress  # what the last checkpoint says
        self.growth = Growth.after(progress.tree.size)  # since that one
        self.grown_at: float | None = None  # when the first event came that no checkpoint has
        self.refused: Refused | None = None
        self.head, self.due = progress.head, progress.tree.size  # of the chain, signed or not
        self._waiting, self._waiting_since = b"", 0.0  # leaves that wait for a signature

    @property
    def unsealed(self) -> int:
        """Events that were read and are in no checkpoint."""
        return self.due - self.published.tree.size

    @property
    def unsigned(self) -> int:
        """Events that wait for a signature."""
        return len(self._waiting) // HASH

    def compare(self, first: int, end: int) -> None:
        """With where the log begins and ends, as offsets: what follows the last sealed event must be there."""
        offset = self.progress.offset
        if self.refused is not None:
            return
        if end < offset:
            self._refuse(Refusal.CUT_OFF, end, f"the log ends at {end}, and was sealed up to {offset}")
        elif first > offset:
            self._refuse(Refusal.REMOVED, offset, f"the log begins at {first}, and was sealed up to {offset} alone")

    def take(self, records: Sequence[Row], now: float) -> None:
        """Never raises, whatever the bytes."""
        if self.refused is not None or not records:
            return
        keys, values = [row.key for row in records], [row.value for row in records]
        count, head, leaves, signed = panlock_kernel.replay_chain(self.partition, self.due, self.head, keys, values)
        answered = 0
        for index in signed:
            why = refusal(self.progress.origin, orjson.loads(values[index] or b""), self.keys)
            if why is not None:
                self._refuse(Refusal.SIGNATURE, records[index].offset, why)
                break
            answered = index + 1
        if answered:
            self._answer(self._waiting + leaves[: HASH * answered], records[answered - 1])
            self._waiting = b""
            self.grown_at = now if self.grown_at is None else self.grown_at
        if not self._waiting:
            self._waiting_since = now
        self._waiting += leaves[HASH * answered :]
        self.due, self.head = self.due + count, head
        if count < len(records) and self.refused is None:
            self._refuse(*self._why(records[count]))

    def look(self, now: float) -> None:
        """Whether events have waited for a signature for too long."""
        if self._waiting and now - self._waiting_since > UNSIGNED and self.refused is None:
            what = f"no signature answers for {self.unsigned} events, from number {self.progress.tree.size} on"
            self._refuse(Refusal.UNSIGNED, self.progress.offset, what)

    def sealed(self) -> None:
        """What is signed is published."""
        self.published, self.grown_at = self.progress, None
        self.growth = Growth.after(self.progress.tree.size)

    def _answer(self, leaves: bytes, last: Row) -> None:
        tree, self.growth = self.progress.tree.append(leaves), self.growth.append(leaves)
        self.progress = Progress(self.progress.origin, tree, last.offset + 1, sha256(last.value or b"").digest())

    def _refuse(self, reason: Refusal, offset: int, what: str) -> None:
        self.refused = Refused(reason, offset, what)

    def _why(self, row: Row) -> Refused:
        """What is wrong with the record that does not continue the chain."""
        if row.offset < self.progress.offset:
            what = f"the log was sealed up to {self.progress.offset}, and goes back to {row.offset}"
            return Refused(Refusal.CUT_OFF, row.offset, what)
        if row.value is None:
            return Refused(Refusal.TOMBSTONE, row.offset, "a tombstone: compaction would remove the event it names")
        try:
            event = read_event(self.partition, row.key, row.value)
        except canonical.NotCanonicalError as error:
            return Refused(Refusal.MALFORMED, row.offset, str(error))
        seq = event["seq"]
        if seq > self.due:
            what = f"event {seq} comes where {self.due} is due: compaction, or somebody, has removed what lay between"
            return Refused(Refusal.GAP, row.offset, what)
        if seq < self.due:
            return Refused(Refusal.REPEATED, row.offset, f"event {seq} is there already")
        return Refused(Refusal.REWRITTEN, row.offset, f"event {seq} does not follow the one before: prev is another")
