"""Clean records and the events that released them: every way in which they do not fit, in whatever order they come."""

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from pipeline.audit import reconcile
from pipeline.audit.events import Chain, timestamp
from pipeline.audit.reconcile import MAX_LISTED, Reconciler, record_of
from pipeline.audit.unmatched import Unmatched, Waiting
from pipeline.policy import parse_policy
from pipeline.record import Headers, record_sha256
from tests.policy_text import POLICY

RULES = parse_policy(POLICY, "policy.yaml")
SPREAD = parse_policy(POLICY.replace("producers:", "repartition: masked\n    producers:", 1), "policy.yaml")
ALL = {f"{topic}/{n}": 1 << 40 for topic in ("panlock.audit", "payments", "other") for n in range(8)}
Clean = tuple[str, int, int, bytes | None, bytes | None, Headers]


class Log:
    """Lane 0 releases records of partition 0 to `payments`: event n and clean record n are of record n."""

    def __init__(self, count: int = 0) -> None:
        self.chain, self.events, self.clean = Chain(0, "ab" * 32), list[bytes](), list[Clean]()
        for number in range(count):
            self.release(number)

    def release(self, number: int, partition: int = 0) -> None:
        record, value = f"quarantine.payments.checkout/0/{number}", b"{%d}" % number
        headers = (("trace", b"x"), ("panlock-record-id", record.encode()))
        sha256 = record_sha256(b"k", value, headers).encode()
        self.events.append(self.chain.released(record, "checkout", sha256, b"[]", None, timestamp(0))[1])
        self.clean.append(("payments", partition, len(self.clean), b"k", value, headers))


def fed(log: Log, clean: Iterable[Clean], made: Reconciler | None = None) -> Reconciler:
    made = made or Reconciler(RULES)
    for number, event in enumerate(log.events):
        made.event(0, number, event)
    for each in clean:
        made.clean(*each)
    return made


def settled(made: Reconciler) -> dict[str, list[str]]:
    """Kind → ids of what does not fit, by the last part of each."""
    made.settle(ALL)
    found: dict[str, list[str]] = {}
    for each in made.told():
        found.setdefault(each.kind, []).append(each.record.rpartition("/")[2])
    return found


def test_what_was_released_and_is_there_fits() -> None:
    log = Log(3)
    made = fed(log, log.clean)
    assert (settled(made), made.summary()) == (
        {},
        {"ok": True, "released": 3, "clean": 3, "unmatched": 0, "excused": 0, "counts": {}},
    )


@pytest.mark.parametrize("events_first", [True, False])
def test_each_difference_is_told_whichever_side_came_first(events_first: bool) -> None:
    log = Log(5)
    clean = log.clean[:3] + log.clean[4:]
    clean[1] = (*clean[1][:4], b"{}", clean[1][5])
    clean += [
        ("payments", 0, 8, *clean[0][3:]),
        ("payments", 1, 9, None, b"{}", ()),
        ("payments", 0, 10, b"k", b"{}", (("panlock-record-id", b"q/0/11"),)),
    ]
    made = Reconciler(RULES)
    if not events_first:
        fed(Log(), clean, made)
    fed(log, clean if events_first else (), made)
    assert settled(made) == {"altered": ["1"], "repeated": ["0"], "stranger": ["9", "11"], "missing": ["3"]}
    assert made.counts == {"stranger": 2, "altered": 1, "repeated": 1, "missing": 1}


def test_a_difference_is_told_once() -> None:
    made = fed(Log(1), [])
    assert settled(made) == {"missing": ["0"]}
    assert settled(made) == {}
    assert made.counts == {"missing": 1}


def test_what_may_still_come_is_not_told() -> None:
    log = Log(3)
    made = fed(log, log.clean[1:2])
    made.settle({"panlock.audit/0": 2, "panlock.audit/1": 9, "payments/0": 9})
    assert [each.record[-1] for each in made.told()] == ["0"], "2 was not committed when the ends were looked at"
    made.clean(*log.clean[2])
    assert settled(made) == {}


def test_a_record_that_was_released_twice_is_repeated_though_each_has_its_event() -> None:
    log = Log(1)
    log.release(0)
    assert settled(fed(log, log.clean)) == {"repeated": ["0"]}


def test_ids_of_a_recreated_quarantine_topic_come_again() -> None:
    log = Log(1)
    made = fed(log, log.clean)
    made.event(0, 1, b'{"type":"topic.recreated"}')
    log = Log(1)
    assert settled(fed(log, log.clean, made)) == {}


def test_a_copy_of_what_is_long_forgotten_is_a_stranger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile, "RECENT", 2)
    log = Log(4)
    made = fed(log, log.clean)
    made.clean(*log.clean[0])
    made.clean(*log.clean[3])
    assert settled(made) == {"stranger": ["0"], "repeated": ["3"]}


def test_a_copy_of_what_retention_has_cut_comes_behind_what_was_released_later() -> None:
    log, made = Log(5), Reconciler(RULES)
    made.cut("payments", 0)
    fed(log, [*log.clean[3:], ("payments", 0, 9, *log.clean[1][3:])], made)
    assert settled(made) == {"repeated": ["1"]}


def test_a_record_keeps_its_partition_unless_its_flow_spreads_them() -> None:
    log = Log(1)
    moved = [("payments", 3, *log.clean[0][2:])]
    assert settled(fed(log, moved)) == {"stranger": ["0"], "missing": ["0"]}
    assert settled(fed(log, moved, Reconciler(SPREAD))) == {}


def test_a_header_of_ours_that_is_there_twice_names_nothing() -> None:
    log = Log(1)
    assert record_of(log.clean[0][5] * 2) == ""
    assert settled(fed(log, [(*log.clean[0][:5], log.clean[0][5] * 2)])) == {"stranger": ["0"], "missing": ["0"]}


def test_a_record_in_another_clean_topic_is_a_stranger() -> None:
    log = Log(1)
    assert settled(fed(log, [("other", *log.clean[0][1:])])) == {"stranger": ["0"], "missing": ["0"]}


def test_what_retention_has_cut_is_excused_and_what_is_missing_behind_it_is_not() -> None:
    log, made = Log(9), Reconciler(RULES)
    made.cut("payments", 0)
    fed(log, [*log.clean[4:6], *log.clean[7:]], made)
    assert settled(made) == {"missing": ["6"]}
    assert made.excused == 4


def test_of_a_partition_that_is_cut_and_empty_nothing_is_missing_and_of_others_it_is() -> None:
    made = Reconciler(RULES)
    made.cut("payments", 0)
    assert settled(fed(Log(3), [], made)) == {}
    made = Reconciler(RULES)
    made.cut("payments", 1)
    assert settled(fed(Log(1), [], made)) == {"missing": ["0"]}


def test_what_is_cut_while_it_is_followed_is_excused_until_the_next_pair() -> None:
    log = Log(4)
    made = fed(log, log.clean[:1])
    made.cut("payments", 0)
    for each in log.clean[2:]:
        made.clean(*each)
    assert (settled(made), made.excused) == ({}, 1)


def test_a_spread_record_may_be_in_any_partition_that_was_cut() -> None:
    made = Reconciler(SPREAD)
    made.cut("payments", 3)
    log = Log(1)
    log.release(1, partition=3)
    log.release(2)
    assert settled(fed(log, log.clean[1:2], made)) == {"missing": ["2"]}
    assert made.excused == 1


def test_clean_records_older_than_the_audit_are_excused_and_later_strangers_are_not() -> None:
    log, made = Log(5), Reconciler(RULES)
    made.cut("panlock.audit", 0)
    for number in (3, 4):
        made.event(0, number, log.events[number])
    for each in log.clean:
        made.clean(*each)
    made.clean("payments", 0, 9, b"k", b"{}", (("panlock-record-id", b"quarantine.payments.checkout/0/9"),))
    assert (settled(made), made.excused) == ({"stranger": ["9"]}, 3)


def test_what_is_no_release_releases_nothing() -> None:
    made = Reconciler(RULES)
    for event in (
        b"",
        b'"type":"record.released"',
        b'{"type":"record.released"}',
        Log(1).events[0].replace(b'"seq":0', b'"seq":99999999999999999999'),
        Log().chain.released("x", "p", b"", b"[]", None, b"")[1],
    ):
        made.event(0, 0, event)
    assert made.summary()["released"] == 0


@pytest.mark.parametrize("name", [b"q/0/" + b"9" * 5000, b"q/0/1\xff", b"\x00", b"q/" + b"9" * 30 + b"/1"])
def test_whatever_a_stranger_calls_itself_it_is_told(name: bytes) -> None:
    made = Reconciler(RULES)
    made.cut("panlock.audit", 0)
    made.clean("payments", 0, 0, None, b"{}", (("panlock-record-id", name), ("\udcff", b"")))
    settled(made)
    assert made.counts == {"stranger": 1}


def test_a_flood_is_counted_not_kept() -> None:
    made = fed(Log(MAX_LISTED + 5), [])
    assert (len(settled(made)["missing"]), made.counts["missing"]) == (MAX_LISTED, MAX_LISTED + 5)


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is measured as Linux tells it")
def test_what_waits_is_in_a_file_once_it_is_much() -> None:
    waiting, before = Unmatched(cache=1024), _resident()
    row = Waiting("event", "panlock.audit/0", 0, "payments", "", 0, b"h" * 32)
    for number in range(150_000):
        waiting.put(row._replace(record=f"quarantine.payments.checkout/0/{number}", seq=number))
    assert _resident() - before < 8 << 20, "they take more than 20 MiB"
    assert len(waiting) == 150_000
    found = waiting.take("event", "payments", "quarantine.payments.checkout/0/75000")
    assert found is not None
    assert found.seq == 75_000
    assert [each.seq for each in waiting.due({"panlock.audit/0": 1})][:2] == [0, 1]
    assert len(waiting) == 0


@pytest.mark.parametrize("events_first", [True, False])
def test_a_copy_of_what_retention_has_cut_excuses_no_more_and_no_less(events_first: bool) -> None:
    log = Log(6)
    copies = [("payments", 0, 6 + number, *log.clean[number][3:]) for number in (0, 1)]
    made = Reconciler(RULES)
    made.cut("payments", 0)
    there = [*log.clean[3:], *copies]
    if events_first:
        fed(log, there, made)
    else:
        for each in there:
            made.clean(*each)
        fed(log, [], made)
    assert sorted(settled(made)["repeated"]) == ["0", "1"] and made.counts.keys() == {"repeated"}
    assert made.summary()["excused"] == 1
