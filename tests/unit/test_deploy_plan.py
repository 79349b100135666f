"""The difference between a policy and a cluster, as tables."""

# ruff: noqa: E501  # tables

from collections.abc import Callable
from dataclasses import replace

import pytest

from deploy.desired import Desired, desired
from deploy.grants import Acl
from deploy.observed import Observed, ObservedTopic
from deploy.plan import Configure, Grow, Plan, as_json, plan
from pipeline.policy import parse_policy
from tests.policy_text import POLICY

QUARANTINE = "quarantine.payments.checkout"


@pytest.fixture(scope="module")
def wanted() -> Desired:
    return desired(parse_policy(POLICY, "policy.yaml"), 3)


def fulfilled(wanted: Desired) -> Observed:
    """The cluster as apply leaves it, with something of somebody else's."""
    topics = {t.name: ObservedTopic(t.partitions, 3, True, dict(t.configs), set(t.configs)) for t in wanted.topics}
    topics["orders"] = ObservedTopic(1, 1, True, {})
    topics["panlock.audit.gateway"] = ObservedTopic(1, 1, True, {})
    others = {
        Acl("topic", "orders", "LITERAL", "User:shop", "READ"),
        Acl("topic", "panlock.audit.gateway", "LITERAL", "User:gateway", "WRITE"),
        Acl("topic", "paymentsX", "LITERAL", "User:shop", "READ"),
        Acl("topic", "payments-", "PREFIXED", "User:shop", "READ"),
        Acl("group", "shop", "PREFIXED", "User:shop", "READ"),
        Acl("group", "panlock-shop", "PREFIXED", "User:shop", "READ"),
        Acl("transactional-id", "shop", "LITERAL", "User:shop", "WRITE"),
    }
    return Observed(3, topics, wanted.acls | others)


def with_topic(name: str, **changes: object) -> Callable[[Observed], Observed]:
    def change(observed: Observed) -> Observed:
        topic = replace(observed.topics[name], **changes)  # type: ignore[arg-type]
        return replace(observed, topics={**observed.topics, name: topic})

    return change


def with_config(name: str, key: str, value: str) -> Callable[[Observed], Observed]:
    def change(observed: Observed) -> Observed:
        topic = observed.topics[name]
        return with_topic(name, configs={**topic.configs, key: value}, overrides={*topic.overrides, key})(observed)

    return change


def with_acl(acl: Acl) -> Callable[[Observed], Observed]:
    return lambda observed: replace(observed, acls=observed.acls | {acl})


def test_a_cluster_as_the_policy_says_has_no_drift(wanted: Desired) -> None:
    found = plan(wanted, fulfilled(wanted))
    assert found == Plan((), (), (), (), (), (), ())
    assert not found.drift
    assert as_json(found)["drift"] is False


def test_an_empty_cluster_gets_everything(wanted: Desired) -> None:
    found = plan(wanted, Observed(3, {}, frozenset()))
    assert found.create == wanted.topics
    assert set(found.grant) == wanted.acls
    assert found.changes
    assert found.drift
    assert not found.refused


def test_a_flow_grows_and_a_setting_is_mended(wanted: Desired) -> None:
    observed = with_topic(QUARANTINE, partitions=6)(fulfilled(wanted))
    observed = with_config("payments", "retention.ms", "1000")(observed)
    found = plan(wanted, observed)
    assert found.grow == (Grow(QUARANTINE, 6, 12),)
    assert found.configure == (Configure("payments", "retention.ms", "1000", "1209600000"),)
    assert not found.found


def test_a_missing_acl_is_granted_again(wanted: Desired) -> None:
    lost = Acl("topic", QUARANTINE, "LITERAL", "User:checkout", "WRITE")
    observed = fulfilled(wanted)
    assert plan(wanted, replace(observed, acls=observed.acls - {lost})).grant == (lost,)


def test_the_order_of_cleanup_policies_means_nothing(wanted: Desired) -> None:
    assert not plan(wanted, with_config("panlock.audit", "cleanup.policy", "delete,compact")(fulfilled(wanted))).drift


REFUSED = {
    "more partitions than lanes": (with_topic("panlock.audit", partitions=16), "16 partitions for 8 lanes", "lanes: 16"),
    "fewer partitions than lanes": (with_topic("panlock.state", partitions=4), "4 partitions for 8 lanes", "lanes: 4"),
    "rejections of other lanes": (with_topic("panlock.rejections.refunds", partitions=4), "for 8 lanes", "lanes: 4"),
    "a flow would shrink": (with_topic("payments", partitions=13), "13 partitions, the policy says 12", "partitions: 13"),
    "shorter retention": (with_config("payments", "retention.ms", "9999999999"), "could remove records", "the longer time"),
    "retention ends": (with_config("panlock.decisions", "retention.ms", "-1"), "could remove records", "the longer time"),
    "compaction ends": (with_config("payments", "cleanup.policy", "compact"), "could remove records", "by hand"),
    "compaction begins": (with_config("panlock.pending", "cleanup.policy", "delete"), "could remove records", "by hand"),
    "tombstones kept shorter": (with_config("panlock.state", "delete.retention.ms", "99999999999"), "could remove", "by hand"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "what", "remedy"), REFUSED.values(), ids=REFUSED)
def test_what_could_lose_records_or_lanes_is_refused(
    wanted: Desired, change: Callable[[Observed], Observed], what: str, remedy: str
) -> None:
    found = plan(wanted, change(fulfilled(wanted)))
    assert len(found.refused) == 1
    assert what in found.refused[0].what
    assert remedy in found.refused[0].remedy
    assert not found.changes
    assert found.drift


def allow(resource: str, name: str, pattern: str, operation: str = "READ", **more: str) -> Acl:
    return Acl(resource, name, pattern, "User:mallory", operation, **more)


REVOCABLE = [
    allow("topic", QUARANTINE, "LITERAL"),
    allow("topic", QUARANTINE, "LITERAL", "WRITE"),
    allow("topic", QUARANTINE, "LITERAL", host="10.0.0.1"),
    allow("topic", "payments", "LITERAL", "WRITE"),
    allow("topic", "payments", "LITERAL", "DESCRIBE"),
    allow("topic", "panlock.audit", "LITERAL", "ALL"),
    allow("topic", "quarantine.", "PREFIXED"),
    allow("topic", "quarantine.gone.checkout", "LITERAL"),
    allow("topic", "panlock.", "PREFIXED"),
    allow("group", "panlock", "LITERAL"),
    allow("transactional-id", "panlock-", "PREFIXED", "WRITE"),
    allow("transactional-id", "panlock-3", "LITERAL", "WRITE"),
]
TOO_WIDE = [
    allow("topic", "*", "LITERAL"),
    allow("topic", "pay", "PREFIXED"),
    allow("topic", "payments", "PREFIXED", "WRITE"),
    allow("topic", "q", "PREFIXED"),
    allow("group", "*", "LITERAL"),
    allow("group", "pan", "PREFIXED"),
    allow("transactional-id", "*", "LITERAL", "WRITE"),
    allow("transactional-id", "p", "PREFIXED", "WRITE"),
]


@pytest.mark.parametrize("acl", REVOCABLE, ids=str)
def test_an_extra_acl_on_panlocks_own_is_drift_and_can_be_revoked(wanted: Desired, acl: Acl) -> None:
    found = plan(wanted, with_acl(acl)(fulfilled(wanted)))
    assert found.revoke == (acl,)
    assert found.drift
    assert not found.changes


@pytest.mark.parametrize("acl", TOO_WIDE, ids=str)
def test_a_wider_acl_that_reaches_in_is_drift_for_people_to_mend(wanted: Desired, acl: Acl) -> None:
    found = plan(wanted, with_acl(acl)(fulfilled(wanted)))
    assert found.revoke == ()
    assert [each.subject for each in found.found] == [f"ACL {acl}"]
    assert found.drift
    assert not found.refused


def test_a_denial_is_drift_and_never_revoked(wanted: Desired) -> None:
    brake = allow("topic", QUARANTINE, "LITERAL", "WRITE", permission="DENY")
    found = plan(wanted, with_acl(brake)(fulfilled(wanted)))
    assert found.revoke == ()
    assert "lift it by hand" in found.found[0].remedy


@pytest.mark.parametrize("operation", ["ALTER", "CLUSTER_ACTION", "ALL"])
def test_who_can_go_around_all_of_it_is_told_without_being_drift(wanted: Desired, operation: str) -> None:
    found = plan(wanted, with_acl(allow("cluster", "kafka-cluster", "LITERAL", operation))(fulfilled(wanted)))
    assert found.notes == (f"User:mallory has {operation} on the whole cluster, and with it the way to every topic",)
    assert not found.drift


def test_a_setting_that_the_policy_does_not_know_is_drift_on_panlocks_topics_alone(wanted: Desired) -> None:
    observed = with_config("panlock.audit", "max.compaction.lag.ms", "1")(fulfilled(wanted))
    observed = with_config("payments", "compression.type", "zstd")(observed)
    assert [each.what for each in plan(wanted, observed).found] == ["has max.compaction.lag.ms = 1, not of the policy"]


@pytest.mark.parametrize("name", ["quarantine.old.checkout", "panlock.rejections.old", "panlock.extra"])
def test_a_topic_left_over_is_drift(wanted: Desired, name: str) -> None:
    observed = fulfilled(wanted)
    found = plan(wanted, replace(observed, topics={**observed.topics, name: ObservedTopic(1, 1, True, {})}))
    assert [each.subject for each in found.found] == [f"topic {name}"]
    assert not found.refused


def test_too_few_replicas_are_drift(wanted: Desired) -> None:
    found = plan(wanted, with_topic("panlock.audit", replication=1)(fulfilled(wanted)))
    assert [each.what for each in found.found] == ["has 1 replicas where 3 are possible"]
    assert not found.refused
