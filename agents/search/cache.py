"""Where the tables lie, and how they keep up with the audit.

    <directory>/<cluster id>/index.json                     what counts: logs, how far each is here, files
                             day=2026-11-24/<name>.parquet  events of that day (UTC)

A log's new events count once they have led to a checkpoint's root: then index.json is replaced, in one step, and names
their files. Files that it does not name are left-overs of a run that was interrupted, and go. Older days than the hot
window are verified, not kept. All of it may be deleted at any time: it is made again from the export or the topics.
"""

import fcntl
import json
import os
import shutil
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from agents.search.columns import FROM_SPOOL
from agents.search.engine import Connection, SearchError, connect
from agents.search.source import Grown, Source
from pipeline.audit.logs import LogPlace
from pipeline.audit.note import NoteError
from pipeline.audit.progress import Progress

VERSION = 1
INDEX = "index.json"
FILES = 8  # of a day; more are made one
_WRITE = "COPY ({}) TO '{}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (day), RETURN_FILES, {})"


class Coverage(NamedTuple):
    """What is here, and how far it is proven: `sealed`, the time of the manifest; `since`, the first day that is kept;
    `wrong`, by log, why it is not here any further than `events` says."""

    cluster: str
    sealed: str
    since: str
    events: Mapping[str, int]
    wrong: Mapping[str, str]


@dataclass(slots=True)
class _Index:
    since: str
    logs: dict[str, Progress] = field(default_factory=dict)
    files: dict[str, int] = field(default_factory=dict)  # below the cache's directory → events

    def json(self) -> dict[str, Any]:
        logs = [progress.text() for progress in self.logs.values()]
        return {"v": VERSION, "since": self.since, "logs": logs, "files": self.files}


class Cache:
    """Of one cluster's audit. `directory` is this cache's alone."""

    def __init__(self, directory: Path, since: date) -> None:
        self.directory, self.since = directory, since.isoformat()
        self._index = _Index(self.since)

    @property
    def files(self) -> list[Path]:
        return [self.directory / name for name in self._index.files]

    async def update(self, source: Source, told: Callable[[int], None]) -> Coverage:
        """Bring it up to what is sealed; `told` hears how many events have come. Raises SearchError, and what the
        source raises."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _locked(self.directory):
            self._load()
            wrong = dict[str, str]()
            spool: _Spool | None = None
            try:
                async for grown in source.grown(self._index.logs):
                    if spool is None or spool.place is not grown.place:
                        spool = _Spool(self.directory, grown.place)
                    spool.add(grown)
                    told(len(grown.events))
                    if grown.wrong is not None:
                        wrong[grown.place.origin(source.cluster)] = grown.wrong
                    elif grown.end is not None:
                        self._keep(spool, grown.end)
            finally:
                (self.directory / _Spool.NAME).unlink(missing_ok=True)
            events = {name: progress.tree.size for name, progress in self._index.logs.items()}
            return Coverage(source.cluster, source.sealed, self.since, events, wrong)

    def _load(self) -> None:
        path = self.directory / INDEX
        if path.exists():
            self._index = _read(path)
        if self._index.since > self.since:  # a longer window: what was left out must be read again
            self._index = _Index(self.since)
        self._index.since = self.since
        kept = {name: count for name, count in self._index.files.items() if _day(name) >= self.since}
        self._index.files = {name: count for name, count in kept.items() if (self.directory / name).exists()}
        if len(self._index.files) < len(kept):
            self._index = _Index(self.since)  # somebody took a file away
        self._tidy()

    def _keep(self, spool: "_Spool", end: Progress) -> None:
        if spool.close():
            connection = connect()
            self._index.files |= self._write(
                connection, FROM_SPOOL, {"log": spool.log, "spool": str(spool.path), "since": self.since}
            )
            self._merge(connection)
        self._index.logs[end.origin] = end
        self._save()

    def _write(self, connection: Connection, select: str, values: Mapping[str, object]) -> dict[str, int]:
        pattern = f"FILENAME_PATTERN '{uuid.uuid4().hex}_{{i}}', OVERWRITE_OR_IGNORE"
        made = connection.execute(_WRITE.format(select, _quoted(self.directory), pattern), values).fetchone()
        found = [] if made is None else made[1]
        counts = {}
        for path in found:
            row = connection.execute("SELECT count(*) FROM read_parquet(?)", [path]).fetchone()
            counts[str(Path(path).relative_to(self.directory))] = row[0]
        return counts

    def _merge(self, connection: Connection) -> None:
        """A day's files into one: each update adds some."""
        days = defaultdict[str, list[str]](list)
        for name in self._index.files:
            days[_day(name)].append(name)
        for names in days.values():
            if len(names) > FILES:
                paths = [str(self.directory / name) for name in names]
                select = "SELECT * FROM read_parquet($paths, hive_partitioning = true, hive_types_autocast = false)"
                merged = self._write(connection, f'{select} ORDER BY "time", log, seq', {"paths": paths})
                self._index.files = {k: v for k, v in self._index.files.items() if k not in names} | merged

    def _save(self) -> None:
        path = self.directory / INDEX
        part = path.with_suffix(".part")
        part.write_text(json.dumps(self._index.json()))
        os.replace(part, path)
        self._tidy()

    def _tidy(self) -> None:
        named = {self.directory / name for name in self._index.files}
        for file in self.directory.glob("day=*/*"):
            if file not in named:
                file.unlink()
        for day in self.directory.glob("day=*"):
            if not any(day.iterdir()):
                shutil.rmtree(day)


class _Spool:
    """New events of one log, until they are known to be what was sealed: a line each."""

    NAME = "spool.ndjson"

    def __init__(self, directory: Path, place: LogPlace) -> None:
        self.place, self.log, self.path = place, f"{place.topic}/{place.partition}", directory / self.NAME
        self._file, self._count = self.path.open("wb"), 0

    def add(self, grown: Grown) -> None:
        if grown.events:
            self._file.write(b"\n".join(grown.events) + b"\n")
            self._count += len(grown.events)

    def close(self) -> int:
        """How many there are."""
        self._file.close()
        return self._count


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """One update at a time."""
    with (directory / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _read(path: Path) -> _Index:
    try:
        raw = json.loads(path.read_text())
        if raw["v"] != VERSION:
            return _Index(date.max.isoformat())
        logs = [Progress.parse(text) for text in raw["logs"]]
        return _Index(raw["since"], {each.origin: each for each in logs}, dict(raw["files"]))
    except (ValueError, KeyError, TypeError, NoteError) as error:
        raise SearchError(f"{path} is damaged: delete {path.parent}, and it is made again") from error


def _day(name: str) -> str:
    return name.partition("=")[2].partition("/")[0]


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
