"""A look at what the audit holds: some of the events that the sealer reads anyway are scanned for card data.

One of each batch, which nobody can foretell, and one in 512 of the rest. What is found is told in an event of the
sealer's own log, by kind and place and never by content, and again each hour while it goes on.
"""

import logging
import random
from collections.abc import Sequence

from pipeline.audit.events import EventType
from pipeline.audit.leaks import leaks
from pipeline.audit.sealer import Told
from pipeline.audit.verify import Row

log = logging.getLogger(__name__)

ONE_IN = 512  # keeps the scan under a hundredth of what it costs to seal them
HOUR = 3600.0  # seconds between two events about the same place


class Scanning:
    """`scanned`, `found`: events so far."""

    def __init__(self) -> None:
        self.scanned = self.found = 0
        self._told: dict[tuple[str, str, str], float] = {}
        self._chance = random.SystemRandom()

    def look(self, origin: str, records: Sequence[Row], now: float) -> list[Told]:
        """At a batch of one log. `now`: monotonic, in seconds. Never raises, whatever the bytes."""
        told: list[Told] = []
        for at in range(self._chance.randrange(min(ONE_IN, len(records))) if records else 0, len(records), ONE_IN):
            self.scanned += 1
            seen = leaks(records[at].value or b"")
            self.found += bool(seen)
            for kind, path in seen:
                if now - self._told.get((origin, kind, path), -HOUR) < HOUR:
                    continue
                self._told[origin, kind, path] = now
                log.critical(
                    "%s holds card data: %s at %s of the event at offset %d", origin, kind, path, records[at].offset
                )
                resource = {"log": origin, "offset": str(records[at].offset), "place": path}
                told.append((EventType.CARD_DATA_FOUND, {"reason": kind, "resource": resource}))
        return told
