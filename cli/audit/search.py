"""`panlock audit search`: who did what, when, to which record."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from agents.search.query import Wanted, count
from agents.search.query import search as find
from cli.audit.keys import PolicyOption
from cli.audit.shown import as_object, parts, table
from cli.audit.tables import HOT, ExportOption, HotOption, IndexOption, moment, opened, tell
from cli.config import ConfigOption
from cli.output import JsonOption, print_table, say, write

LIMIT = 200


def search(
    principal: Annotated[str | None, typer.Option(help="Who wrote the record.")] = None,
    person: Annotated[str | None, typer.Option(help="Who decided, approved, or did anything else.")] = None,
    record: Annotated[str | None, typer.Option(help="Record id.")] = None,
    flow: Annotated[str | None, typer.Option(help="Of the record, grant or reveal.")] = None,
    type: Annotated[list[str] | None, typer.Option(help="Event type, or a family: grant.*; repeatable.")] = None,
    outcome: Annotated[str | None, typer.Option(help="released, held or rejected.")] = None,
    from_: Annotated[str | None, typer.Option("--from", help="2026-11-24, 2026-11-24T04:08Z, or 2h ago.")] = None,
    to: Annotated[str | None, typer.Option("--to", help="The same; a day is meant whole.")] = None,
    text: Annotated[str | None, typer.Option(help="Anywhere in the event, as it is written there.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000_000, help="Show the last so many.")] = LIMIT,
    export: ExportOption = None,
    policy: PolicyOption = None,
    index: IndexOption = None,
    hot: HotOption = HOT,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Every event that is all of this. What is searched was verified to be what the sealer sealed.

    Exit 1 where a log is not: then what follows in it is not searched. Events that are not sealed yet: `audit tail`.
    """
    wanted = Wanted(principal, person, record, flow, type or (), outcome, moment(from_), moment(to, end=True), text)
    days = max(hot, _days_since(wanted.since))
    found = opened(config, policy, export, index, days)
    rows = find(found.connection, wanted, limit)
    if as_json:
        for log, event in rows:
            write(as_object(log, event.encode()))
    else:
        shown = table()
        for log, event in rows:
            shown.add_row(*parts(log, event.encode()))
        print_table(shown)
        total = len(rows) if len(rows) < limit else count(found.connection, wanted)
        say(
            f"{total} events" if total == len(rows) else f"the last {len(rows)} of {total} events: say --limit for more"
        )
    tell(found.coverage)
    raise typer.Exit(found.code)


def _days_since(since: datetime | None) -> int:
    return 0 if since is None else (datetime.now(UTC) - since + timedelta(days=1)).days
