"""An authorizer's log as a source: every line once, over restarts and rotations."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agents.broker_audit.log_file import LogFile, LogFileError
from pipeline.audit.access import log_line
from pipeline.audit.access.auditor import Auditor
from pipeline.audit.access.log_line import counted
from pipeline.audit.access.report import Access
from pipeline.audit.access.rules import Rules
from pipeline.audit.events import Chain, timestamp
from pipeline.audit.verify import read_event

RULES = Rules({"payments": "clean"}, (), ())


def line(
    verdict: str = "Denied",
    operation: str = "READ",
    request: str = "Fetch",
    resource: str = "Topic:LITERAL:payments",
    principal: str = "User:ledger",
) -> str:
    """As Kafka 4.3 writes it."""
    return (
        f"[2026-11-24 22:38:18,048] INFO Principal = {principal} is {verdict} operation = {operation} from host = "
        f"10.0.0.7 on resource = {resource} for request = {request} with resourceRefCount = 1 based on rule Deny "
        "(kafka.authorizer.logger)\n"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (line(), Access("User:ledger", "10.0.0.7", "TOPIC", "payments", "READ", "FETCH", False, 1)),
        (line("Allowed"), Access("User:ledger", "10.0.0.7", "TOPIC", "payments", "READ", "FETCH", True, 1)),
        (
            line("Allowed", request="ShareFetch"),
            Access("User:ledger", "10.0.0.7", "TOPIC", "payments", "READ", "SHARE_FETCH", True, 1),
        ),
        (
            line("Allowed", "WRITE", "Produce"),
            Access("User:ledger", "10.0.0.7", "TOPIC", "payments", "WRITE", "PRODUCE", True, 1),
        ),
        (
            line("Denied", "DESCRIBE", "Metadata", "Topic:LITERAL:a b"),
            Access("User:ledger", "10.0.0.7", "TOPIC", "a b", "DESCRIBE", "METADATA", False, 1),
        ),
        (
            line("Allowed", "ALTER", "CreateAcls", "Cluster:LITERAL:kafka-cluster"),
            Access("User:ledger", "10.0.0.7", "CLUSTER", "kafka-cluster", "ALTER", "CREATE_ACLS", True, 1),
        ),
    ],
)
def test_a_line_is_what_the_authorizer_would_have_counted(text: str, expected: Access) -> None:
    assert counted([text, text])[0] == [expected._replace(times=2)]


@pytest.mark.parametrize(
    "text",
    [
        line("Allowed", request="OffsetCommit"),
        line("Allowed", "DESCRIBE", "Metadata"),
        line("Allowed", "WRITE", "AddPartitionsToTxn"),
        line("Allowed", "READ", "JoinGroup", "Group:LITERAL:ledger"),
        "[2026-11-24 22:38:18,048] INFO something else\n",
        "",
    ],
)
def test_what_moves_no_record_is_passed_over(text: str) -> None:
    assert counted([text])[0] == []


def test_beyond_the_bound_there_is_a_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_line, "BOUND", 2)
    found, beyond = counted([line(resource=f"Topic:LITERAL:t{n}") for n in (0, 1, 2, 3, 0)] + [line("Allowed")])
    assert [(each.name, each.times) for each in found] == [("payments", 1), ("t0", 2), ("t1", 1)]
    assert (beyond.denied, beyond.allowed) == (2, 0)


class Reading:
    """A log, an auditor, and what it told; `again` starts over with what the log of events says."""

    def __init__(self, path: Path, events: Sequence[dict[str, Any]] = ()) -> None:
        self.file, self.auditor, self.path = LogFile(3, path, "c"), Auditor(RULES), path
        self.events = list(events)
        self.file.remember(events)
        for event in events:
            self.auditor.remember(event)

    def look(self, now: int) -> None:
        for report, where in self.file.look(self.auditor.nodes.get("3/log"), now):
            self.auditor.take(report, where, report.to)
        chain = Chain(0, "ab" * 32)
        for each in self.auditor.told:
            self.events.append(read_event_of(chain, each))
        self.auditor.told = []

    def again(self) -> "Reading":
        return Reading(self.path, self.events)

    def times(self) -> int:
        return sum(event["access"]["count"] for event in self.events if event["type"] == "access.denied")

    def types(self) -> list[str]:
        return [event["type"] for event in self.events]


def read_event_of(chain: Chain, each: Any) -> dict[str, Any]:
    key, event = chain.event(each.type, timestamp(each.time), **each.fields)
    return read_event(0, key, event)


def test_each_line_counts_once_over_restarts_and_half_a_line_waits(tmp_path: Path) -> None:
    path = tmp_path / "kafka-authorizer.log"
    path.write_text(line() + line()[:40])
    reading = Reading(path)
    reading.look(60_000)
    assert reading.times() == 1
    with path.open("a") as file:
        file.write(line()[40:] + line())
    reading = reading.again()
    reading.look(120_000)
    reading.look(180_000)
    assert reading.times() == 3
    reading = reading.again()
    reading.look(240_000)
    assert reading.times() == 3 and reading.types().count("access.covered") == 4
    assert "access.gap" not in reading.types() and "access.refused" not in reading.types()


def test_the_rest_of_a_rotated_file_is_read_and_one_that_is_gone_is_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "kafka-authorizer.log"
    path.write_text(line())
    reading = Reading(path)
    reading.look(60_000)
    with path.open("a") as file:
        file.write(line() * 2)
    path.rename(tmp_path / "kafka-authorizer.log.2026-11-24")
    path.write_text(line(principal="User:other"))
    reading = reading.again()
    reading.look(120_000)
    assert reading.times() == 4
    assert "access.gap" not in reading.types()
    path.write_text(line(principal="User:third"))
    reading.look(180_000)
    assert reading.times() == 5 and reading.types().count("access.gap") == 1


def test_more_accesses_than_a_report_takes_come_in_several(tmp_path: Path) -> None:
    path = tmp_path / "kafka-authorizer.log"
    path.write_text("".join(line(resource=f"Topic:LITERAL:t{n}") for n in range(1_001)))
    reading = Reading(path)
    reading.look(60_000)
    assert reading.times() == 1_001 and reading.types().count("access.covered") == 2
    assert reading.auditor.nodes["3/log"].due == 2


def test_a_log_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(LogFileError, match="name the file of kafka"):
        list(LogFile(3, tmp_path / "none", "c").look(None, 0))
