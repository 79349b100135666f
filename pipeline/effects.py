"""What a batch comes to: a value, which the lane carries out in one Kafka transaction and then one WriteBatch."""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from pipeline.audit.events import EventType
from pipeline.record import Headers, Refusal


class Out(NamedTuple):
    """A record to write; `timestamp` in milliseconds."""

    key: bytes | None
    value: bytes | None
    timestamp: int
    headers: Headers = ()


@dataclass(slots=True)
class Effects:
    """Records to send by (topic, partition), and changes of the lane's state, which are its changelog's too.

    `ticked`: a tick is among the sends; `reopen`: the lane is to seek its inputs anew.
    For status and metrics: `outcomes` counts (flow, outcome, reason), `events` what the audit is told, `refusals` why
    decisions did not count.
    """

    sends: dict[tuple[str, int], list[Out]] = field(default_factory=dict)
    changes: dict[bytes, bytes | None] = field(default_factory=dict)
    ticked: bool = False
    reopen: bool = False
    outcomes: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    events: Counter[EventType] = field(default_factory=Counter)
    refusals: Counter[Refusal] = field(default_factory=Counter)

    def send(self, topic: str, partition: int, out: Out) -> None:
        self.sends.setdefault((topic, partition), []).append(out)
