"""Who can have read a record: whoever fetched from its topic after it was released, and nobody else."""

from typing import Any

import orjson

from pipeline.audit.access.reads import Asked, Reads
from pipeline.audit.events import timestamp
from pipeline.policy import parse_policy

POLICY = parse_policy(
    """
version: 1
principals:
  checkout: {spiffe: spiffe://pay.example/checkout}
flows:
  payments: {producers: [checkout], consumers: [ledger], partitions: 2}
""",
    "policy.yaml",
)
MINUTE = 60_000


def clock(minute: float) -> str:
    return timestamp(round(minute * MINUTE)).decode()


def read(minute: int, principal: str = "ledger", times: int = 3, **resource: str) -> bytes:
    """In the window that ends at that minute."""
    access = {"node": "1/broker", "count": times, "from": clock(minute - 1), "to": clock(minute)}
    resource = {"topic": "clean.payments", "holds": "clean", **resource}
    actor = {"principal": principal, "host": "10.0.0.7"}
    return orjson.dumps({"type": "access.read", "actor": actor, "resource": resource, "access": access})


def about(type_: str, start: float, end: float) -> bytes:
    coverage = {"node": "1/broker", "from": clock(start), "to": clock(end)}
    return orjson.dumps({"type": type_, "coverage": coverage})


def released(offset: int, **more: Any) -> bytes:
    record = f"quarantine.payments.checkout/0/{offset}"
    return orjson.dumps({"type": "record.released", "id": f"0/{offset}", "resource": {"record": record}, **more})


def joined(asked: Asked, accesses: list[bytes], releases: list[tuple[bytes, float]]) -> dict[str, Any]:
    reads = Reads(POLICY, asked)
    for access in accesses:
        reads.access(access)
    for event, minute in releases:
        reads.lane(event, round(minute * MINUTE))
    return reads.json()


def test_a_record_can_have_been_read_from_the_first_window_that_ends_after_its_release() -> None:
    accesses = [read(5), read(6), read(7), read(5, "reports")]
    found = joined(Asked(0, 10 * MINUTE), accesses, [(released(0, approval={"people": ["ana"]}), 5.5)])
    record = found["records"][0]
    assert record["approved_by"] == ["ana"] and record["event"] == "0/0"
    assert record["readers"] == [{"principal": "ledger", "since": clock(5.5), "fetches": 6}]
    ledger, reports = found["reads"]
    assert (ledger["fetches"], ledger["records"], reports["records"]) == (9, 1, 0)


def test_a_window_that_ends_at_the_release_counts_and_one_before_does_not() -> None:
    for minute, readers in ((5.0, 1), (5.001, 0)):
        found = joined(Asked(0, 10 * MINUTE), [read(5)], [(released(0), minute)])
        assert len(found["records"][0]["readers"]) == readers


def test_what_is_asked_for_narrows_reads_and_records() -> None:
    accesses = [read(5), read(5, "reports"), read(5, topic="clean.other")]
    releases = [(released(0), 1.0), (released(1), 2.0), (released(2), 9.0)]
    found = joined(Asked(2 * MINUTE, 8 * MINUTE, principal="ledger", topic="clean.payments"), accesses, releases)
    assert [each["principal"] for each in found["reads"]] == ["ledger"]
    assert [each["event"] for each in found["records"]] == ["0/1"] and found["older"] == {"clean.payments": 1}
    one = joined(Asked(5 * MINUTE, 8 * MINUTE, record="quarantine.payments.checkout/0/0"), accesses, releases)
    assert [each["event"] for each in one["records"]] == ["0/0"] and one["older"] == {}


def test_time_that_nobody_knows_of_is_told() -> None:
    accesses = [about("access.covered", 0, 1), about("access.covered", 1, 6), about("access.gap", 2, 3), b"{}"]
    found = joined(Asked(0, 10 * MINUTE), accesses, [])
    assert found["covered"] == {"1/broker": {"from": clock(0), "to": clock(6)}}
    assert [each["type"] for each in found["unknown"]] == ["access.gap", "malformed"]
    assert joined(Asked(4 * MINUTE, 10 * MINUTE), accesses[:3], [])["unknown"] == []


def test_reads_of_other_topics_and_events_that_are_none_are_left_out() -> None:
    found = joined(
        Asked(0, 10 * MINUTE),
        [read(5, holds="quarantine")],
        [(b'{"type":"record.released"}', 1.0), (b'"type":"record.released"', 1.0), (b"{}", 1.0)],
    )
    assert found["reads"] == [] and found["records"] == []
