"""What becomes of reports: events in order, alarms once, and nothing twice after a restart."""

from collections.abc import Sequence
from typing import Any

import pytest

from pipeline.audit.access.auditor import GRACE, Auditor
from pipeline.audit.access.report import Access, Beyond, Report
from pipeline.audit.access.rules import Rules, rules
from pipeline.audit.events import Chain, timestamp
from pipeline.audit.verify import read_event
from pipeline.policy import parse_policy

POLICY = parse_policy(
    """
version: 1
lanes: 2
principals:
  checkout: {spiffe: spiffe://pay.example/checkout}
flows:
  payments: {producers: [checkout], consumers: [ledger], partitions: 2}
""",
    "policy.yaml",
)
WINDOW = 60_000
READ = Access("User:ledger", "10.0.0.7", "TOPIC", "clean.payments", "READ", "FETCH", True, 57)


def of_policy() -> Rules:
    return rules(POLICY, {("User:ledger", "READ", "clean.payments")})


def report(seq: int, counts: Sequence[Access] = (), *, start: str = "a", end: int = 0, **more: Any) -> Report:
    """The window `seq`, or one that ends at `end`."""
    to = end or (seq + 1) * WINDOW
    said = {"v": 1, "cluster": "c", "node": 1, "role": "broker", "incarnation": start * 16, "started": 0, "seq": seq}
    said |= {"from": to - WINDOW, "to": to, "last": False, "counts": tuple(counts), "beyond": Beyond(), **more}
    return Report.model_validate(said)


def take(auditor: Auditor, offset: int, each: Report, late: int = 0) -> None:
    auditor.take(each, {"report": f"panlock.access/0/{offset}"}, each.to + late)


def types(auditor: Auditor) -> list[str]:
    return [each.type.value for each in auditor.told]


def last(auditor: Auditor, type_: str) -> dict[str, Any]:
    return [dict(each.fields) for each in auditor.told if each.type == type_][-1]


def again(auditor: Auditor) -> Auditor:
    """Another one, that knows what the log of the first says."""
    chain, other = Chain(0, "ab" * 32), Auditor(of_policy())
    for each in auditor.told:
        key, event = chain.event(each.type, timestamp(each.time), **each.fields)
        other.remember(read_event(0, key, event))
    return other


def test_an_access_is_told_with_its_actor_and_window_and_then_that_the_window_is_covered() -> None:
    auditor = Auditor(of_policy())
    take(auditor, 7, report(0, [READ]))
    assert types(auditor) == ["access.started", "access.read", "access.covered"]
    read = last(auditor, "access.read")
    assert read["actor"] == {"principal": "ledger", "host": "10.0.0.7"}
    assert read["resource"] == {"topic": "clean.payments", "holds": "clean"}
    assert read["access"]["count"] == 57 and read["access"]["to"] == "1970-01-01T00:01:00.000Z"
    assert read["finding"] is None
    covered = last(auditor, "access.covered")
    assert covered["resource"] == {"report": "panlock.access/0/7"} and covered["coverage"]["allowed"] == 57


@pytest.mark.parametrize(
    ("change", "type_", "finding"),
    [
        ({"principal": "User:admin"}, "access.read", "not-by-policy"),
        ({"name": "quarantine.payments.checkout"}, "access.read", "not-by-policy"),
        ({"operation": "WRITE", "request": "PRODUCE"}, "access.write", "not-by-policy"),
        ({"operation": "DELETE", "request": "DELETE_RECORDS"}, "access.administered", None),
        ({"operation": "CLUSTER_ACTION", "kind": "CLUSTER", "name": "kafka-cluster"}, "access.replicated", None),
        ({"allowed": False}, "access.denied", None),
        ({"allowed": False, "name": "no.such.topic"}, "access.denied", None),
    ],
)
def test_each_access_has_its_type_and_what_the_policy_does_not_allow_is_found(
    change: dict[str, Any], type_: str, finding: str | None
) -> None:
    auditor = Auditor(of_policy())
    take(auditor, 0, report(0, [READ._replace(**change)]))
    assert types(auditor)[1] == type_ and auditor.told[1].fields["finding"] == finding


def test_topics_that_are_none_of_the_policys_are_a_number() -> None:
    auditor = Auditor(of_policy())
    take(auditor, 0, report(0, [READ._replace(name="invoices")], beyond=Beyond(denied=3)))
    assert types(auditor) == ["access.started", "access.covered"]
    coverage = last(auditor, "access.covered")["coverage"]
    assert coverage["outside"] == 57 and coverage["beyond"] == {"denied": 3}


def test_what_reporting_itself_needs_is_not_told() -> None:
    auditor = Auditor(of_policy())
    own = READ._replace(principal="User:panlock-broker", name="panlock.access", operation="WRITE", request="PRODUCE")
    known = Rules({**of_policy().kinds, "panlock.access": "audit"}, (), of_policy().reporting)
    auditor.rules = known
    take(auditor, 0, report(0, [own, own._replace(principal="User:mallory")]))
    written = [each.fields["actor"]["principal"] for each in auditor.told if each.type == "access.write"]
    assert written == ["mallory"]


def test_a_card_number_that_somebody_asked_for_is_not_kept() -> None:
    auditor = Auditor(of_policy())
    take(auditor, 0, report(0, [READ._replace(name="card-4111111111111111", allowed=False)]))
    assert last(auditor, "access.denied")["resource"] == {"topic": "(sensitive)"}


def test_missing_numbers_are_a_gap_with_their_time() -> None:
    auditor = Auditor(of_policy())
    take(auditor, 0, report(0))
    take(auditor, 1, report(3))
    gap = last(auditor, "access.gap")
    assert gap["reason"] == "missing" and "reports 1 to 2" in gap["detail"]
    assert (gap["coverage"]["from"], gap["coverage"]["to"]) == ("1970-01-01T00:01:00.000Z", "1970-01-01T00:03:00.000Z")


def test_a_node_that_ended_without_goodbye_leaves_a_gap_and_one_with_it_does_not() -> None:
    for said, expected in ((False, ["access.started", "access.gap"]), (True, ["access.started"])):
        auditor = Auditor(of_policy())
        take(auditor, 0, report(0, last=said))
        auditor.told = []
        take(auditor, 1, report(0, start="b", end=9 * WINDOW, started=8 * WINDOW))
        assert types(auditor) == [*expected, "access.covered"]


def test_a_report_that_came_before_or_is_of_a_former_start_is_refused() -> None:
    auditor = Auditor(of_policy())
    take(auditor, 0, report(0))
    take(auditor, 1, report(0))
    assert last(auditor, "access.refused")["reason"] == "repeated"
    take(auditor, 2, report(0, start="b", end=9 * WINDOW, started=8 * WINDOW))
    take(auditor, 3, report(1))
    assert last(auditor, "access.refused")["reason"] == "stale"
    assert auditor.nodes["1/broker"].incarnation == "b" * 16


def test_late_reports_are_an_alarm_once() -> None:
    auditor, limit = Auditor(of_policy()), GRACE + WINDOW
    take(auditor, 0, report(0))
    take(auditor, 1, report(1), late=limit)
    assert "access.late" not in types(auditor)
    take(auditor, 2, report(2), late=limit + 1)
    take(auditor, 3, report(3), late=limit + 1)
    assert types(auditor).count("access.late") == 1
    assert again(auditor).nodes == auditor.nodes
    take(auditor, 4, report(4))
    take(auditor, 5, report(5), late=limit + 1)
    assert types(auditor).count("access.late") == 2


def test_a_silent_node_is_an_alarm_once_until_it_reports_again() -> None:
    auditor = Auditor(of_policy())
    take(auditor, 0, report(0))
    auditor.look(WINDOW + GRACE + 2 * WINDOW)
    assert "access.silent" not in types(auditor)
    for later in (1, 2):
        auditor.look(WINDOW + GRACE + 2 * WINDOW + later)
    assert types(auditor).count("access.silent") == 1
    other = again(auditor)
    assert other.nodes == auditor.nodes
    other.look(99 * WINDOW)
    assert other.told == []
    take(other, 1, report(1))
    other.look(99 * WINDOW)
    assert types(other).count("access.silent") == 1


def test_a_node_that_said_goodbye_is_silent_only_where_the_cluster_still_has_it() -> None:
    auditor = Auditor(of_policy())
    take(auditor, 0, report(0, last=True))
    auditor.look(99 * WINDOW, brokers=[2], since=99 * WINDOW)
    assert "access.silent" not in types(auditor)
    auditor.look(99 * WINDOW, brokers=[1])
    assert types(auditor).count("access.silent") == 1


def test_a_broker_that_never_reported_is_silent_once() -> None:
    auditor = Auditor(of_policy())
    auditor.look(GRACE, brokers=[4])
    assert types(auditor) == []
    auditor.look(GRACE + 1, brokers=[4])
    auditor.look(GRACE + 2, brokers=[4])
    assert types(auditor) == ["access.silent"]
    assert again(auditor).never == {"4/broker"}


def test_after_a_restart_the_next_report_gives_what_it_would_have_given() -> None:
    first, reports = Auditor(of_policy()), [report(0, [READ]), report(1), report(2, [READ])]
    for offset, each in enumerate(reports[:2]):
        take(first, offset, each)
    second = again(first)
    before = len(first.told)
    take(first, 2, reports[2])
    take(second, 2, reports[2])
    assert second.told == first.told[before:]
