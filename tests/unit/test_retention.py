"""What is kept longer or shorter than the policy says is told, with the requirement it bears on."""

from dataclasses import replace

import pytest

from deploy.desired import desired
from deploy.retention import CHECKS, FOREVER, Kept, There, Verdict, kept
from pipeline.policy import parse_policy
from tests.lane import NOW
from tests.policy_text import POLICY

DAY = 86_400_000
RULES = parse_policy(POLICY.replace("recording: off", "recording: {mode: masked, retention: 30d}"), "p.yaml")
TOPICS = desired(RULES, 1).topics
FINE = {topic.name: There(topic.configs, None, 0, 0) for topic in TOPICS}
RECORDINGS, QUARANTINE, AUDIT = "panlock.recordings.payments", "quarantine.payments.checkout", "panlock.audit"


def found(topic: str, there: There | None) -> Kept:
    every = {name: each for name, each in FINE.items() if name != topic}
    if there is not None:
        every[topic] = there
    return next(each for each in kept(RULES, TOPICS, every, NOW) if each.topic == topic)


def set_to(topic: str, **configs: str) -> There:
    named = {key.replace("_", "."): value for key, value in configs.items()}
    return replace(FINE[topic], configs={**FINE[topic].configs, **named})


def test_topics_as_the_policy_has_them_are_fine_and_each_has_its_requirement() -> None:
    every = kept(RULES, TOPICS, FINE, NOW)
    assert {each.topic for each in every} == {topic.name for topic in TOPICS}
    assert {each.verdict for each in every} == {Verdict.FINE}
    told = {each.topic: (each.requirement, each.holds, each.policy) for each in every}
    assert told[AUDIT] == ("10.5.1", "audit", 400 * DAY)
    assert told["panlock.decisions"] == ("10.5.1", "audit", 400 * DAY)
    assert told[RECORDINGS] == ("3.2.1", "recordings", 30 * DAY)
    assert told[QUARANTINE] == ("3.2.1", "what producers wrote", 7 * DAY)
    assert told["panlock.pending"] == ("3.2.1", "masked", None)


@pytest.mark.parametrize(
    ("topic", "configs", "verdict"),
    [
        (RECORDINGS, {"retention_ms": str(31 * DAY)}, Verdict.LONGER),
        (RECORDINGS, {"retention_ms": "-1"}, Verdict.LONGER),
        (AUDIT, {"retention_ms": str(30 * DAY)}, Verdict.SHORTER),
        (AUDIT, {"cleanup_policy": "delete"}, Verdict.CLEANUP),
        (AUDIT, {"cleanup_policy": "delete,compact"}, Verdict.FINE),
        ("panlock.pending", {"cleanup_policy": "delete"}, Verdict.CLEANUP),
        (QUARANTINE, {"retention_ms": str(8 * DAY)}, Verdict.LONGER),
    ],
)
def test_another_setting_is_told(topic: str, configs: dict[str, str], verdict: Verdict) -> None:
    assert found(topic, set_to(topic, **configs)).verdict is verdict


def test_a_record_is_overdue_once_its_segment_should_be_gone() -> None:
    until = 30 * DAY + DAY + CHECKS  # the topic's retention, a segment, and what the broker takes
    fresh = found(RECORDINGS, replace(FINE[RECORDINGS], oldest=NOW - until))
    assert (fresh.verdict, fresh.until, fresh.age) == (Verdict.FINE, until, until)
    assert found(RECORDINGS, replace(FINE[RECORDINGS], oldest=NOW - until - 1)).verdict is Verdict.OVERDUE
    assert found(QUARANTINE, replace(FINE[QUARANTINE], oldest=NOW - 8 * DAY)).verdict is Verdict.OVERDUE
    assert found("panlock.pending", replace(FINE["panlock.pending"], oldest=1)).verdict is Verdict.FINE


def test_what_is_kept_for_good_is_never_overdue() -> None:
    there = set_to(RECORDINGS, retention_ms=str(FOREVER))
    assert found(RECORDINGS, replace(there, oldest=1)).verdict is Verdict.LONGER


def test_a_topic_that_is_not_there_is_told() -> None:
    assert found(RECORDINGS, None).verdict is Verdict.MISSING
