"""The audit's tables on this machine, brought up to what is sealed: for search, sql and evidence."""

import asyncio
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, NamedTuple
from urllib.parse import quote

import typer

from agents.search.cache import INDEX, Cache, Coverage
from agents.search.engine import Connection, SearchError
from agents.search.query import tables
from agents.search.source import ExportSource, Source, TopicSource
from agents.stored import Stored
from cli.audit.keys import bundles, kept_bundles, places, verifiers
from cli.config import load_config
from cli.kafka import told
from cli.output import progress, say
from pipeline.policy.bundle import Bundle
from pipeline.policy.topics import AUDIT

DEFAULT = Path.home() / ".cache/panlock/audit"
HOT = 92  # days: three months are at once there, PCI DSS v4.0.1, 10.5.1

ExportOption = Annotated[
    str | None, typer.Option(help="An export to read, offline: DIR, s3://…; default: the topics.", show_default=False)
]
IndexOption = Annotated[
    Path | None,
    typer.Option(
        envvar="PANLOCK_AUDIT_INDEX",
        help="Directory of the tables; default ~/.cache/panlock/audit. It may be deleted: it is made again.",
        show_default=False,
    ),
]
HotOption = Annotated[
    int, typer.Option(min=1, envvar="PANLOCK_AUDIT_HOT", help="Days that the tables hold; older ones are made anew.")
]


class Opened(NamedTuple):
    """`found`: the policies whose keys count, the newest first; `kept`: those that the export holds, too."""

    connection: Connection
    coverage: Coverage
    found: list[Bundle]
    kept: list[Bundle]

    @property
    def policies(self) -> dict[str, Bundle]:
        """By hash, as the audit names them."""
        return {each.hash: each for each in (*self.found, *self.kept)}

    @property
    def code(self) -> int:
        """Exit code: 1 where a log is not what was sealed."""
        return 1 if self.coverage.wrong else 0


def opened(config: Path | None, policy: Path | None, export: str | None, index: Path | None, hot: int) -> Opened:
    """Raises SearchError, and what an export or the topics cannot be read for."""
    settings = None if export is not None and policy is not None and config is None else load_config(config)
    found = bundles(settings, policy)
    since = datetime.now(UTC).date() - timedelta(days=hot)
    directory = index or DEFAULT
    if export is not None:
        store = Stored(export)
        source: Source = ExportSource(store, places(found), verifiers(found))
        made = _opened(source, directory, _name(export), since, found)
        return made._replace(kept=kept_bundles(store))
    settings = settings or load_config(config)
    with told(settings.kafka, f"read {AUDIT}"):
        source = TopicSource(settings.kafka, places(found), verifiers(found))
        return _opened(source, directory, "topics", since, found)


def are_made(export: str, index: Path | None) -> bool:
    """Whether there are tables of that export on this machine."""
    return any((index or DEFAULT).glob(f"*/{_name(export)}/{INDEX}"))


def _name(export: str) -> str:
    return f"export-{quote(export, safe='')}"[:200]


def _opened(source: Source, directory: Path, name: str, since: date, found: list[Bundle]) -> Opened:
    return asyncio.run(_update(source, directory, name, since, found))


async def _update(source: Source, directory: Path, name: str, since: date, found: list[Bundle]) -> Opened:
    await source.open()
    cache = Cache(directory / quote(source.cluster, safe="") / name, since)
    with progress("events") as bar:
        task = bar.add_task("verifying and indexing new events", total=None)
        coverage = await cache.update(source, lambda count: bar.advance(task, count))
    return Opened(tables(cache.files, cache.directory), coverage, found, [])


def tell(coverage: Coverage) -> None:
    """How far what was searched is proven."""
    total = sum(coverage.events.values())
    say(
        f"searched: {total} events of {len(coverage.events)} logs, each verified to be what was sealed, "
        f"as of {coverage.sealed}; days before {coverage.since} are not in the tables (--hot)"
    )
    for log, why in sorted(coverage.wrong.items()):
        count = coverage.events.get(log, 0)
        say(f"{log} is searched as far as event {count} ALONE, the rest is not what was sealed: {why}")


def moment(text: str | None, end: bool = False) -> datetime | None:
    """A day or a time, UTC where no zone is said, or how long ago (`2h`, `15m`, `3d`). `end`: a day is meant whole.
    Raises SearchError."""
    if text is None:
        return None
    if ago := re.fullmatch(r"(\d{1,6})([smhd])", text):
        units = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
        return datetime.now(UTC) - timedelta(**{units[ago[2]]: int(ago[1])})
    try:
        found = datetime.fromisoformat(text)
        whole = timedelta(days=1) if end and re.fullmatch(r"[\d-]{8,10}", text) else timedelta()
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC) + whole
    except (ValueError, OverflowError) as error:
        raise SearchError(
            f"{text[:40]!r} is no time: say 2026-11-24, 2026-11-24T04:08Z, or how long ago, as 2h"
        ) from error
