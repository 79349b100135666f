"""What `panlock audit verify --export` says of an export, and of the topics beside it."""

from collections.abc import Mapping, Sequence

from rich.table import Table

from agents.stored import Stored
from cli.output import plain, print_json, print_table, say
from pipeline.audit.compared import Compared
from pipeline.audit.exported import LogReport, verify_export
from pipeline.audit.logs import LogPlace
from pipeline.audit.note import Verifier


def export_reports(url: str, places: Sequence[LogPlace], verifiers: Sequence[Verifier]) -> list[LogReport]:
    """Raises TileError, NoteError, StoreError."""
    return list(verify_export(Stored(url).read, places, verifiers))


def show_export(reports: Sequence[LogReport], beside: Mapping[str, Compared] | None, as_json: bool) -> bool:
    """Whether the export is whole, and the topics, where they were compared, have the same events."""
    whole, events = all(each.wrong is None for each in reports), sum(each.events for each in reports)
    differ = {log: each.differs for log, each in (beside or {}).items() if each.differs is not None}
    beyond = sum(each.beyond for each in (beside or {}).values())
    if as_json:
        told = None if beside is None else {"differ": differ, "beyond": beyond}
        logs = [each._asdict() for each in reports]
        print_json({"ok": whole and not differ, "events": events, "logs": logs, "topics": told})
        return whole and not differ
    table = Table("log", "events", "what")
    for each in reports:
        table.add_row(each.log, str(each.events), plain(each.wrong or "whole"))
    print_table(table)
    say(f"{events} events: the export is {'whole' if whole else 'NOT whole: keep it as it is'}")
    for log, what in differ.items():
        say(f"{log}: {what}: keep both as they are")
    if beside is not None and not differ:
        say(f"the topics hold the same events; {beyond} of theirs are not in the export yet")
    if beside is None:
        say("the topics were not compared: name a configuration (--config) for that")
    return whole and not differ
