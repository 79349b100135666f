"""Where `panlock audit reconcile` begins to read the audit, once retention has cut the clean topics."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import pytest

from cli.audit.reconcile import SKEW_MS, begin
from cli.reading import Log

AUDIT = Log("panlock.audit", {0: 0}, {0: 1000})


class Record(NamedTuple):
    partition: int
    timestamp: int


@dataclass
class Reader:
    """Of a broker whose clean topic begins with these records."""

    records: list[Record]
    asked: int | None = None

    async def read(self, log: Log) -> AsyncIterator[list[Record]]:
        yield [record for record in self.records if record.partition in log.starts]

    async def since(self, log: Log, ms: int) -> Log:
        self.asked = ms
        return replace(log, starts={0: 500})


def asked(records: list[Record], *clean: Log) -> int | None:
    reader = Reader(records)
    found = asyncio.run(begin(reader, AUDIT, clean))  # type: ignore[arg-type]  # what it asks of one
    assert found.starts[0] == (0 if reader.asked is None else 500)
    return reader.asked


def test_it_begins_before_the_earliest_of_what_the_cut_logs_begin_with() -> None:
    records = [Record(0, SKEW_MS + 70), Record(1, SKEW_MS + 90), Record(1, SKEW_MS + 60), Record(2, 0)]
    unused = Log("clean", {0: 5, 1: 7, 2: 0}, {0: 50, 1: 70, 2: 0})
    assert asked(records, unused) == 60
    assert asked([Record(0, 5)], Log("clean", {0: 5}, {0: 9})) == 0


@pytest.mark.parametrize(
    "clean",
    [
        Log("clean", {0: 0, 1: 7}, {0: 50, 1: 70}),  # 0 was never cut: anything may be missing there
        Log("clean", {0: 0, 1: 0}, {0: 0, 1: 0}),  # never used, or recreated
        Log("clean", {0: 5, 3: 7}, {0: 50, 3: 70}),  # 3 begins with nothing that says a time
    ],
)
def test_it_begins_at_the_start_where_a_log_is_not_cut_or_says_no_time(clean: Log) -> None:
    assert asked([Record(0, SKEW_MS + 70), Record(1, SKEW_MS + 90)], clean) is None


def test_logs_that_were_emptied_say_nothing_and_need_nothing() -> None:
    cut = Log("clean", {0: 5, 1: 7}, {0: 50, 1: 7})
    assert asked([Record(0, SKEW_MS + 70)], cut) == 70
