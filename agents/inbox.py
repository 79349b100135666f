"""What waits in a lane, already being enforced in a thread: bounded in records and bytes."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from faust.types import TP

from agents.transport import Chunk
from pipeline.batch import Fetched
from pipeline.enforce import Enforced
from pipeline.holds import Messages

BATCH_RECORDS, BATCH_BYTES = 4_000, 8 << 20  # of one transaction, but always one chunk
FULL = 4  # batches that may wait before the inputs are shut; they open again at half of it


def weight(records: Sequence[Fetched]) -> int:
    """Bytes of records that wait."""
    return sum([record.size for record in records])


@dataclass(frozen=True, slots=True)
class Arrival:
    """A chunk, and the stateless half of its enforcement on its way."""

    tp: TP
    chunk: Chunk
    ready: "asyncio.Future[Enforced] | asyncio.Future[Messages]"
    size: int


class Inbox:
    """Chunks in the order of their arrival; `arrived` is set with each. `cancels`: what is cleared need not end."""

    def __init__(self, arrived: asyncio.Event, cancels: bool = False) -> None:
        self._waiting: deque[Arrival] = deque()
        self.records = self.size = 0
        self._arrived, self._cancels = arrived, cancels

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def put(self, arrival: Arrival) -> None:
        self._waiting.append(arrival)
        self.records += len(arrival.chunk.records)
        self.size += arrival.size
        self._arrived.set()

    def take(self, most: int | None = None) -> list[Arrival]:
        """The next batch: at most so many records (else BATCH_RECORDS), but always one arrival."""
        return self._take(most or BATCH_RECORDS, lambda arrival: True)

    def take_ready(self, most: int) -> list[Arrival]:
        """As `take`, but nothing that is still worked on, nor what is behind it."""
        return self._take(most, lambda arrival: arrival.ready.done())

    def ready(self) -> bool:
        """Whether `take_ready` has something."""
        return bool(self._waiting) and self._waiting[0].ready.done()

    def _take(self, most: int, wanted: Callable[[Arrival], bool]) -> list[Arrival]:
        taken: list[Arrival] = []
        records = size = 0
        while self._waiting and records < most and size < BATCH_BYTES and wanted(self._waiting[0]):
            arrival = self._waiting.popleft()
            taken.append(arrival)
            records += len(arrival.chunk.records)
            size += arrival.size
        self.records -= records
        self.size -= size
        return taken

    def full(self) -> bool:
        return self.records > FULL * BATCH_RECORDS or self.size > FULL * BATCH_BYTES

    def half_empty(self) -> bool:
        return self.records <= FULL * BATCH_RECORDS // 2 and self.size <= FULL * BATCH_BYTES // 2

    def ends(self) -> dict[TP, int]:
        """Where each input that waits here goes on."""
        return {arrival.tp: arrival.chunk.end for arrival in self._waiting}

    def clear(self) -> None:
        if self._cancels:
            for arrival in self._waiting:
                arrival.ready.cancel()
        self._waiting.clear()
        self.records = self.size = 0
