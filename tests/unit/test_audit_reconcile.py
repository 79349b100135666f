"""Clean records and the events that released them: every way in which they do not fit."""

from pipeline.audit.events import Chain, timestamp
from pipeline.audit.reconcile import MAX_LISTED, Reconciler, Report
from pipeline.policy import parse_policy
from pipeline.record import Headers, record_sha256
from tests.policy_text import POLICY

RULES = parse_policy(POLICY, "policy.yaml")
Clean = tuple[str, bytes | None, bytes | None, Headers]


class Log:
    """A lane that releases records to `payments`."""

    def __init__(self) -> None:
        self.chain, self.events, self.clean = Chain(0, "ab" * 32), list[bytes](), list[Clean]()

    def release(self, count: int) -> "Log":
        for _ in range(count):
            number = len(self.events)
            record, value = f"quarantine.payments.checkout/0/{number}", b"{%d}" % number
            headers = (("trace", b"x"), ("panlock-record-id", record.encode()))
            sha256 = record_sha256(b"k", value, headers).encode()
            self.events.append(self.chain.released(record, "checkout", sha256, b"[]", None, timestamp(0))[1])
            self.clean.append((f"payments/0/{number}", b"k", value, headers))
        return self


def reconciled(log: Log, clean: list[Clean], **more: list) -> Report:
    made = Reconciler(RULES)
    for event in log.events:
        made.event(event)
    for place, key, value, headers in clean:
        made.clean("payments", place, key, value, headers)
    made.cut("payments", more.get("cut", []))
    for headers in more.get("later", []):
        made.later(headers)
    return made.report(more.get("emptied", []))


def test_what_was_released_and_is_there_fits() -> None:
    log = Log().release(3)
    report = reconciled(log, log.clean)
    assert (report.ok, report.released, report.clean) == (True, 3, 3)


def test_each_difference_is_told_with_its_place() -> None:
    log = Log().release(5)
    clean = log.clean[:3] + log.clean[4:]
    clean[1] = (*clean[1][:2], b"{}", clean[1][3])
    clean += [
        clean[0],
        ("payments/1/9", None, b"{}", ()),
        ("payments/1/10", b"k", b"{}", (("panlock-record-id", b"q/0/1"),)),
    ]
    found = reconciled(log, clean).json()
    assert {
        kind: [each["record"] for each in found[kind]] for kind in ("stranger", "altered", "repeated", "missing")
    } == {
        "stranger": ["payments/1/9", "q/0/1"],
        "altered": ["quarantine.payments.checkout/0/1"],
        "repeated": ["quarantine.payments.checkout/0/0"],
        "missing": ["quarantine.payments.checkout/0/3"],
    }
    assert found["counts"] == {"stranger": 2, "altered": 1, "repeated": 1, "missing": 1}


def test_a_header_of_ours_that_is_there_twice_names_nothing() -> None:
    log = Log().release(1)
    place, key, value, headers = log.clean[0]
    assert reconciled(log, [(place, key, value, headers + headers)]).counts == {"stranger": 1, "missing": 1}


def test_a_record_in_another_clean_topic_is_a_stranger() -> None:
    log, made = Log().release(1), Reconciler(RULES)
    made.event(log.events[0])
    made.clean("other", *log.clean[0])
    assert made.report().counts == {"stranger": 1, "missing": 1}


def test_what_retention_has_cut_is_excused_and_what_is_missing_behind_it_is_not() -> None:
    log = Log().release(9)
    report = reconciled(log, [*log.clean[4:6], *log.clean[7:]], cut=[log.clean[4][3]])
    assert [each.record[-1] for each in report.found["missing"]] == ["6"]
    assert reconciled(log, [], emptied=["payments"]).ok


def test_what_came_while_the_audit_was_read_is_not_missing() -> None:
    log = Log().release(2)
    assert reconciled(log, log.clean[:1], later=[log.clean[1][3]]).ok


def test_what_is_no_release_releases_nothing() -> None:
    made = Reconciler(RULES)
    for event in (
        b"",
        b'"type":"record.released"',
        b'{"type":"record.released"}',
        Log().chain.released("x", "p", b"", b"[]", None, b"")[1],
    ):
        made.event(event)
    assert made.report().json()["released"] == 0


def test_a_flood_is_counted_not_kept() -> None:
    log = Log().release(MAX_LISTED + 5)
    report = reconciled(log, [])
    assert (len(report.found["missing"]), report.counts["missing"]) == (MAX_LISTED, MAX_LISTED + 5)
