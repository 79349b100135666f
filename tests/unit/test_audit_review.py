"""The audit's review: each rule finds its case and nothing else, and a finding closes by somebody else's word."""

# ruff: noqa: E501  # tables

from datetime import UTC, datetime
from pathlib import Path

import pytest

from agents.review.findings import Finding, findings
from agents.review.rules import RULES
from agents.review.weaker import FIRST, WEAKER
from agents.search.cache import _WRITE
from agents.search.columns import FROM_SPOOL
from agents.search.engine import connect
from agents.search.query import between, tables
from pipeline.approval.decision import Acknowledgement, sign_message
from pipeline.audit.events import Chain, EventType, timestamp
from pipeline.policy.bundle import Bundle, bundle_of
from pipeline.policy.topics import AUDIT
from tests.evidence_traffic import Access
from tests.exporting import POLICY as EXPORTED
from tests.exporting import Told, chained, write_export
from tests.inside import inside
from tests.lane import KEYS, NOW, POLICY, MemoryLane

START = int(datetime(2026, 11, 1, 12, tzinfo=UTC).timestamp()) * 1000
HOUR = 3_600_000
WORKER, OTHER = {"actor": {"worker": "w"}}, {"actor": {"worker": "v"}}
RECORD = {"resource": {"record": "quarantine.payments.refunds/0/1"}}


def found(directory: Path, told: list[Told], *policies: Bundle, log: str = "panlock.audit/0") -> list[Finding]:
    chain, spool = Chain(0, "ab" * 32), directory / "spool"
    spool.write_bytes(b"".join(chain.event(kind, timestamp(ms), **fields)[1] + b"\n" for kind, ms, fields in told))
    made = connect()
    values = {"log": log, "spool": str(spool), "since": "2000"}
    files = made.execute(_WRITE.format(FROM_SPOOL, directory, "OVERWRITE_OR_IGNORE"), values).fetchone()[1]
    connection = tables([Path(each) for each in files], directory)
    between(connection, datetime(2026, 1, 1), datetime(2027, 1, 1))
    return findings(connection, {each.hash: each for each in policies})


def said(kind: EventType, ms: int, person: str = "ana@pay.example", **fields: object) -> Told:
    return kind, ms, {"actor": {"person": person}, **fields}


def held_and_approved(
    seconds: float, person: str = "ana@pay.example", n: int = 1, decision: str = "approve"
) -> list[Told]:
    record = {"resource": {"record": f"quarantine.payments.refunds/0/{n}"}}
    ms = START + n * HOUR
    return [
        (EventType.RECORD_HELD, ms, {**record, "outcome": "held"}),
        said(
            EventType.DECISION_ACCEPTED,
            ms + int(1000 * seconds),
            person,
            **record,
            approval={"decision": decision, "rule": "large"},
        ),
    ]


def rejected(count: int, hour: int) -> list[Told]:
    return [
        (EventType.RECORD_REJECTED, START + hour * HOUR + n, {**RECORD, "outcome": "rejected", "reason": "too-large"})
        for n in range(count)
    ]


BREAK = said(EventType.BREAK_GLASS_USED, START, **RECORD, approval={"people": ["ana@pay.example", "ben@pay.example"]})
CASES: dict[str, tuple[list[Told], list[Told]]] = {
    "alarm": ([(EventType.RECORDS_LOST, START, WORKER)], [(EventType.LANE_OPENED, START, WORKER)]),
    "break-glass-open": ([BREAK], [BREAK, said(EventType.BREAK_GLASS_REVIEWED, START + 1, alarm="0/0")]),
    "worker-gone": ([(EventType.LANE_OPENED, START, WORKER), (EventType.LANE_OPENED, START + 1, OTHER)], [(EventType.LANE_OPENED, START, WORKER), (EventType.LANE_OPENED, START + 1, WORKER), (EventType.LANE_CLOSED, START + 2, WORKER), (EventType.LANE_OPENED, START + 3, OTHER)]),
    "attack": ([(EventType.RECORD_REJECTED, START, {"actor": {"principal": "p"}, "outcome": "rejected", "reason": "replayed"})], rejected(1, 0)),
    "refused-often": ([said(EventType.DECISION_REFUSED, START + n, reason="wrong-role") for n in range(5)], [said(EventType.DECISION_REFUSED, START + n * 24 * HOUR, reason="wrong-role") for n in range(5)]),
    "access-denied": ([(Access.DENIED, START + n, {"actor": {"principal": "p"}, "outcome": "denied"}) for n in range(2)], [(Access.READ, START, {"actor": {"principal": "p"}, "outcome": "allowed"})]),
    "not-by-policy": ([(Access.READ, START, {"actor": {"principal": "p"}, "resource": {"topic": "t"}, "finding": "not-by-policy"})], []),
    "rejected-peak": ([each for hour in range(9) for each in rejected(2, hour)] + rejected(30, 9), [each for hour in range(9) for each in rejected(19, hour)]),
    "unsealed": ([(EventType.SEALER_STOPPED, START, {}), (EventType.SEALER_STARTED, START + 301_000, {})], [(EventType.SEALER_STOPPED, START, {}), (EventType.SEALER_STARTED, START + 299_000, {})]),
    "policy-changed": ([said(EventType.POLICY_APPLIED, START + n, resource={"bundle": "cd" * 32}) for n in range(2)], [said(EventType.POLICY_PROPOSED, START)]),
    "revealed": ([said(EventType.VALUE_REVEALED, START + n) for n in range(3)], []),
    "key-new": ([(EventType.KEY_FIRST_USED, START + n, {**WORKER, "key": {"kind": "token", "id": "k1", "from": "vault"}}) for n in range(2)], []),
    "rubber-stamp": (held_and_approved(9.9), held_and_approved(10.1) + held_and_approved(1, n=2, decision="deny")),
    "always-yes": ([each for n in range(20) for each in held_and_approved(60, n=n)], [each for n in range(19) for each in held_and_approved(60, n=n)]),
    "identity-denied": ([said(EventType.IDENTITY_DENIED, START, denied={"principal": "p"})], [said(EventType.IDENTITY_ALLOWED, START)]),
}  # fmt: skip


def test_every_rule_has_its_case() -> None:
    assert {each.name for each in RULES} == {*CASES}


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_finds_its_case_once_and_not_what_is_beside_it(rule: str, tmp_path: Path) -> None:
    case, beside = CASES[rule]
    (one,) = found(tmp_path, case)
    assert (one.rule.name, one.acknowledged) == (rule, None)
    assert one.what and one.events
    if beside:
        assert found(tmp_path, beside) == []


def test_a_finding_keeps_its_id_while_more_comes_and_has_no_digit(tmp_path: Path) -> None:
    first, more = (
        found(tmp_path, [said(EventType.VALUE_REVEALED, START + n) for n in range(count)]) for count in (1, 9)
    )
    assert [each.id for each in first] == [each.id for each in more]
    assert not any(letter.isdigit() for letter in first[0].id)


def test_somebody_elses_word_closes_a_finding_and_ones_own_does_not(tmp_path: Path) -> None:
    case = held_and_approved(2)
    (finding,) = found(tmp_path, case)
    own = said(
        EventType.REVIEW_ACKNOWLEDGED,
        START + HOUR * 2,
        "ANA@pay.example",
        reason="fine",
        resource={"finding": finding.id},
    )
    assert [each.acknowledged for each in found(tmp_path, [*case, own])] == [None]
    others = said(
        EventType.REVIEW_ACKNOWLEDGED,
        START + HOUR * 3,
        "ben@pay.example",
        reason="asked her",
        resource={"finding": finding.id},
    )
    (closed,) = found(tmp_path, [*case, own, others])
    assert closed.acknowledged is not None
    assert (closed.acknowledged.person, closed.acknowledged.reason, closed.acknowledged.event) == (
        "ben@pay.example",
        "asked her",
        "panlock.audit/0 0/3",
    )


def bundle(text: str) -> Bundle:
    return bundle_of(text.encode(), {}, "policy.yaml")


STRICT = bundle(EXPORTED)
LOOSE = bundle(EXPORTED.replace(", owners: [ben@pay.example]", "").replace("version: 1", "version: 2"))


def applied(new: Bundle, old: str) -> list[Told]:
    named = {"resource": {"bundle": new.hash, "version": new.policy.version}, "previous": old}
    return [
        said(EventType.POLICY_PROPOSED, START, "ana@pay.example", **named),
        said(EventType.POLICY_APPROVED, START + 1, "ben@pay.example", **named),
        said(EventType.POLICY_APPLIED, START + 2, "ben@pay.example", **named),
    ]


def weaker(directory: Path, told: list[Told], *policies: Bundle) -> list[Finding]:
    return [each for each in found(directory, told, *policies) if each.rule is WEAKER]


def test_what_a_policy_weakened_is_a_finding_each_which_nobody_closes_who_had_a_part_in_it(tmp_path: Path) -> None:
    change = applied(LOOSE, STRICT.hash)
    (one,) = weaker(tmp_path, change, STRICT, LOOSE)
    assert "principals.refunds.owners" in one.what and "(owner-removed)" in one.what and "version 2" in one.what
    for person, closed in (("ana@pay.example", False), ("BEN@pay.example", False), ("carla@pay.example", True)):
        word = said(EventType.REVIEW_ACKNOWLEDGED, START + 9, person, reason="meant", resource={"finding": one.id})
        (again,) = weaker(tmp_path, [*change, word], STRICT, LOOSE)
        assert (again.acknowledged is not None) is closed, person


def test_a_first_or_a_stricter_policy_weakens_nothing(tmp_path: Path) -> None:
    assert weaker(tmp_path, applied(LOOSE, FIRST), LOOSE) == []
    assert weaker(tmp_path, applied(STRICT, LOOSE.hash), STRICT, LOOSE) == []


def test_where_a_policy_is_not_at_hand_that_is_the_finding(tmp_path: Path) -> None:
    (one,) = weaker(tmp_path, applied(LOOSE, STRICT.hash), LOOSE)
    assert STRICT.hash[:16] in one.what and LOOSE.hash[:16] not in one.what and "not known" in one.what


def test_the_policies_of_an_export_say_what_was_weakened(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_bytes(LOOSE.text)
    events = chained(0, applied(LOOSE, STRICT.hash))
    write_export(tmp_path / "export", {(AUDIT, 0): events}, "2026-11-01T13:00:00.000Z")
    words = "--export", str(tmp_path / "export"), "--policy", str(tmp_path / "policy.yaml")
    words += "--index", str(tmp_path / "index"), "--hot", "36500", "--json"

    def told() -> list[str]:
        return [each["what"] for each in inside("audit", "review", *words).json["findings"]]

    assert any(STRICT.hash[:16] in each for each in told())
    kept = tmp_path / "export" / "policies" / STRICT.hash
    kept.mkdir(parents=True)
    (kept / "policy.yaml").write_bytes(STRICT.text)
    assert any("(owner-removed)" in each for each in told())
    (kept / "policy.yaml").write_bytes(LOOSE.text)
    ended = inside("audit", "review", *words)
    assert ended.code == 2 and "is not the policy of that name" in ended.err


@pytest.fixture
def lane() -> MemoryLane:
    return MemoryLane(POLICY.replace("roles: [payments-approvers]", "roles: [payments-approvers, auditors]", 1))


def message(of: MemoryLane, **changes: object) -> Acknowledgement:
    fields = {
        "cluster": of.context.cluster,
        "lane": of.context.lane,
        "finding": "rubber-stamp-abcdefghijklmnop",
        "reason": "asked",
        "jti": "j1",
        "iat": NOW // 1000,
    }
    return Acknowledgement(**{**fields, **changes})  # type: ignore[arg-type]


def test_a_lane_tells_who_acknowledged_what_with_the_message_as_it_was_signed(lane: MemoryLane) -> None:
    raw = sign_message(KEYS["ana"], message(lane))
    lane.messages(raw)
    event = lane.events()[-1]
    assert (event["type"], event["actor"], event["reason"]) == (
        "review.acknowledged",
        {"person": "ana@pay.example"},
        "asked",
    )
    assert event["resource"]["finding"] == "rubber-stamp-abcdefghijklmnop"
    assert event["proof"]["message"] == raw.decode()


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"cluster": "x"}, "wrong-cluster"),
        ({"lane": 9}, "unknown-record"),
        ({"iat": 1}, "expired"),
        ({"finding": "4111111111111111"}, "bad-signature"),
    ],
)
def test_an_acknowledgement_of_another_place_or_time_does_not_count(
    lane: MemoryLane, changes: dict, refusal: str
) -> None:
    lane.messages(sign_message(KEYS["ana"], message(lane, **changes)))
    assert lane.told()[-1] == ("decision.refused", refusal)


def test_one_without_the_role_does_not_count(lane: MemoryLane) -> None:
    lane.messages(sign_message(KEYS["ben"], message(lane)))
    assert lane.told()[-1] == ("decision.refused", "wrong-role")
