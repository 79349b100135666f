"""Events and clean records that wait for each other: a table that nobody else sees, which ends with this object.

SQLite keeps at most CACHE of it in memory, and the rest in a temporary file (TMPDIR), which has no name.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

CACHE = 64 << 10  # KiB
_TABLES = """
PRAGMA cache_size = -{cache};
PRAGMA journal_mode = OFF;
CREATE TABLE unmatched (
  side TEXT, log TEXT, place INTEGER, topic TEXT, record TEXT, seq INTEGER, sha256 BLOB, again INTEGER
);
CREATE INDEX by_record ON unmatched (record, side, topic);
CREATE TABLE due (log TEXT PRIMARY KEY, before INTEGER);
BEGIN;
"""  # one transaction, for good: nothing of it is to be kept
_COLUMNS = "side, log, place, topic, record, seq, sha256, again"
_WHERE = "WHERE record = ? AND side = ? AND topic = ?"
_DUE = "FROM unmatched JOIN due USING (log) WHERE place < before"
Side = Literal["event", "clean"]


class Waiting(NamedTuple):
    """Of the event or of the clean record: `log` (topic/partition) and `place` (offset) where it lies; `topic`: the
    clean one; `seq`: the event's number, 0 of a clean record; `again`: of a clean record that has come before."""

    side: Side
    log: str
    place: int
    topic: str
    record: str
    seq: int
    sha256: bytes
    again: bool = False


class Unmatched:
    def __init__(self, cache: int = CACHE) -> None:
        self._base = sqlite3.connect("", isolation_level=None)
        self._base.executescript(_TABLES.format(cache=cache))
        self._counts = {"event": 0, "clean": 0}

    def __len__(self) -> int:
        return sum(self._counts.values())

    def put(self, waiting: Waiting) -> None:
        self._base.execute("INSERT INTO unmatched VALUES (?, ?, ?, ?, ?, ?, ?, ?)", waiting)
        self._counts[waiting.side] += 1

    def take(self, side: Side, topic: str, record: str) -> Waiting | None:
        """The first that waits there, which waits no longer."""
        if not self._counts[side]:  # mostly one of the sides is ahead
            return None
        found = self._base.execute(
            f"SELECT rowid, {_COLUMNS} FROM unmatched {_WHERE} ORDER BY rowid LIMIT 1",  # noqa: S608
            (record, side, topic),
        ).fetchone()
        if found is None:
            return None
        self._base.execute("DELETE FROM unmatched WHERE rowid = ?", found[:1])
        self._counts[side] -= 1
        return _waiting(found[1:])

    def has(self, side: Side, topic: str, record: str) -> bool:
        wanted = f"SELECT 1 FROM unmatched {_WHERE} LIMIT 1"  # noqa: S608
        return self._base.execute(wanted, (record, side, topic)).fetchone() is not None

    def due(self, ends: Mapping[str, int]) -> Iterator[Waiting]:
        """Those that lie before the ends, by log, in the order in which they came; then they wait no longer."""
        self._base.execute("DELETE FROM due")
        self._base.executemany("INSERT INTO due VALUES (?, ?)", ends.items())
        for row in self._base.execute(f"SELECT {_COLUMNS} {_DUE} ORDER BY unmatched.rowid"):
            waiting = _waiting(row)
            self._counts[waiting.side] -= 1
            yield waiting
        self._base.execute(f"DELETE FROM unmatched WHERE rowid IN (SELECT unmatched.rowid {_DUE})")  # noqa: S608


def _waiting(row: tuple[Any, ...]) -> Waiting:
    return Waiting._make(row)
