"""An event as a line for people: when, which, what, who, of what, and how it ended."""

from datetime import datetime
from typing import Any

import orjson
from rich.table import Table
from rich.text import Text

from cli.output import plain
from pipeline.audit.events import EventType
from pipeline.policy.topics import AUDIT

ALARMS = {
    EventType.RECORDS_LOST, EventType.TOPIC_RECREATED, EventType.STORE_CORRUPT, EventType.LOG_REFUSED,
    EventType.BREAK_GLASS_USED, EventType.WITNESS_REFUSED, EventType.CARD_DATA_FOUND,
}  # fmt: skip
_STYLES = {"released": "green", "held": "yellow", "rejected": "red"}
HEAD = ("time", "event", "type", "who", "of what", "how")
_WIDTHS = (23, 12, 22, 24, 44)


def parts(log: str, event: bytes) -> list[Text]:
    """Cells in the order of HEAD. Never raises: what is no event is shown as it is."""
    try:
        read = orjson.loads(event)
        cells = [_time(read), _id(log, read), str(read["type"]), _who(read), _what(read), _how(read)]
    except (ValueError, KeyError, TypeError, AttributeError):
        return [plain(each) for each in ("", log, "not an event", "", "", event[:200].decode(errors="replace"))]
    shown = [plain(each) for each in cells]
    style = "bold red" if read["type"] in ALARMS else _STYLES.get(str(read.get("outcome")), "cyan")
    shown[2].stylize(style)
    return shown


def line(log: str, event: bytes) -> Text:
    """In columns that fit while nobody knows what comes."""
    cells = parts(log, event)
    for cell, width in zip(cells, _WIDTHS, strict=False):
        cell.pad_right(max(0, width - cell.cell_len))
    told = Text(" ").join(cells)
    told.rstrip()
    return told


def table() -> Table:
    return Table(*HEAD)


def as_object(log: str, event: bytes) -> bytes:
    """One line of --json: {"log":"panlock.audit/3","event":{…}}, the event byte for byte as it was written."""
    return b'{"log":%b,"event":%b}\n' % (orjson.dumps(log), event)


def _time(event: dict[str, Any]) -> str:
    return datetime.fromisoformat(event["time"]).strftime("%Y-%m-%d %H:%M:%S.%f")[:23]


def _id(log: str, event: dict[str, Any]) -> str:
    """Other emitters than workers are named, for each counts from 0."""
    emitter = log.partition("/")[0].removeprefix(AUDIT).removeprefix(".")
    return f"{emitter} {event['id']}".strip()


def _who(event: dict[str, Any]) -> str:
    actor = event.get("actor") or {}
    found = (actor.get(name) for name in ("person", "principal", "worker", "sealer"))
    return str(next((each for each in found if each), ""))


def _what(event: dict[str, Any]) -> str:
    resource = event.get("resource") or {}
    found = (resource.get(name) for name in ("record", "topic", "flow", "decision", "log", "grant"))
    return str(next((each for each in found if each), ""))


def _how(event: dict[str, Any]) -> str:
    decision = (event.get("approval") or {}).get("decision")
    return ": ".join(str(each) for each in (decision or event.get("outcome"), event.get("reason")) if each)
