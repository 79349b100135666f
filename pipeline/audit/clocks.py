"""Do the clocks of the audit agree? Workers, sealer, brokers and the time stamp authority each have their own.

An event says when its worker wrote it, a manifest when its sealer did; the broker adds LogAppendTime, which neither
chooses; the authority says by when a manifest was there. More than a minute between them is told: a wrong clock, or
somebody who dates what was not then. A topic that was copied or restored has other LogAppendTimes: verify its export.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

BOUND = 60.0  # seconds; a transaction takes at most ten
MAX_LISTED = 1_000
_TIME = b'"time":"'


class Timed(Protocol):
    """A record as any client has it; `timestamp`: LogAppendTime, in ms."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def value(self) -> bytes | None: ...


class Skew(NamedTuple):
    """`place`: `<topic>/<partition>/<offset>`, or a manifest's key."""

    place: str
    what: str


class Clocks:
    """Fed with records in order; `found` are the first thousand, `more` how many there were beyond."""

    def __init__(self) -> None:
        self.found: list[Skew] = []
        self.more = 0
        self._appended: dict[str, int] = {}
        self._manifest = ""

    def events(self, log: str, records: Iterable[Timed]) -> None:
        """One event of each batch that the broker took: those of one transaction have one time."""
        last = self._appended.get(log, -1)
        for record in records:
            if record.timestamp != last:
                last = record.timestamp
                self._event(f"{log}/{record.offset}", record.value or b"", last)
        self._appended[log] = last

    def _event(self, place: str, value: bytes, appended: int) -> None:
        start = value.rfind(_TIME) + len(_TIME)  # the event's own comes last of all that have this name
        time = _parse(value[start : value.find(b'"', start)].decode(errors="replace"))
        if time is not None:
            self._compare(place, "the event", time, appended)

    def manifest(self, time: str, appended: int) -> None:
        """In the order of the topic."""
        place, moment = f"manifest/{time}", _parse(time)
        if moment is None:
            return
        if time < self._manifest:
            self._tell(place, f"comes behind manifest/{self._manifest}: the sealer's clock went back")
        self._manifest = max(time, self._manifest)
        self._compare(place, "the manifest", moment, appended)

    def stamp(self, time: str, stamped: datetime) -> None:
        """A manifest may be stamped long after it was made, and not before."""
        moment = _parse(time)
        if moment is not None and (moment - stamped).total_seconds() > BOUND:
            what = f"was stamped at {_shown(stamped)}, before it was made: one of the two clocks is wrong"
            self._tell(f"manifest/{time}", what)

    def _compare(self, place: str, name: str, time: datetime, appended: int) -> None:
        seconds = time.timestamp() - appended / 1000
        if abs(seconds) > BOUND:
            broker = _shown(datetime.fromtimestamp(appended / 1000, UTC))
            side = "ahead of" if seconds > 0 else "behind"
            self._tell(place, f"{name} says {_shown(time)}, {abs(seconds):.0f} s {side} the broker's {broker}")

    def _tell(self, place: str, what: str) -> None:
        if len(self.found) < MAX_LISTED:
            self.found.append(Skew(place, what))
        else:
            self.more += 1


def _parse(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None  # malformed, which is told elsewhere
    return moment if moment.tzinfo is not None else None


def _shown(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
