"""A worker does not work on topics that do not fit the policy."""

from dataclasses import replace

import pytest

from agents.cluster import Facts, Identity
from agents.fit import ClusterMismatchError, check_fit
from pipeline.policy import parse_policy
from pipeline.policy.topics import limits
from tests.lane import POLICY

RULES = parse_policy(POLICY.replace("    partitions: 1\n", "    partitions: 1\n    recording: masked\n"), "policy.yaml")
TOPICS = limits(RULES)
FITTING = Facts(Identity("cluster", dict.fromkeys(TOPICS, "id")), dict.fromkeys(TOPICS, 1), TOPICS, frozenset())


def test_topics_as_the_policy_has_them_fit() -> None:
    check_fit(RULES, FITTING)


@pytest.mark.parametrize("topic", [topic for topic in TOPICS if topic.startswith("panlock.")])
def test_another_number_of_lanes_is_refused(topic: str) -> None:
    with pytest.raises(ClusterMismatchError, match=rf"{topic} has 8 partitions, the policy has lanes: 1"):
        check_fit(RULES, replace(FITTING, partitions={**FITTING.partitions, topic: 8}))


def test_a_clean_topic_with_fewer_partitions_than_its_quarantine_topics_is_refused() -> None:
    wider = {**FITTING.partitions, "quarantine.payments.strict": 3}
    with pytest.raises(ClusterMismatchError, match=r"clean\.payments has 1 partitions, its quarantine topics 3"):
        check_fit(RULES, replace(FITTING, partitions=wider))
    check_fit(RULES, replace(FITTING, partitions={**wider, "clean.payments": 3}))


@pytest.mark.parametrize("topic", ["panlock.audit", "panlock.decisions", "panlock.rejections.checkout"])
def test_a_topic_that_does_not_take_what_panlock_writes_is_refused(topic: str) -> None:
    with pytest.raises(ClusterMismatchError, match=rf"{topic} takes batches of 100 bytes"):
        check_fit(RULES, replace(FITTING, limits={**FITTING.limits, topic: 100}))


def test_a_principal_without_a_flow_has_no_topics_to_fit() -> None:
    idle = parse_policy(
        POLICY.replace("principals:\n", "principals:\n  idle: {spiffe: spiffe://pay.example/idle}\n"), "p"
    )
    check_fit(idle, FITTING)
