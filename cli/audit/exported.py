"""What `panlock audit verify --export` says of an export."""

from collections.abc import Sequence

from rich.table import Table

from agents.stored import Stored
from cli.output import plain, print_json, print_table, say
from pipeline.audit.exported import verify_export
from pipeline.audit.logs import LogPlace
from pipeline.audit.note import Verifier


def show_export(url: str, places: Sequence[LogPlace], verifiers: Sequence[Verifier], as_json: bool) -> bool:
    """Whether it is whole. Raises TileError, NoteError, StoreError."""
    reports = list(verify_export(Stored(url).read, places, verifiers))
    ok, events = all(each.wrong is None for each in reports), sum(each.events for each in reports)
    if as_json:
        print_json({"ok": ok, "events": events, "logs": [each._asdict() for each in reports]})
        return ok
    table = Table("log", "events", "what")
    for each in reports:
        table.add_row(each.log, str(each.events), plain(each.wrong or "whole"))
    print_table(table)
    say(f"{events} events: the export is {'whole' if ok else 'NOT whole: keep it as it is'}")
    return ok
