"""Questions to an audit of many events: Panlock's tables, beside what else is at hand over the same as NDJSON.

panlock  the tables, as `panlock audit search` and `sql` ask them
grep     `grep -c -F`: finds text, knows no fields
duckdb   DuckDB over the NDJSON, without tables

The tables are made from half a million events that were verified and indexed as always (`index`: events/s), and as many
copies of them as it takes, a day apart, each with its own record and hash.
"""

# ruff: noqa: S608  # names of our own files

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agents.search.cache import Cache
from agents.search.engine import Connection, connect
from agents.search.query import Wanted, count, search, tables
from agents.search.source import Following, Grown
from bench.lane_events import WORKER, Row, lane
from pipeline.audit.logs import LogPlace
from pipeline.audit.merkle import leaf_hashes, root_of
from pipeline.audit.progress import Progress
from pipeline.policy.topics import AUDIT

SEED = 500_000  # events that are made and indexed one by one
BATCH = 16_384
NEEDLE = "quarantine.payments.checkout/0/1234567"

Say = Callable[[str], None]


class _Made:
    """A source of one log."""

    cluster, sealed = "c", "now"

    def __init__(self, rows: list[Row]) -> None:
        self._rows = rows

    async def open(self) -> None:
        return

    async def grown(self, done: Mapping[str, Progress]) -> AsyncIterator[Grown]:
        place = LogPlace(AUDIT, 0, {WORKER.kid: WORKER.key.public_key()})
        following = Following(place, self.cluster, done)
        for at in range(0, len(self._rows), BATCH):
            yield Grown(place, following.take(self._rows[at : at + BATCH]))
        yield following.end(len(self._rows), root_of(leaf_hashes([row.value for row in self._rows])))


def run(directory: Path, events: int, say: Say) -> dict[str, dict[str, float]]:
    """Seconds by question and by what answered it, and `index`."""
    seed = min(SEED, events)
    say(f"search: making and indexing {seed} events")
    cache, rows = Cache(directory / "index", datetime(2026, 1, 1, tzinfo=UTC).date()), lane(0, seed, "c")
    began = time.perf_counter()
    asyncio.run(cache.update(_Made(rows), lambda _: None))
    rate = seed / (time.perf_counter() - began)
    say(f"search: {events} of them, as tables and as NDJSON")
    files, lines = _many(cache, directory, events // seed)
    connection = tables(files, directory)
    raw = f"read_ndjson_objects('{lines}')"
    day = datetime(2026, 11, 26, tzinfo=UTC)
    asked: dict[str, dict[str, Callable[[], object]]] = {
        "record": {
            "panlock": lambda: search(connection, Wanted(record=NEEDLE), 10),
            "grep": lambda: _grep(f'"record":"{NEEDLE}"', lines),
            "duckdb": lambda: _ask(f"SELECT count(*) FROM {raw} WHERE json->>'$.resource.record' = '{NEEDLE}'"),
        },
        "text": {
            "panlock": lambda: count(connection, Wanted(text="/1234567")),
            "grep": lambda: _grep("/1234567", lines),
            "duckdb": lambda: _ask(f"SELECT count(*) FROM {raw} WHERE contains(lower(json::VARCHAR), '/1234567')"),
        },
        "flow, outcome and day": {
            "panlock": lambda: count(
                connection, Wanted(flow="payments", outcome="released", since=day, until=day + timedelta(days=1))
            ),
            "duckdb": lambda: _ask(
                f"SELECT count(*) FROM {raw} WHERE json->>'$.outcome' = 'released' "
                "AND json->>'$.time' LIKE '2026-11-26%'"
            ),
        },
    }
    found: dict[str, dict[str, float]] = {"index": {"events_per_second": round(rate)}}
    for question, ways in asked.items():
        found[question] = {}
        for way, answer in ways.items():
            began = time.perf_counter()
            answer()
            found[question][way] = round(time.perf_counter() - began, 3)
            say(f"search: {question} by {way}: {found[question][way]} s")
    return found


def _many(cache: Cache, directory: Path, copies: int) -> tuple[list[Path], Path]:
    """Every event so many times, each copy a day later."""
    connection, lines, made = connect(), directory / "events.ndjson", list(cache.files)
    source = [str(file) for file in cache.files]
    lines.touch()
    with lines.open("ab") as all_lines:
        for number in range(copies):
            out, part = directory / f"copy-{number}.parquet", directory / "part.ndjson"
            moved = (
                f'SELECT * REPLACE (seq + {number * SEED} AS seq, "time" + INTERVAL {number} DAY AS "time", '
                f"regexp_replace(record, '[0-9]+$', (seq + {number * SEED})::VARCHAR) AS record, "
                f"replace(replace(replace(event, '/0/' || seq || '\"', '/0/' || (seq + {number * SEED}) || '\"'), "
                f"'2026-11-24T', strftime(\"time\" + INTERVAL {number} DAY, '%Y-%m-%dT')), "
                f"event->>'$.prev', sha256(seq || '/{number}')) AS event, "
                f"strftime(\"time\" + INTERVAL {number} DAY, '%Y-%m-%d') AS day) "
                "FROM read_parquet(?, hive_partitioning = true, hive_types_autocast = false)"
            )
            connection.execute(f"CREATE OR REPLACE TABLE moved AS {moved}", [source])
            connection.execute(f"COPY moved TO '{out}' (FORMAT parquet, COMPRESSION zstd)")
            plain = "FORMAT csv, HEADER false, QUOTE '', DELIMITER '\x01'"
            connection.execute(f"COPY (SELECT event FROM moved) TO '{part}' ({plain})")
            all_lines.write(part.read_bytes())
            part.unlink()
            made.append(out)
    return made[len(source) :], lines


def _grep(text: str, lines: Path) -> None:
    subprocess.run(["grep", "-c", "-F", text, str(lines)], capture_output=True, check=False, env={"LC_ALL": "C"})


def _ask(sql: str) -> object:
    connection: Connection = connect()
    return connection.execute(sql).fetchone()
