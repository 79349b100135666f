"""`panlock audit search` and `sql` over an export: what is found, how far it is proven, and what SQL cannot do."""

# ruff: noqa: E501  # tables

import json
import time
from pathlib import Path

import pytest

from pipeline.audit.events import EventType
from pipeline.policy.topics import AUDIT, SEALER_AUDIT
from tests.exporting import CLUSTER, POLICY, Told, chained, write_export
from tests.inside import inside
from tests.integration.cli_runner import Ended

NOW = time.time_ns() // 1_000_000
DAY = 86_400_000
RECORD = "quarantine.payments.refunds/1/7"


def released(n: int, ms: int = NOW) -> Told:
    record = {"record": f"quarantine.payments.checkout/0/{n}", "sha256": "ef" * 32}
    masking = [{"by": "field", "class": "pan", "key": "k1", "path": "$.card.number", "strategy": "token"}]
    fields = {"actor": {"principal": "checkout"}, "outcome": "released", "resource": record, "masking": masking}
    return EventType.RECORD_RELEASED, ms, fields


LIFE: list[Told] = [
    (EventType.RECORD_HELD, NOW - 5_000, {"actor": {"principal": "refunds"}, "outcome": "held", "reason": "large-refund", "resource": {"record": RECORD}}),
    (EventType.DECISION_ACCEPTED, NOW - 2_000, {"actor": {"person": "Ana@pay.example"}, "reason": "[b]hello[/b] \x1b]0;x\x07", "resource": {"record": RECORD, "decision": "panlock.decisions/1/0"}, "approval": {"decision": "approve", "rule": "large-refund"}}),
    (EventType.RECORD_RELEASED, NOW - 1_000, {"actor": {"principal": "refunds"}, "outcome": "released", "resource": {"record": RECORD}, "approval": {"rule": "large-refund", "people": ["ana@pay.example"]}, "masking_more": {"pan": 4}}),
]  # fmt: skip
LOGS = {
    (AUDIT, 0): chained(0, [released(0, NOW - 200 * DAY), *(released(n) for n in range(1, 300))]),
    (AUDIT, 1): chained(1, LIFE),
    (SEALER_AUDIT, 0): chained(0, [(EventType.SEALER_STARTED, NOW, {"actor": {"sealer": "s"}})], SEALER_AUDIT),
}


class Place:
    def __init__(self, directory: Path) -> None:
        self.export, self.index, self.policy = directory / "export", directory / "index", directory / "policy.yaml"
        self.policy.write_text(POLICY)

    def write(self, logs: dict[tuple[str, int], list[bytes]]) -> None:
        write_export(self.export, logs, "2026-11-24T04:08:00.123Z")

    def __call__(self, command: str, *arguments: str) -> Ended:
        places = "--export", str(self.export), "--policy", str(self.policy), "--index", str(self.index)
        return inside("audit", command, *arguments, *places)

    def found(self, *arguments: str) -> list[str]:
        """Ids, each with its log."""
        ended = self("search", *arguments, "--json")
        assert ended.code == 0, ended.err
        lines = [json.loads(each) for each in ended.out.splitlines()]
        return [f"{each['log'].split('/')[0]} {each['event']['id']}" for each in lines]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    made.write(LOGS)
    return made


def test_events_are_found_by_each_thing_one_knows_of_them(place: Place) -> None:
    held, decided, out = (f"{AUDIT} 1/{n}" for n in range(3))
    assert place.found("--record", RECORD) == [held, decided, out]
    assert place.found("--person", "ana@pay.example") == [decided, out]
    assert place.found("--principal", "refunds", "--outcome", "held") == [held]
    assert place.found("--type", "decision.*", "--type", "sealer.started") == [decided, f"{SEALER_AUDIT} 0/0"]
    assert place.found("--text", "hello") == [decided]
    assert place.found("--flow", "payments", "--from", "1h", "--principal", "refunds") == [held, out]
    assert place.found("--flow", "payments", "--limit", "2")[-1] == f"{AUDIT} 0/299"
    assert place.found("--to", "2020-01-01") == []


def test_what_is_searched_is_told_and_text_of_others_is_not_obeyed(place: Place) -> None:
    ended = place("search", "--record", RECORD)
    assert "304 events of 3 logs, each verified to be what was sealed, as of 2026-11-24T04:08:00.123Z" in ended.err
    assert "[b]hello[/b] \\x1b]0;x\\x07" in ended.out


def test_days_before_the_hot_window_are_verified_not_kept_and_made_again_when_asked_for(place: Place) -> None:
    assert "0/0" not in " ".join(place.found("--principal", "checkout", "--limit", "1000"))
    assert place.found("--from", "300d", "--to", "100d") == [f"{AUDIT} 0/0"]
    assert len(list(place.index.rglob("*.parquet"))) == 4
    assert place.found("--to", "100d") == []
    assert len(list(place.index.rglob("*.parquet"))) == 3


def test_an_index_goes_on_where_it_was_and_a_day_of_many_updates_is_one_file(place: Place) -> None:
    events = chained(0, [released(n) for n in range(22)], every=2)
    for count in range(2, 22, 2):
        place.write({(AUDIT, 0): events[:count]})
        assert len(place.found("--limit", "100")) == count
    assert len(list(place.index.rglob("*.parquet"))) == 2  # after nine they were made one


def test_a_log_that_is_not_what_was_sealed_is_searched_as_far_as_it_was_proven_and_that_is_told(place: Place) -> None:
    place.found("--record", RECORD)
    grown = {**LOGS, (AUDIT, 1): chained(1, [*LIFE, released(9), released(10)])}
    place.write(grown)
    bundle = place.export / AUDIT / "1/tile/entries/000.p/5"
    bundle.write_bytes(bundle.read_bytes().replace(b"checkout/0/9", b"checkout/0/8"))
    ended = place("search", "--type", "record.*", "--json", "--limit", "1000")
    assert ended.code == 1
    assert f"{CLUSTER}/{AUDIT}/1 is searched as far as event 3 ALONE" in ended.err
    assert ended.out.count("\n") == 299 + 2


def test_a_changed_export_is_found_before_anything_of_it_is_searched(place: Place) -> None:
    bundle = place.export / AUDIT / "0/tile/entries/000"
    bundle.write_bytes(bundle.read_bytes().replace(b'"released"', b'"rejected"', 1))
    ended = place("search", "--json")
    assert ended.code == 1 and ended.out.count("\n") == 4


def test_sql_answers_over_both_views(place: Place) -> None:
    ended = place("sql", "SELECT class, sum(places)::BIGINT AS n FROM findings GROUP BY 1", "--json")
    assert ended.json == {"class": "pan", "n": 299 + 4}
    ended = place(
        "sql", "SELECT '[red]x' AS \"[b]\", 1.5::DECIMAL(4,2) AS d, people FROM events WHERE people IS NOT NULL"
    )
    assert "[b]" in ended.out and "[red]x" in ended.out and "1.50" in ended.out


@pytest.mark.parametrize(
    "query",
    [
        "COPY events TO '{0}/x.csv'", "SELECT * FROM read_text('/etc/hostname')", "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM 'https://example.com/x.parquet'", "ATTACH '{0}/x.db'", "INSTALL httpfs",
        "SET enable_external_access = true", "SELECT 1; DROP VIEW events", "EXPLAIN ANALYZE COPY events TO '{0}/x.csv'",
        "CREATE TABLE t AS SELECT 1", "SELEC", "SELECT nothing FROM events", "SELECT 'a'::INTEGER", "",
    ],
)  # fmt: skip
def test_sql_reads_the_tables_and_nothing_else(place: Place, tmp_path: Path, query: str) -> None:
    ended = place("sql", query.format(tmp_path))
    assert (ended.code, ended.out) == (2, "")
    assert "one SELECT" in ended.err or "the query:" in ended.err
    assert not list(tmp_path.glob("x.*"))


def test_a_time_that_is_none_and_a_damaged_index_are_told(place: Place) -> None:
    assert "is no time" in place("search", "--from", "yesterday").err
    place.found()
    (index,) = place.index.rglob("index.json")
    index.write_text("{")
    ended = place("search")
    assert ended.code == 2 and "is damaged: delete" in ended.err


def test_a_proof_reads_of_the_export_what_the_tables_do_not_hold(place: Place) -> None:
    """They hold lane 0 from event 1 on: event 0 is older than the hot window."""
    record = released(280)[2]["resource"]["record"]
    ended = place("prove", record)
    assert ended.code == 0, ended.err
    place.found()
    (place.export / AUDIT / "0/tile/entries/001.p/44").rename(place.export / "away")
    proven = place("prove", record)
    assert (proven.code, json.loads(proven.out)["events"]) == (0, json.loads(ended.out)["events"]), proven.err
    (place.export / AUDIT / "0/tile/entries/000").unlink()
    assert "entries/000 is not there" in place("prove", record).err
