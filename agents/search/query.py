"""Asking the tables: SQL that can read them, and nothing else of this machine."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from agents.search.columns import EMPTY, VIEWS
from agents.search.engine import Connection, SearchError, connect, duckdb

ROWS = 1_024  # of one fetch


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is searched for: all of it. Times in UTC, `until` excluded; a type ends in `.*` to mean a family."""

    principal: str | None = None
    person: str | None = None
    record: str | None = None
    flow: str | None = None
    types: Sequence[str] = ()
    outcome: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None

    def where(self) -> tuple[str, list[object]]:
        """SQL with a `?` for each value."""
        terms, values = ["true"], list[object]()
        for column in ("principal", "record", "flow", "outcome"):
            if (value := getattr(self, column)) is not None:
                terms.append(f"{column} = ?")
                values.append(value)
        if self.person is not None:
            terms.append(
                "(lower(person) = lower(?) OR list_contains(list_transform(people, lambda p: lower(p)), lower(?)))"
            )
            values += [self.person, self.person]
        if self.types:
            terms.append(f"({' OR '.join(['type LIKE ? ESCAPE chr(92)'] * len(self.types))})")
            values += [_like(each) for each in self.types]
        for bound, value in (('"time" >= ?', self.since), ('"time" < ?', self.until)):
            if value is not None:
                terms.append(bound)
                values.append(value.replace(tzinfo=None))
        if self.text is not None:
            terms.append("contains(event, ?)")
            values.append(self.text)
        return " AND ".join(terms), values


def _like(type_: str) -> str:
    escaped = type_.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"{escaped[:-1]}%" if escaped.endswith(".*") else escaped


def tables(files: Sequence[Path], directory: Path) -> Connection:
    """Views `events` and `findings` over the files, read-only, with no way out: no other file, no network, no
    extension, no change of these settings."""
    connection = connect()
    names = ", ".join("'" + str(file).replace("'", "''") + "'" for file in files)
    source = f"read_parquet([{names}], hive_partitioning = true, hive_types_autocast = false)"
    select = f"SELECT * FROM {source}" if files else EMPTY  # noqa: S608  # names that this cache gave
    connection.execute(f"CREATE VIEW events AS {select}")
    connection.execute(VIEWS)
    connection.execute("SET allowed_directories = ?", [[str(directory)]])
    connection.execute("SET enable_external_access = false; SET lock_configuration = true")
    return connection


def between(connection: Connection, since: datetime, until: datetime) -> None:
    """Views `period` and `period_findings`: what lies in that time (UTC, `until` excluded)."""
    bounds = f"\"time\" >= TIMESTAMP '{since:%Y-%m-%d %H:%M:%S}' AND \"time\" < TIMESTAMP '{until:%Y-%m-%d %H:%M:%S}'"
    for view, of in (("period", "events"), ("period_findings", "findings")):
        connection.execute(f"CREATE OR REPLACE VIEW {view} AS SELECT * FROM {of} WHERE {bounds}")  # noqa: S608


def search(connection: Connection, wanted: Wanted, limit: int) -> list[tuple[str, str]]:
    """(log, event as it was written), in the order of time: the last `limit` of them."""
    where, values = wanted.where()
    newest = (
        f'SELECT log, event, "time", seq FROM events WHERE {where} ORDER BY "time" DESC, log DESC, seq DESC LIMIT ?'  # noqa: S608
    )
    found = connection.execute(newest, [*values, limit]).fetchall()
    return [(log, event) for log, event, _, _ in reversed(found)]


class Part(NamedTuple):
    """Of a log what the tables hold without a gap, events `first` to `end` - 1: those that were asked for."""

    first: int = 0
    end: int = 0
    events: Sequence[tuple[int, bytes]] = ()


def part(connection: Connection, log: str, record: str, types: Sequence[str]) -> Part:
    """What names the record or is of these types (`.*`: a family), in order; nothing where there is a gap."""
    bounds = connection.execute("SELECT min(seq), max(seq) + 1, count(*) FROM events WHERE log = ?", [log]).fetchone()
    first, end, held = bounds or (0, 0, 0)
    if not held or held != end - first:
        return Part()
    of_types = " OR ".join(f"type LIKE ${number} ESCAPE chr(92)" for number in range(3, 3 + len(types)))
    numbers = f"SELECT seq FROM events WHERE log = $1 AND (record = $2 OR {of_types})"  # noqa: S608
    wanted = f"SELECT seq, event FROM events WHERE log = $1 AND seq IN ({numbers}) ORDER BY seq"  # noqa: S608
    found = connection.execute(wanted, [log, record, *(_like(each) for each in types)]).fetchall()
    return Part(first, end, [(seq, event.encode()) for seq, event in found])


def count(connection: Connection, wanted: Wanted) -> int:
    where, values = wanted.where()
    return int(connection.execute(f"SELECT count(*) FROM events WHERE {where}", values).fetchone()[0])  # noqa: S608


def ask(connection: Connection, sql: str) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
    """Names of the columns, and the rows. One SELECT. Raises SearchError."""
    engine = duckdb()
    try:
        statements = connection.extract_statements(sql)
        if len(statements) != 1 or statements[0].type != engine.StatementType.SELECT:
            raise SearchError("one SELECT, please: the tables can be read, and nothing else (`SELECT * FROM events`)")
        cursor = connection.execute(statements[0])
        names = [each[0] for each in cursor.description]
        return names, _rows(cursor, engine)
    except engine.Error as error:
        raise SearchError(_said(error)) from error


def _rows(cursor: Connection, engine: Any) -> Iterator[tuple[Any, ...]]:
    try:
        while found := cursor.fetchmany(ROWS):
            yield from found
    except engine.Error as error:
        raise SearchError(_said(error)) from error


def _said(error: Exception) -> str:
    return f"the query: {str(error).strip()}"
