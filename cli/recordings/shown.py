"""A session on a terminal: each entry with the seconds since the first, coloured by what happened."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text

from cli.output import plain, show
from cli.preview import value_text
from cli.recordings.asked import shown
from cli.recordings.session import Entry
from pipeline.recording import Recording

_STYLES = {
    "written": "bold",
    "record.released": "green",
    "record.held": "yellow",
    "record.rejected": "red",
    "decision.accepted": "cyan",
    "decision.refused": "red",
}
_INDENT = " " * 14


def print_session(entries: Sequence[Entry]) -> None:
    """Raises OutputClosedError."""
    begin = entries[0].time
    show(plain(f"from {shown(begin)}"))
    for each in entries:
        after = f"+{(each.time - begin) / 1000:.3f} s"
        what = (each.what, _STYLES.get(each.what, "magenta"))
        show(Text.assemble(f"{after:>12}  ", what, "  ", plain(each.record)))
        lines = _of_event(each.event) if each.event is not None else _of_recording(each.recording)
        for line in lines:
            show(plain(_INDENT + line))


def _of_event(event: Mapping[str, Any]) -> list[str]:
    actor, reason = event.get("actor", {}), event.get("reason")
    person, rule = actor.get("person"), event.get("approval", {})
    told = [f"by {person}"] if person else []
    told += [str(rule["decision"])] if "decision" in rule else []
    told += [f"rule {rule['rule']}"] if "rule" in rule else []
    told += [f"people: {', '.join(rule['people'])}"] if rule.get("people") else []
    told += [f"reason: {reason}"] if reason else []
    return [", ".join(told)] if told else []


def _of_recording(recording: Recording | None) -> list[str]:
    if recording is None:
        return []
    if recording.refused is not None:
        told = ", ".join(f"{name} {value}" for name, value in recording.refused.items())
        return [f"by {recording.principal}, not masked and not kept: {told}"]
    key = "no key" if recording.key is None else f"key {value_text(recording.key)}"
    headers = [f"{name}: {'null' if content is None else value_text(content)}" for name, content in recording.headers]
    value = ["tombstone"] if recording.value is None else value_text(recording.value).splitlines()
    return [f"by {recording.principal}, {key}", *headers, *value]
