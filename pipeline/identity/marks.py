"""Replay marks: of each stream and partition the highest sequence seen, and which of the 1,024 up to it were.

Layout (behind the version byte of pipeline.state): u64 highest | u64 broker time (ms) of the last record |
128 bytes, bit n (from the end): highest - n was seen.

A mark may go once nothing that it has seen could be accepted again: a record's envelope is at most one `window` away
from the broker's time, so two of them after its last record.
"""

import struct

WINDOW = 1_024
_MASK = (1 << WINDOW) - 1
_LAYOUT = struct.Struct(">QQ128s")


class Mark:
    """One stream's, on one partition. `missing`: sequences that `take` found skipped, as (first, last) of the whole."""

    __slots__ = ("bits", "highest", "missing", "run", "skipped", "time")

    def __init__(self, highest: int = -1, time: int = 0, bits: int = 0) -> None:
        self.highest, self.time, self.bits = highest, time, bits
        self.run = 0  # sequences up to `highest` that came in order, and are not among the bits yet
        self.missing: tuple[int, int] | None = None
        self.skipped = 0

    @classmethod
    def decode(cls, raw: bytes) -> "Mark":
        highest, time, bits = _LAYOUT.unpack(raw)
        return cls(highest, time, int.from_bytes(bits, "big"))

    def encode(self) -> bytes:
        self._settle()
        return _LAYOUT.pack(self.highest, self.time, self.bits.to_bytes(WINDOW // 8, "big"))

    def take(self, sequence: int, time: int) -> bool:
        """Note a record; False if it was seen, or is too far behind to tell. `time`: the broker's, in ms."""
        if time > self.time:
            self.time = time
        ahead = sequence - self.highest
        if ahead == 1:
            self.highest = sequence
            self.run += 1
            return True
        self._settle()
        if ahead > 1:
            self._skip(self.highest + 1, sequence - 1)
            self.bits = (self.bits << ahead | 1) & _MASK if ahead < WINDOW else 1
        elif ahead <= -WINDOW or self.bits >> -ahead & 1:
            return False
        else:
            self.bits |= 1 << -ahead
        self.highest = max(self.highest, sequence)
        return True

    def _settle(self) -> None:
        seen = (1 << min(self.run, WINDOW)) - 1
        self.bits = (self.bits << self.run | seen) & _MASK if self.run < WINDOW else seen
        self.run = 0

    def _skip(self, first: int, last: int) -> None:
        self.skipped += last - first + 1
        self.missing = (first if self.missing is None else self.missing[0], last)

    def spent(self, now: int, window: int) -> bool:
        """Whether nothing that it saw could be accepted at `now` (broker time, ms)."""
        return now > self.time + 2 * window
