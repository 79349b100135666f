"""A replay finds every way a log can be wrong, and nothing in one that is right."""

import json
from typing import NamedTuple

import pytest

from pipeline.audit.events import Chain, EventType, timestamp
from pipeline.audit.verify import MAX_LISTED, Report, Verifier

NOW = timestamp(0)


class Row(NamedTuple):
    offset: int
    key: bytes | None
    value: bytes | None


Log = list[tuple[bytes | None, bytes | None]]


def chain(lane: int, events: int) -> Log:
    """An untouched partition of the audit topic."""
    made = Chain(lane, "ab" * 32)
    return [made.event(EventType.RECORD_RELEASED, NOW, resource={"record": f"q.a.b/{lane}/{n}"}) for n in range(events)]


def replay(*logs: Log, start: int = 0, lanes: int | None = None) -> Report:
    """`start`: log start offset of every partition; the logs are what is there from it on."""
    verifier = Verifier(len(logs) if lanes is None else lanes)
    verifier.first_offsets(dict.fromkeys(range(len(logs)), start))
    for partition, log in enumerate(logs):
        rows = [Row(start + offset, key, value) for offset, (key, value) in enumerate(log)]
        verifier.add_all(partition, rows[:2])  # however they come
        verifier.add_all(partition, rows[2:])
    return verifier.report()


def found(report: Report) -> dict[str, list[tuple[int, int]]]:
    kinds = ("gaps", "breaks", "repeated", "tombstones")
    assert not report.ok
    return {
        kind: [(each["lane"], each["seq"]) for each in report.json()[kind]] for kind in kinds if report.json()[kind]
    }


def altered(event: bytes, **changes: object) -> bytes:
    return json.dumps({**json.loads(event), **changes}, sort_keys=True, separators=(",", ":")).encode()


def test_an_untouched_log_is_whole() -> None:
    report = replay(chain(0, 5), chain(1, 1), chain(2, 9))
    assert report.json() == {
        "ok": True, "events": 15, "signatures": None, "sealed": None, "lanes": {"expected": 3, "present": 3},
        "gaps": [], "breaks": [], "repeated": [], "tombstones": [], "unsigned": [], "seals": [],
    }  # fmt: skip


def test_a_lane_without_events_is_missing() -> None:
    report = replay(chain(0, 2), [], lanes=3)
    assert report.json()["lanes"] == {"expected": 3, "present": 1}
    assert found(report) == {"gaps": [(1, 0), (2, 0)]}


def test_removed_events_are_a_gap_that_names_the_first() -> None:
    log = chain(0, 9)
    assert found(replay(log[:3] + log[5:])) == {"gaps": [(0, 3)]}


def test_an_altered_event_breaks_the_one_behind_it() -> None:
    log = chain(0, 5)
    log[2] = (log[2][0], altered(log[2][1], policy="cd" * 32))
    assert found(replay(log)) == {"breaks": [(0, 3)]}


def test_a_chain_rewritten_from_the_middle_breaks_where_it_was_rewritten() -> None:
    log = chain(0, 3)
    forged = Chain(0, "ab" * 32, 3, "cd" * 32)
    log += [forged.event(EventType.LANE_CLOSED, NOW) for _ in range(3)]
    assert found(replay(log)) == {"breaks": [(0, 3)]}


def test_a_first_event_that_claims_a_former_one_is_a_break() -> None:
    assert found(replay([Chain(0, "", 0, "cd" * 32).event(EventType.LANE_OPENED, NOW)])) == {"breaks": [(0, 0)]}


def test_a_key_twice_is_told_whether_or_not_the_event_is_the_same() -> None:
    log = chain(0, 4)
    again = (log[1][0], altered(log[1][1], policy="cd" * 32))
    assert found(replay([*log[:3], log[0], again, log[3]])) == {"repeated": [(0, 0), (0, 1)]}


def test_an_event_put_back_behind_a_gap_is_out_of_order() -> None:
    log = chain(0, 5)
    assert found(replay([*log[:2], *log[3:], log[2]])) == {"gaps": [(0, 2)], "breaks": [(0, 2)]}


def test_a_tombstone_is_an_alarm_even_for_a_key_that_never_was() -> None:
    log = chain(0, 3)
    report = replay([*log, (b"0/1", None), (b"x", None), (None, None)])
    assert found(report) == {"tombstones": [(0, 1), (0, 3), (0, 3)]}
    assert report.events == 3


def test_a_chain_may_begin_above_0_where_the_log_does() -> None:
    assert replay(chain(0, 9)[4:], start=40).ok


def test_a_chain_that_begins_above_0_in_a_log_that_begins_at_0_is_cut_off() -> None:
    assert found(replay(chain(0, 9)[4:])) == {"gaps": [(0, 0)]}


def test_an_event_from_before_the_start_does_not_pass_behind_it() -> None:
    log = chain(0, 9)
    assert found(replay([*log[4:], log[1]], start=40)) == {"breaks": [(0, 1)]}


def _with(change: dict) -> tuple[bytes | None, bytes]:
    key, event = chain(0, 1)[0]
    return key, altered(event, **change)


@pytest.mark.parametrize(
    ("record", "what"),
    [
        ((b"0/0", b"\xff\x00"), "not JSON"),
        ((b"0/0", b'"text"'), "not an event"),
        ((b"0/0", json.dumps(json.loads(chain(0, 1)[0][1])).encode()), "canonical"),
        (_with({"v": 2}), "version"),
        (_with({"v": True}), "version"),
        (_with({"lane": 1}), "another lane"),
        (_with({"id": "0/1"}), "another lane"),
        (_with({"seq": -1}), "seq"),
        (_with({"seq": "0"}), "seq"),
        (_with({"prev": None}), "prev"),
        ((b"0/1", chain(0, 1)[0][1]), "key"),
        ((None, chain(0, 1)[0][1]), "key"),
    ],
)
def test_what_is_no_event_of_this_lane_is_a_break_that_says_why(record: tuple, what: str) -> None:
    report = replay([record])
    assert what in report.json()["breaks"][0]["what"]
    assert not report.ok


def test_an_event_on_another_lanes_partition_is_a_break() -> None:
    logs = [chain(0, 2), chain(1, 2)]
    assert found(replay(logs[0], logs[1] + logs[0])) == {"breaks": [(1, 2), (1, 2)]}


def test_a_partition_that_is_no_lanes_is_a_break() -> None:
    assert found(replay(chain(0, 1), chain(1, 1), lanes=1)) == {"breaks": [(1, 0)]}


def test_a_flood_of_troubles_is_counted_not_kept() -> None:
    report = replay([(b"0/0", None)] * (MAX_LISTED + 5))
    assert len(report.json()["tombstones"]) == MAX_LISTED
    assert report.json()["more"] == {"tombstones": 5}
