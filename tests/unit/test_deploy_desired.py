"""What a policy asks of the cluster: topics with their configurations, and ACLs."""

# ruff: noqa: E501  # tables

import pytest

from deploy.desired import Desired, Topic, desired
from deploy.grants import Acl, managed_topics
from pipeline.policy import Policy, parse_policy
from pipeline.policy.topics import limits
from tests.audit_keys import BROKERS, jwk
from tests.audit_keys import POLICY as AUDIT_KEYS
from tests.policy_text import POLICY

DAYS_400, DAYS_7 = str(400 * 86_400_000), str(7 * 86_400_000)


@pytest.fixture(scope="module")
def policy() -> Policy:
    return parse_policy(POLICY, "policy.yaml")


@pytest.fixture(scope="module")
def wanted(policy: Policy) -> Desired:
    return desired(policy, 3)


def topic(wanted: Desired, name: str) -> Topic:
    return next(each for each in wanted.topics if each.name == name)


TOPICS = {
    "panlock.state": {"cleanup.policy": "compact", "delete.retention.ms": DAYS_7, "message.timestamp.type": "LogAppendTime"},
    "panlock.audit": {
        "cleanup.policy": "compact,delete",
        "retention.ms": DAYS_400,
        "min.compaction.lag.ms": DAYS_400,
        "delete.retention.ms": DAYS_400,
        "retention.bytes": "-1",
        "message.timestamp.type": "LogAppendTime",
    },
    "panlock.pending": {"cleanup.policy": "compact"},
    "panlock.decisions": {"cleanup.policy": "delete", "retention.ms": DAYS_400, "message.timestamp.type": "LogAppendTime"},
    "panlock.rejections.checkout": {"cleanup.policy": "delete", "retention.ms": DAYS_7},
    "panlock.rejections.refunds": {"cleanup.policy": "delete", "retention.ms": DAYS_7},
    "payments": {"cleanup.policy": "delete", "message.timestamp.type": "CreateTime", "retention.ms": str(14 * 86_400_000)},
    "quarantine.payments.checkout": {
        "cleanup.policy": "delete",
        "message.timestamp.type": "LogAppendTime",
        "retention.ms": DAYS_7,
        "retention.bytes": "-1",
        "segment.ms": "60000",
        "remote.storage.enable": "false",
        "max.message.bytes": "1048588",
    },
    "quarantine.payments.refunds": {"message.timestamp.type": "LogAppendTime", "segment.ms": "60000"},
}  # fmt: skip


def test_exactly_the_topics_of_the_design_are_made(wanted: Desired, policy: Policy) -> None:
    names = [each.name for each in wanted.topics]
    assert sorted(names) == sorted(TOPICS)
    assert set(names) == set(managed_topics(policy)) == set(limits(policy))


@pytest.mark.parametrize("name", TOPICS)
def test_a_topic_has_the_configuration_of_the_design(wanted: Desired, policy: Policy, name: str) -> None:
    configs = topic(wanted, name).configs
    assert TOPICS[name].items() <= configs.items()
    assert configs["unclean.leader.election.enable"] == "false"
    assert configs["max.message.bytes"] == str(limits(policy)[name])


def test_panlocks_topics_have_a_partition_a_lane_and_a_flows_topics_share_theirs(wanted: Desired) -> None:
    assert {each.partitions for each in wanted.topics if each.lanes} == {8}
    assert {each.name for each in wanted.topics if not each.lanes} == {
        "payments",
        "quarantine.payments.checkout",
        "quarantine.payments.refunds",
    }
    assert {each.partitions for each in wanted.topics if not each.lanes} == {12}


def test_a_clean_topic_is_made_and_grown_before_what_flows_into_it(wanted: Desired) -> None:
    names = [each.name for each in wanted.topics]
    assert names.index("payments") < names.index("quarantine.payments.checkout")


@pytest.mark.parametrize(("brokers", "replication", "in_sync"), [(1, 1, "1"), (2, 2, "1"), (3, 3, "2"), (5, 3, "2")])
def test_three_brokers_hold_three_copies_and_two_must_be_in_sync(
    policy: Policy, brokers: int, replication: int, in_sync: str
) -> None:
    wanted = desired(policy, brokers)
    assert wanted.replication == replication
    assert {each.configs["min.insync.replicas"] for each in wanted.topics} == {in_sync}


def operations(wanted: Desired, name: str, resource: str, target: str) -> set[str]:
    return {a.operation for a in wanted.acls if (a.principal, a.resource, a.name) == (f"User:{name}", resource, target)}


GRANTS = [
    ("checkout", "topic", "quarantine.payments.checkout", {"WRITE", "DESCRIBE"}),
    ("checkout", "topic", "quarantine.payments.refunds", set()),
    ("checkout", "topic", "panlock.rejections.checkout", {"READ", "DESCRIBE"}),
    ("checkout", "topic", "panlock.rejections.refunds", set()),
    ("checkout", "topic", "payments", set()),
    ("checkout", "group", "checkout", {"READ", "DESCRIBE"}),
    ("ledger", "topic", "payments", {"READ", "DESCRIBE"}),
    ("ledger", "group", "ledger", {"READ", "DESCRIBE"}),
    ("ana", "topic", "panlock.pending", {"READ", "DESCRIBE"}),
    ("ana", "topic", "panlock.decisions", {"WRITE", "DESCRIBE"}),
    ("ana", "topic", "panlock.audit", set()),
    ("panlock-auditor", "topic", "panlock.audit", {"READ", "DESCRIBE", "DESCRIBE_CONFIGS"}),
    ("panlock-auditor", "topic", "panlock.state", set()),
    ("panlock-worker", "topic", "quarantine.payments.refunds", {"READ", "DELETE", "DESCRIBE", "DESCRIBE_CONFIGS"}),
    ("panlock-worker", "topic", "payments", {"WRITE", "DESCRIBE", "DESCRIBE_CONFIGS"}),
    ("panlock-worker", "topic", "panlock.state", {"READ", "WRITE", "DESCRIBE", "DESCRIBE_CONFIGS"}),
    ("panlock-worker", "topic", "panlock.audit", {"READ", "WRITE", "DESCRIBE", "DESCRIBE_CONFIGS"}),
    ("panlock-worker", "topic", "panlock.decisions", {"READ", "WRITE", "DESCRIBE", "DESCRIBE_CONFIGS"}),
    ("panlock-worker", "topic", "panlock.pending", {"WRITE", "DESCRIBE", "DESCRIBE_CONFIGS"}),
    ("panlock-worker", "topic", "panlock.rejections.refunds", {"WRITE", "DESCRIBE", "DESCRIBE_CONFIGS"}),
    ("panlock-worker", "transactional-id", "panlock-", {"WRITE", "DESCRIBE"}),
    ("panlock-worker", "group", "panlock", {"READ", "DESCRIBE"}),
    ("ops", "topic", "quarantine.payments.checkout", {"DESCRIBE", "DESCRIBE_CONFIGS"}),
    ("ops", "cluster", "kafka-cluster", {"DESCRIBE", "DESCRIBE_CONFIGS"}),
    ("panlock-deploy", "cluster", "kafka-cluster", {"ALTER", "CREATE", "DESCRIBE"}),
    ("panlock-deploy", "topic", "payments", {"CREATE", "ALTER", "ALTER_CONFIGS", "DESCRIBE", "DESCRIBE_CONFIGS"}),
]


@pytest.mark.parametrize(("name", "resource", "target", "expected"), GRANTS)
def test_a_role_is_granted_this_and_no_more(
    wanted: Desired, name: str, resource: str, target: str, expected: set[str]
) -> None:
    assert operations(wanted, name, resource, target) == expected


def test_topics_are_named_one_by_one_and_never_by_prefix_or_wildcard(wanted: Desired) -> None:
    assert {acl.pattern for acl in wanted.acls if acl.resource in ("topic", "cluster")} == {"LITERAL"}
    assert {acl.name for acl in wanted.acls if acl.resource == "topic"} == set(TOPICS)
    assert not [acl for acl in wanted.acls if acl.name == "*"]


def test_nobody_but_its_owner_writes_quarantine_and_nobody_but_workers_reads_it_or_writes_clean(
    wanted: Desired,
) -> None:
    def who(target: str, operation: str) -> set[str]:
        return {a.principal for a in wanted.acls if a.name == target and a.operation in (operation, "ALL")}

    assert who("quarantine.payments.checkout", "WRITE") == {"User:checkout"}
    assert who("quarantine.payments.checkout", "READ") == {"User:panlock-worker"}
    assert who("payments", "WRITE") == {"User:panlock-worker"}
    assert who("panlock.audit", "WRITE") == {"User:panlock-worker"}
    assert {a.name for a in wanted.acls if a.operation == "DELETE"} == {
        name for name in TOPICS if name.startswith("quarantine.")
    }


def test_a_principal_without_a_flow_gets_nothing() -> None:
    text = POLICY.replace("people:", "  idle: {spiffe: spiffe://pay.example/idle}\npeople:")
    wanted = desired(parse_policy(text, "p"), 1)
    assert not [acl for acl in wanted.acls if acl.principal == "User:idle"]


def test_a_client_of_an_issuer_is_granted_what_a_certificate_is_under_a_name_that_no_certificate_has() -> None:
    text = POLICY.replace(
        "{spiffe: spiffe://pay.example/refunds, identity: header}", "{oidc: {issuer: idp, subject: r7}}"
    )
    text = text.replace("people:", "issuers: {idp: {issuer: https://producers.example}}\npeople:")
    before, after = desired(parse_policy(POLICY, "p"), 1).acls, desired(parse_policy(text, "p"), 1).acls
    renamed = {acl._replace(principal=acl.principal.replace("User:refunds", "User:oidc:idp:r7")) for acl in before}
    assert after == renamed != before


def test_an_acl_reads_as_a_sentence() -> None:
    assert (
        str(Acl("topic", "payments", "LITERAL", "User:ledger", "READ"))
        == "ALLOW User:ledger READ on topic LITERAL:payments"
    )
    assert (
        str(Acl("group", "g", "PREFIXED", "User:a", "READ", "DENY", "10.0.0.1"))
        == "DENY User:a READ on group PREFIXED:g from 10.0.0.1"
    )


@pytest.fixture(scope="module")
def changed_by_people() -> Desired:
    rule = "policy_approvers: {roles: [operators, payments-approvers], quorum: 1}\nflows:"
    return desired(parse_policy(POLICY.replace("flows:", rule, 1), "p"), 3)


def test_where_people_change_the_policy_nothing_of_their_topic_is_ever_removed(changed_by_people: Desired) -> None:
    made = topic(changed_by_people, "panlock.policy")
    assert (made.partitions, made.lanes) == (1, False), "policies have one order"
    wanted = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
    assert wanted.items() <= made.configs.items() and made.configs["message.timestamp.type"] == "LogAppendTime"


@pytest.mark.parametrize(("name", "expected"), [
    ("ana", {"READ", "WRITE", "DESCRIBE"}),
    ("cy", {"READ", "WRITE", "DESCRIBE"}),
    ("panlock-worker", {"READ", "DESCRIBE", "DESCRIBE_CONFIGS"}),
    ("panlock-auditor", {"READ", "DESCRIBE"}),
    ("ops", {"DESCRIBE", "DESCRIBE_CONFIGS"}),
    ("checkout", set()),
    ("ledger", set()),
])  # fmt: skip
def test_only_policy_approvers_write_there(changed_by_people: Desired, name: str, expected: set[str]) -> None:
    assert operations(changed_by_people, name, "topic", "panlock.policy") == expected


@pytest.mark.parametrize(("role", "may"), [("operators", {"WRITE", "DESCRIBE"}), ("revealers", set())])
def test_of_others_operators_alone_write_there_for_denials(role: str, may: set[str]) -> None:
    rule = "policy_approvers: {roles: [payments-approvers], quorum: 1}\nflows:"
    text = POLICY.replace("roles: [payments-approvers, operators]", "roles: [payments-approvers]")
    text = text.replace("people:", f"people:\n  dee@pay.example: {{certificate: dee, roles: [{role}]}}", 1)
    wanted = desired(parse_policy(text.replace("flows:", rule, 1), "p"), 3)
    assert operations(wanted, "dee", "topic", "panlock.policy") == may


def test_a_principal_that_the_policy_denies_is_stopped_at_the_broker() -> None:
    wanted = desired(parse_policy(POLICY.replace("people:", "denied: {principals: [refunds]}\npeople:", 1), "p"), 3)
    stopped = {acl.name for acl in wanted.acls if acl.permission == "DENY"}
    assert stopped == {"quarantine.payments.refunds"}


@pytest.fixture(scope="module")
def sealed() -> Policy:
    return parse_policy(POLICY + AUDIT_KEYS, "policy.yaml")


def test_a_policy_with_a_sealer_has_its_topics_of_one_partition_kept_as_the_audit_is(sealed: Policy) -> None:
    wanted = desired(sealed, 3)
    assert {each.name for each in wanted.topics} == set(managed_topics(sealed)) == set(limits(sealed))
    for name in ("panlock.audit.sealer", "panlock.checkpoints"):
        made = topic(wanted, name)
        assert made.partitions == 1
        assert TOPICS["panlock.audit"].items() <= made.configs.items()


@pytest.mark.parametrize(
    ("who", "resource", "target", "may"),
    [
        ("panlock-sealer", "topic", "panlock.audit", {"READ", "DESCRIBE", "DESCRIBE_CONFIGS"}),
        ("panlock-sealer", "topic", "panlock.audit.sealer", {"READ", "WRITE", "DESCRIBE", "DESCRIBE_CONFIGS"}),
        ("panlock-sealer", "topic", "panlock.checkpoints", {"READ", "WRITE", "DESCRIBE", "DESCRIBE_CONFIGS"}),
        ("panlock-sealer", "topic", "panlock.state", set()),
        ("panlock-sealer", "topic", "payments", set()),
        ("panlock-sealer", "transactional-id", "sealer-panlock", {"WRITE", "DESCRIBE"}),
        ("panlock-worker", "topic", "panlock.checkpoints", {"DESCRIBE", "DESCRIBE_CONFIGS"}),
        ("panlock-worker", "transactional-id", "sealer-panlock", set()),
        ("panlock-auditor", "topic", "panlock.checkpoints", {"READ", "DESCRIBE", "DESCRIBE_CONFIGS"}),
        ("panlock-auditor", "topic", "panlock.audit.sealer", {"READ", "DESCRIBE", "DESCRIBE_CONFIGS"}),
    ],
)
def test_who_may_do_what_about_seals(sealed: Policy, who: str, resource: str, target: str, may: set[str]) -> None:
    assert operations(desired(sealed, 3), who, resource, target) == may


@pytest.fixture(scope="module")
def audited() -> Policy:
    return parse_policy(f"{POLICY}audit: {{broker_keys: [{jwk(BROKERS)}]}}\n", "policy.yaml")


def test_who_audits_brokers_has_a_topic_of_what_they_count_and_a_log(audited: Policy) -> None:
    wanted = desired(audited, 3)
    assert {each.name for each in wanted.topics} == set(managed_topics(audited)) == set(limits(audited))
    assert topic(wanted, "panlock.access").partitions == topic(wanted, "panlock.audit.brokers").partitions == 1
    assert TOPICS["panlock.audit"].items() <= topic(wanted, "panlock.audit.brokers").configs.items()
    counted = topic(wanted, "panlock.access").configs
    assert (counted["cleanup.policy"], counted["retention.ms"]) == ("delete", "2592000000")


@pytest.mark.parametrize(
    ("who", "resource", "target", "may"),
    [
        ("panlock-broker", "topic", "panlock.access", {"WRITE", "DESCRIBE"}),
        ("panlock-broker", "topic", "panlock.audit.brokers", set()),
        ("panlock-broker-audit", "topic", "panlock.access", {"READ", "DESCRIBE", "DESCRIBE_CONFIGS"}),
        ("panlock-broker-audit", "topic", "panlock.audit.brokers", {"READ", "WRITE", "DESCRIBE", "DESCRIBE_CONFIGS"}),
        ("panlock-broker-audit", "topic", "panlock.audit", set()),
        ("panlock-broker-audit", "transactional-id", "broker-audit-panlock", {"WRITE", "DESCRIBE"}),
        ("panlock-worker", "topic", "panlock.access", {"DESCRIBE", "DESCRIBE_CONFIGS"}),
        ("panlock-worker", "transactional-id", "broker-audit-panlock", set()),
        ("panlock-auditor", "topic", "panlock.audit.brokers", {"READ", "DESCRIBE", "DESCRIBE_CONFIGS"}),
        ("panlock-auditor", "topic", "panlock.access", {"READ", "DESCRIBE", "DESCRIBE_CONFIGS"}),
    ],
)
def test_who_may_do_what_about_reads(audited: Policy, who: str, resource: str, target: str, may: set[str]) -> None:
    assert operations(desired(audited, 3), who, resource, target) == may


def test_a_sealer_reads_the_brokers_log_where_there_is_one() -> None:
    keys = AUDIT_KEYS.replace("sealer_keys", f"broker_keys: [{jwk(BROKERS)}], sealer_keys")
    wanted = desired(parse_policy(POLICY + keys, "policy.yaml"), 3)
    may = operations(wanted, "panlock-sealer", "topic", "panlock.audit.brokers")
    assert may == {"READ", "DESCRIBE", "DESCRIBE_CONFIGS"}


def test_without_a_sealers_key_there_is_no_sealer(wanted: Desired) -> None:
    assert not any(acl.principal == "User:panlock-sealer" for acl in wanted.acls)


def test_where_people_sign_in_workers_keep_the_issuers_keys_there() -> None:
    issuers = "issuers: {idp: {issuer: https://idp.example, client_id: panlock}}\n"
    rule = f"{issuers}policy_approvers: {{roles: [operators, payments-approvers], quorum: 1}}\nflows:"
    text = POLICY.replace("flows:", rule, 1).replace("expires: 4h", "expires: 4h\n        requester: $.by")
    wanted = desired(parse_policy(text, "p"), 3)
    assert "WRITE" in operations(wanted, "panlock-worker", "topic", "panlock.policy")
    assert "WRITE" not in operations(wanted, "panlock-auditor", "topic", "panlock.policy")
