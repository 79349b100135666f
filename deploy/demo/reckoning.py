"""What went in against what came out: every record exactly one end, everything released once and in order."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from rich.table import Table

from deploy.demo.told import expect
from pipeline.record import RecordId

RELEASED = "released"
Event = Mapping[str, Any]


class Clean(NamedTuple):
    """A record of the clean topic, in the order it was read."""

    id: str
    record: str
    principal: str
    waited: bool


@dataclass(frozen=True, slots=True)
class Batch:
    """Records that were written, by their `id`s, and how they are to end: released, or rejected for this reason.

    `written` counts what has no readable id.
    """

    what: str
    principal: str
    client: str
    ids: Sequence[str]
    outcome: str = RELEASED
    held: int = 0
    written: int = 0

    @property
    def count(self) -> int:
        return self.written or len(self.ids)


class Row(NamedTuple):
    """How a batch ended."""

    batch: Batch
    released: int
    rejected: int


def ended(events: Iterable[Event]) -> dict[str, str]:
    """Record id → released, or the reason of its rejection. Raises NotAsToldError for one that ended twice."""
    found: dict[str, str] = {}
    for event in events:
        if event["type"] in ("record.released", "record.rejected"):
            record = event["resource"]["record"]
            expect(record not in found, f"{record} ended twice: {found.get(record)}, then {event['type']}")
            found[record] = event.get("reason") or RELEASED
    return found


def check_whole(ends: Mapping[str, Mapping[int, int]], outcomes: Mapping[str, str], clean: Sequence[Clean]) -> None:
    """Every record of each quarantine topic has an end, and the clean topic holds exactly what was released.

    `ends`: topic → partition → end offset. Raises NotAsToldError.
    """
    written = {
        str(RecordId(topic, partition, offset))
        for topic, partitions in ends.items()
        for partition, end in partitions.items()
        for offset in range(end)
    }
    expect(written == set(outcomes), f"these records have no end, or were never written: {written ^ set(outcomes)}")
    times = Counter(each.record for each in clean)
    doubled = [record for record, count in times.items() if count > 1]
    expect(not doubled, f"released more than once: {doubled}")
    released = {record for record, outcome in outcomes.items() if outcome == RELEASED}
    expect(set(times) == released, f"clean topic and audit differ about: {set(times) ^ released}")
    for each in clean:
        owner = RecordId.parse(each.record).topic.rsplit(".", 1)[1]
        expect(each.principal == owner, f"{each.record} says it is of {each.principal}")
    check_order(clean)


def check_order(clean: Iterable[Clean]) -> None:
    """In a quarantine partition's order, but for what waited behind a hold. Raises NotAsToldError."""
    last: dict[tuple[str, int], int] = {}
    for each in clean:
        topic, partition, offset = RecordId.parse(each.record)
        if each.waited:
            continue
        expect(offset > last.get((topic, partition), -1), f"{each.record} came after a later one")
        last[topic, partition] = offset


def rows(batches: Iterable[Batch], outcomes: Mapping[str, str], clean: Sequence[Clean]) -> list[Row]:
    """Raises NotAsToldError for a batch that did not end as it should, all of it."""
    seen = Counter(each.id for each in clean)
    reasons = Counter((RecordId.parse(record).topic.rsplit(".", 1)[1], end) for record, end in outcomes.items())
    found = []
    for batch in batches:
        released = sum(seen[name] for name in batch.ids)
        rejected = 0 if batch.outcome == RELEASED else reasons[batch.principal, batch.outcome]
        expect(
            (released, rejected) == ((batch.count, 0) if batch.outcome == RELEASED else (0, batch.count)),
            f"{batch.what}: {batch.count} written, {released} released, {rejected} rejected, not all {batch.outcome}",
        )
        found.append(Row(batch, released, rejected))
    return found


def table(found: Sequence[Row], refused: Batch) -> Table:
    """`refused`: what the broker did not let in."""
    shown = Table(title="What went in, and what came out")
    shown.add_column("what", overflow="fold")
    shown.add_column("written by", overflow="fold")
    for name in ("in", "held", "released", "rejected"):
        shown.add_column(name, justify="right")
    shown.add_column("why", overflow="fold")
    for batch, released, rejected in found:
        numbers = (batch.count, batch.held, released, rejected)
        why = "" if batch.outcome == RELEASED else batch.outcome
        shown.add_row(batch.what, f"{batch.principal}, {batch.client}", *(str(each or "") for each in numbers), why)
    shown.add_row(refused.what, f"{refused.principal}, {refused.client}", "0", "", "", "", refused.outcome)
    shown.add_section()
    numbers = (
        sum(row.batch.count for row in found),
        sum(row.batch.held for row in found),
        sum(row.released for row in found),
        sum(row.rejected for row in found),
    )
    shown.add_row("all of it", "", *map(str, numbers), "", style="bold")
    return shown
