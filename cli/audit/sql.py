"""`panlock audit sql`: any question, in SQL."""

from typing import Annotated

import typer
from rich.table import Column, Table

from agents.search.query import ask
from cli.audit.keys import PolicyOption
from cli.audit.tables import HOT, ExportOption, HotOption, IndexOption, opened, tell
from cli.config import ConfigOption
from cli.output import JsonOption, plain, print_json_lines, print_table, say

SHOWN = 1_000  # rows of a table; --json has all


def sql(
    query: Annotated[str, typer.Argument(help="One SELECT over the views `events` and `findings` (DuckDB's SQL).")],
    export: ExportOption = None,
    policy: PolicyOption = None,
    index: IndexOption = None,
    hot: HotOption = HOT,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask the audit's tables. They can be read, and nothing else: no file, no network, no setting.

    `DESCRIBE events` tells the columns. Exit 1 where a log is not what was sealed.
    """
    found = opened(config, policy, export, index, hot)
    names, rows = ask(found.connection, query)
    if as_json:
        print_json_lines({name: _plain(value) for name, value in zip(names, row, strict=True)} for row in rows)
    else:
        shown, count = Table(*(Column(plain(name)) for name in names)), 0
        for count, row in enumerate(rows, 1):
            if count <= SHOWN:
                shown.add_row(*(plain("" if value is None else value) for value in row))
        print_table(shown)
        say(f"{count} rows" if count <= SHOWN else f"the first {SHOWN} of {count} rows: --json has all")
    tell(found.coverage)
    raise typer.Exit(found.code)


def _plain(value: object) -> object:
    """As JSON can say it."""
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
