"""A topic's log beside its export: each event the same, as long as both have it. Pure.

The export has been verified before (pipeline.audit.exported): its tiles hold the hashes of its events.
"""

from collections.abc import Callable, Sequence

from pipeline.audit.merkle import HASH, leaf_hashes
from pipeline.audit.tiles import WIDTH
from pipeline.audit.verify import Row

Tile = Callable[[int], bytes]


class Compared:
    """Fed with the topic's records in order. `differs`: the first difference, in words; `beyond`: events that the
    export does not have yet."""

    def __init__(self, partition: int, size: int, first: int, tile: Tile) -> None:
        """`size` of the export; `first`: log start offset, above 0 where retention has cut the topic; `tile`: hashes of
        the export's events by number of their tile. What `tile` raises goes through."""
        self.partition, self.size, self._tile = partition, size, tile
        self._due: int | None = None if first else 0
        self.differs: str | None = None
        self.beyond = 0

    def take(self, records: Sequence[Row]) -> None:
        keys = [record.key or b"" for record in records]
        leaves = leaf_hashes([record.value or b"" for record in records])
        for number, key in enumerate(keys):
            if self.differs is None:
                self._one(key, leaves[HASH * number : HASH * (number + 1)])

    def end(self) -> None:
        """The topic has no more."""
        if self.differs is None and self._due is None and self.size:
            self.differs = f"the topic has none of the {self.size} events left: retention, or somebody, removed them"
        elif self.differs is None and (self._due or 0) < self.size:
            self.differs = f"the topic ends before event {self._due or 0}, and the export has {self.size}"

    def _one(self, key: bytes, leaf: bytes) -> None:
        lane, _, digits = key.partition(b"/")
        if lane != b"%d" % self.partition or not digits.isdigit():
            self.differs = f"the topic has a record that is no event where event {self._due or 0} is due"
            return
        seq = int(digits)
        due = seq if self._due is None else self._due
        if seq != due:
            what = "is there again" if seq < due else f"comes where {due} is due"
            self.differs = f"event {seq} {what} in the topic: it lacks what the export has, or has more"
        elif seq >= self.size:
            self.beyond += 1
        elif self._tile(seq // WIDTH)[HASH * (seq % WIDTH) :][:HASH] != leaf:
            self.differs = f"event {seq} of the topic is not the one in the export"
        self._due = seq + 1
