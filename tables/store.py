"""A lane's state on RocksDB: one directory a lane, written once a transaction after its commit.

Beside the changelog's keys and values (pipeline.state: their keys begin with a letter) it holds what is derived from
them, the expiry index and the census (tables.census), and how far the changelog has been applied. All of it moves in
one WriteBatch. No column families: their handles keep the database open, lock and all, as long as anything refers to
them.

    0x00 "changelog/2"                   which changelog: cluster id and topic UUID; 2 is the version of this layout
    0x00 "position"                      u64 next changelog offset, u64 time (ms) as of which it was applied
    0x01 u64 expiry (ms) + record id     empty
"""

import shutil
import struct
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from rocksdict import BlockBasedOptions, Cache, Options, Rdict, ReadOptions, WriteBatch

from pipeline.approval.pending import Pending
from pipeline.errors import PanlockError
from pipeline.state import PENDING_PREFIX, QUEUE_PREFIX, payload
from tables import census
from tables.census import U64, Waiting

CACHE = 4 << 20  # a lane; RocksDB's own default would be gigabytes for all of them
WRITE_BUFFER = 8 << 20
_APPLIED, _CHANGELOG, _INDEX = b"\x00position", b"\x00changelog/2", b"\x01"
_PAIR = struct.Struct(">QQ")


class StoreError(PanlockError):
    """RocksDB cannot use the directory: another process does, it is not writable, or its disk is full."""


class StoreCorruptError(StoreError):
    """RocksDB calls the directory corrupt."""


class Applied(NamedTuple):
    """How far the changelog has been applied: next offset, and the time (ms) as of which."""

    position: int
    time: int


def _options() -> Options:
    table = BlockBasedOptions()
    table.set_block_cache(Cache(CACHE))
    table.set_bloom_filter(10, False)
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_block_based_table_factory(table)
    options.set_write_buffer_size(WRITE_BUFFER)
    options.set_max_write_buffer_number(2)
    options.set_keep_log_file_num(2)
    return options


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """rocksdict raises plain Exception; what is corrupt may show at any read."""
    try:
        yield
    except Exception as error:
        kind = StoreCorruptError if "Corruption" in str(error) else StoreError
        raise kind(f"RocksDB cannot use {path}: {error}") from error


class LaneStore:
    """The committed state of one lane (pipeline.state.State). One process at a time: RocksDB's lock file."""

    def __init__(self, path: Path) -> None:
        """Opens or makes the directory. Raises StoreError."""
        self.path = path
        self._open()

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with _named(self.path):
            self._db = Rdict(str(self.path), options=_options())
        self._waiting = self._any_waiting()

    def restart(self, changelog: str) -> None:
        """Throw the content away and begin anew with this changelog, which has all of it."""
        self.close()
        shutil.rmtree(self.path, ignore_errors=True)
        self._open()
        with _named(self.path):
            self._db.put(_CHANGELOG, changelog.encode())

    def changelog(self) -> str | None:
        """Which changelog it is built from; None for a new one, and for one of another layout."""
        value = self.get(_CHANGELOG)
        return None if value is None else value.decode()

    def applied(self) -> Applied:
        value = self.get(_APPLIED)
        return Applied(*_PAIR.unpack(value)) if value else Applied(0, 0)

    def get(self, key: bytes) -> bytes | None:
        with _named(self.path):
            value: bytes | None = self._db.get(key)
        return value

    def keys(self, prefix: bytes, limit: int) -> list[bytes]:
        with _named(self.path):
            return [key for key, _ in _scan(self._db, prefix, limit)]

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Every key and value of the changelog."""
        with _named(self.path):
            yield from ((key, value) for key, value in _scan(self._db, b"", None) if key >= census.END)

    def due(self, until: int, limit: int) -> list[str]:
        found = []
        for key in self.keys(_INDEX, limit):
            if U64.unpack(key[1:9])[0] > until:
                break
            found.append(key[9:].decode())
        return found

    def next_expiry(self) -> int | None:
        """Expiry (ms) of the hold that expires first."""
        return next((int(U64.unpack(key[1:9])[0]) for key in self.keys(_INDEX, 1)), None)

    def census(self) -> list[Waiting]:
        """What waits, by flow and rule. Costs two reads for each of them, however many records wait."""
        with _named(self.path):
            counts = [(key, *U64.unpack(value)) for key, value in _scan(self._db, census.COUNTS, None)]
        return [self._group(*census.of_group(key), records) for key, records in counts]

    def _group(self, flow: str, rule: str | None, records: int) -> Waiting:
        oldest = None
        if rule is not None:
            prefix = census.ages(flow, rule)
            oldest = next((U64.unpack_from(key, len(prefix))[0] for key in self.keys(prefix, 1)), None)
        return Waiting(flow, rule, records, oldest)

    def waiting(self) -> bool:
        return self._waiting

    def _any_waiting(self) -> bool:
        return bool(self.keys(PENDING_PREFIX, 1) or self.keys(QUEUE_PREFIX, 1))

    def apply(self, changes: Mapping[bytes, bytes | None], applied: Applied) -> None:
        """One WriteBatch: the changes, the indexes derived from them, and the changelog position."""
        batch = WriteBatch(raw_mode=True)
        counts: Counter[bytes] = Counter()
        for key, value in changes.items():
            if key.startswith(PENDING_PREFIX):
                self._reindex(batch, key, value, counts)
            elif (now := census.queued(key, value)) is not None:
                former = census.queued(key, self.get(key))
                counts[now[0]] += now[1] - (former[1] if former else 0)
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        for group, change in counts.items():
            self._count(batch, group, change)
        batch.put(_APPLIED, _PAIR.pack(*applied))
        with _named(self.path):
            self._db.write(batch)
        if any(key.startswith((PENDING_PREFIX, QUEUE_PREFIX)) for key in changes):
            self._waiting = self._any_waiting()

    def _reindex(self, batch: WriteBatch, key: bytes, value: bytes | None, counts: Counter[bytes]) -> None:
        former = self.get(key)
        for content, put in ((former, False), (value, True)):
            if content is None:
                continue
            pending = Pending.decode(payload(content))
            counts[census.group(pending.flow, pending.rule)] += 1 if put else -1
            for entry in (_INDEX + U64.pack(pending.expires) + key[len(PENDING_PREFIX) :], census.by_age(pending)):
                if put:
                    batch.put(entry, b"")
                else:
                    batch.delete(entry)

    def _count(self, batch: WriteBatch, group: bytes, change: int) -> None:
        former = self.get(group)
        count = change + (U64.unpack(former)[0] if former else 0)
        if count:
            batch.put(group, U64.pack(count))
        else:
            batch.delete(group)

    def close(self) -> None:
        self._db.close()


def _scan(db: Rdict, prefix: bytes, limit: int | None) -> Iterator[tuple[bytes, bytes]]:
    each = db.iter(ReadOptions())
    each.seek(prefix)
    while each.valid() and each.key().startswith(prefix) and limit != 0:
        yield each.key(), each.value()
        limit = None if limit is None else limit - 1
        each.next()
    each.status()  # raises if it ended for another reason than the end of the keys


def set_aside(path: Path, stamp: int) -> Path:
    """Keep a corrupt store for whoever asks why, out of the way of its successor."""
    kept = path.with_name(f"{path.name}.corrupt-{stamp}")
    path.rename(kept)
    return kept
