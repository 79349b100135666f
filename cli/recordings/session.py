"""A session put together: what was written, and what the audit says became of it, in the order of time."""

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cli.recordings.asked import shown
from pipeline.recording import Recording

_TOLD = ("actor", "reason", "place", "approval")  # of an event


@dataclass(frozen=True, slots=True)
class Entry:
    """`time` in ms; either a recording, or an event of the audit on the record of one."""

    time: int
    record: str
    recording: Recording | None = None
    event: Mapping[str, Any] | None = None

    @property
    def what(self) -> str:
        return "written" if self.event is None else str(self.event["type"])

    def json(self, begin: int) -> dict[str, Any]:
        """`after`: seconds since the session's first entry."""
        head = {"time": shown(self.time), "after": (self.time - begin) / 1000, "record": self.record, "what": self.what}
        if self.event is not None:
            return {**head, "event": self.event["id"], **{k: self.event[k] for k in _TOLD if k in self.event}}
        assert self.recording is not None  # noqa: S101  # one of the two
        return {**head, **_written(self.recording)}


def session(recordings: Sequence[Recording], events: Iterable[Mapping[str, Any]]) -> list[Entry]:
    """Of events those on one of the recordings' records. A worker's clock may be behind the broker's: an event is not
    told before its record."""
    times = {str(each.record): each.timestamp for each in recordings}
    entries = [Entry(each.timestamp, str(each.record), recording=each) for each in recordings]
    for event in events:
        record = event.get("resource", {}).get("record")
        if record in times and not event["type"].startswith("recording."):
            at = round(datetime.fromisoformat(event["time"]).timestamp() * 1000)
            entries.append(Entry(max(at, times[record]), record, event=event))
    return sorted(entries, key=lambda each: (each.time, each.event is not None))  # stable: a lane's order stays


def _written(recording: Recording) -> dict[str, Any]:
    told: dict[str, Any] = {"principal": recording.principal, "policy": recording.policy}
    if recording.refused is not None:
        return {**told, "refused": recording.refused}
    told |= {"key": _text(recording.key), "value": _text(recording.value)}
    told["headers"] = [[name, _text(content)] for name, content in recording.headers]
    return told if recording.envelope is None else {**told, "envelope": recording.envelope}


def _text(content: bytes | None) -> str | dict[str, str] | None:
    """As text; what is none, as {"base64": …}."""
    try:
        return None if content is None else content.decode()
    except UnicodeDecodeError:
        return {"base64": b64encode(content or b"").decode()}
