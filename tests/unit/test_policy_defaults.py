"""What a policy that says little comes to, and what one that says all."""

import hashlib
from pathlib import Path

import pytest

from pipeline.policy import Policy, load_policy, parse_policy
from pipeline.policy.kinds import duration, milliseconds_of
from pipeline.policy.topics import (
    DECISIONS,
    PENDING,
    STATE,
    UnknownTopicError,
    input_topics,
    limits,
    owner_of,
    quarantine_topic,
    rejections_topic,
)
from tests.policy_text import POLICY

SHORT = """\
version: 3
principals:
  checkout: {spiffe: spiffe://pay.example/checkout}
flows:
  payments: {producers: [checkout]}
"""
DAY = 86_400_000


@pytest.fixture
def short() -> Policy:
    return parse_policy(SHORT, "short.yaml")


@pytest.fixture
def whole() -> Policy:
    return parse_policy(POLICY, "policy.yaml")


def test_defaults_are_those_of_the_formats(short: Policy) -> None:
    flow = short.flows["payments"]
    assert (short.version, short.application, short.lanes, short.principals["checkout"].identity) == (
        3,
        "panlock",
        8,
        "broker",
    )
    assert (flow.partitions, flow.quarantine, flow.recording.mode, flow.ordering) == (12, "clear", "off", "key")
    assert (flow.format, flow.scan.pan, flow.clean_topic, flow.max_message_bytes) == (
        "json",
        "partial",
        "clean.payments",
        1_048_588,
    )
    assert (flow.fields, flow.hold, flow.consumers, short.people) == ((), (), (), {})
    assert short.roles.model_dump() == {
        "workers": ("panlock-worker",),
        "auditors": ("panlock-auditor",),
        "sealers": ("panlock-sealer",),
        "brokers": ("panlock-broker",),
        "broker_auditors": ("panlock-broker-audit",),
        "operators": ("ops",),
        "deployers": ("panlock-deploy",),
    }


def test_a_rule_waits_a_day_for_one_person_unless_it_says_otherwise(whole: Policy) -> None:
    text = POLICY.replace("        quorum: 2\n        expires: 4h\n", "")
    rule = parse_policy(text, "p.yaml").flows["payments"].hold[0]
    assert (rule.quorum, rule.expires_ms) == (1, DAY)
    assert (whole.flows["payments"].hold[0].quorum, whole.flows["payments"].hold[0].expires_ms) == (2, 4 * 3_600_000)


def test_a_clean_topic_outlives_what_waited_in_quarantine(short: Policy) -> None:
    flow = short.flows["payments"]
    assert (flow.retention_ms, flow.clean_retention_ms) == (7 * DAY, 14 * DAY)
    text = SHORT.replace("producers: [checkout]", "producers: [checkout], retention: 30d")
    assert parse_policy(text, "p").flows["payments"].clean_retention_ms == 37 * DAY
    text = SHORT.replace("producers: [checkout]", "producers: [checkout], clean: {retention: 7d}")
    assert parse_policy(text, "p").flows["payments"].clean_retention_ms == 7 * DAY


def test_the_hash_is_over_the_bytes_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_bytes(SHORT.encode() + "# geändert\r\n".encode())
    assert load_policy(file).hash == hashlib.sha256(file.read_bytes()).hexdigest()
    assert parse_policy(SHORT, "p").hash != load_policy(file).hash


def test_words_that_older_yaml_takes_for_something_else_stay_words() -> None:
    flow = parse_policy(POLICY.replace("id: large-refund", "id: no"), "p").flows["payments"]
    assert flow.recording.mode == "off"
    assert flow.hold[0].id == "no"


def test_approvers_are_everyone_with_a_role_of_the_rule(whole: Policy) -> None:
    flow = whole.flows["payments"]
    assert whole.approvers(flow.hold[0]) == {"ana@pay.example", "cy@pay.example"}
    assert whole.owners(flow) == {"ben@pay.example"}


def test_topics_belong_to_their_flow_and_principal(whole: Policy) -> None:
    assert input_topics(whole) == ["quarantine.payments.checkout", "quarantine.payments.refunds"]
    assert owner_of(whole, quarantine_topic("payments", "refunds")) == ("payments", "refunds")
    assert rejections_topic("refunds") == "panlock.rejections.refunds"


@pytest.mark.parametrize(
    "topic",
    [
        "payments",
        "quarantine.payments",
        "quarantine.payments.ledger",
        "quarantine.x.checkout",
        "a.payments.checkout",
        "",
    ],
)
def test_other_topics_belong_to_nobody(whole: Policy, topic: str) -> None:
    with pytest.raises(UnknownTopicError, match="is no quarantine topic of the policy"):
        owner_of(whole, topic)


def test_a_held_or_clean_record_has_room_beyond_its_quarantine_record(whole: Policy) -> None:
    sizes = limits(whole)
    largest = sizes["quarantine.payments.checkout"]
    assert largest == 1_048_588
    assert sizes["payments"] == largest + 65_536
    assert sizes[PENDING] == sizes[STATE] == 2 * largest + 65_536
    assert sizes[DECISIONS] == 131_072
    assert len(sizes) == 9


@pytest.mark.parametrize(
    ("text", "ms"), [("8s", 8_000), ("15m", 900_000), ("4h", 14_400_000), ("2d", 2 * DAY), ("250ms", 250)]
)
def test_durations_are_read_and_written_back(text: str, ms: int) -> None:
    assert milliseconds_of(text) == ms
    assert duration(ms) == text


@pytest.mark.parametrize("text", ["", "4", "h", "4 h", "4.5h", "-4h", "04h", "4w", "٤h", 4, None])
def test_what_is_no_duration_reads_as_none(text: object) -> None:
    assert milliseconds_of(text) is None
