"""What `panlock doctor` says of a cluster: nothing of a good one, and each thing that is wrong by its name."""

# ruff: noqa: E501  # tables

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from deploy.desired import Desired, desired
from deploy.doctor.facts import INTERNAL, Broker, Controller, Facts, Setting
from deploy.doctor.finding import Check, Finding, Severity, Tools
from deploy.doctor.judge import judge
from deploy.doctor.listeners import mapped
from deploy.grants import Acl
from deploy.observed import ObservedTopic
from pipeline.policy import parse_policy
from tests.policy_text import POLICY

NOW = 1_800_000_000_000
QUARANTINE = "quarantine.payments.checkout"
KAFKAS = {  # as Kafka 4.3 tells its defaults, and what a good cluster sets
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "listeners": "CLIENT://10.0.0.1:9093,OAUTH://10.0.0.1:9094,CONTROLLER://10.0.0.1:9095",
    "listener.security.protocol.map": "CLIENT:SSL,OAUTH:SASL_SSL,CONTROLLER:PLAINTEXT",
    "controller.listener.names": "CONTROLLER",
    "ssl.client.auth": "required",
    "ssl.principal.mapping.rules": "RULE:^CN=(.*?)$/$1/,DEFAULT",
    "principal.builder.class": "org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder",
    "auto.create.topics.enable": "false",
    "unclean.leader.election.enable": "false",
    "min.insync.replicas": "2",
    "transaction.max.timeout.ms": "900000",
    "transactional.id.expiration.ms": "604800000",
    "transaction.partition.verification.enable": "true",
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
    "offsets.topic.replication.factor": "3",
    "group.min.session.timeout.ms": "6000",
    "group.max.session.timeout.ms": "1800000",
    "group.coordinator.rebalance.protocols": "classic,consumer,streams",
    "log.retention.check.interval.ms": "300000",
    "log.segment.delete.delay.ms": "60000",
    "log.cleaner.enable": "true",
    "socket.request.max.bytes": "104857600",
    "create.topic.policy.class.name": "",
    "alter.config.policy.class.name": "",
}
DYNAMIC = {"min.insync.replicas", "unclean.leader.election.enable", "log.segment.delete.delay.ms"}
HIDDEN = "(hidden)"

Change = Callable[[Facts], Facts]


@pytest.fixture(scope="module")
def wanted() -> Desired:
    return desired(parse_policy(POLICY, "policy.yaml"), 3)


@pytest.fixture
def good(wanted: Desired) -> Facts:
    topics = {t.name: ObservedTopic(t.partitions, 3, True, dict(t.configs), set(t.configs)) for t in wanted.topics}
    return Facts(
        bootstrap="b1:9093",
        brokers=tuple(Broker(number, settings({})) for number in (1, 2, 3)),
        topics={**topics, "orders": ObservedTopic(1, 1, True, {})},
        acls=wanted.acls | {Acl("topic", "orders", "LITERAL", "User:shop", "WRITE")},
        denies_strangers=True,
        now=NOW,
        internal=dict.fromkeys(INTERNAL, 3),
        stamps={1: NOW - 5_000, 2: NOW + 900, 3: NOW - 59_000},
        controller=Controller(2, -40),
        features={"metadata.version": 30, "transaction.version": 2},
    )


def settings(changes: Mapping[str, str]) -> dict[str, Setting]:
    both = {**KAFKAS, **changes}
    return {k: Setting(None if v is HIDDEN else v, k not in DYNAMIC) for k, v in both.items()}


def setting(**changes: str) -> Change:
    """On broker 3."""
    named = {key.replace("_", "."): value for key, value in changes.items()}
    return lambda facts: replace(facts, brokers=(*facts.brokers[:2], Broker(3, settings(named))))


def with_(**changes: object) -> Change:
    return lambda facts: replace(facts, **changes)


def acl(
    name: str,
    operation: str,
    pattern: str = "LITERAL",
    who: str = "User:mallory",
    resource: str = "topic",
    permission: str = "ALLOW",
) -> Change:
    made = Acl(resource, name, pattern, who, operation, permission)
    return lambda facts: replace(facts, acls=(facts.acls or frozenset()) | {made})


def topic(name: str, **changes: object) -> Change:
    return lambda facts: replace(facts, topics={**facts.topics, name: replace(facts.topics[name], **changes)})


def config(name: str, key: str, value: str) -> Change:
    def change(facts: Facts) -> Facts:
        has = facts.topics[name]
        return topic(name, configs={**has.configs, key: value}, overrides={*has.overrides, key})(facts)

    return change


def left_over(facts: Facts) -> Facts:
    return replace(facts, topics={**facts.topics, "quarantine.old.checkout": ObservedTopic(1, 3, True, {})})


def not_made(**changes: str) -> Change:
    """Kafka's own topics are not there yet."""
    return lambda facts: replace(setting(**changes)(facts), internal={})


B, R, U, N = Severity.BLOCKER, Severity.RISK, Severity.UNKNOWN, Severity.NOTE
FOUND: dict[str, tuple[Change, Check, Severity, str, str, str]] = {
    # change, check, severity, where, in what is told, in the remedy
    "no authorizer": (setting(authorizer_class_name=""), Check.AUTHORIZER, B, "broker 3", "every client may do everything", "StandardAuthorizer"),
    "ACLs are off": (with_(acls=None), Check.AUTHORIZER, B, "cluster", "ACLs are off", "StandardAuthorizer"),
    "another authorizer": (setting(authorizer_class_name="x.Ranger"), Check.AUTHORIZER, U, "broker 3", "x.Ranger", "# see"),
    "default not proven": (lambda f: replace(setting(**{"allow.everyone.if.no.acl.found": HIDDEN})(f), denies_strangers=False), Check.DEFAULT_DENY, U, "broker 3", "tells nobody", "grep allow.everyone"),
    "super users": (setting(super_users=HIDDEN), Check.SUPER_USERS, N, "broker 3", "no ACL stops", "grep super.users"),
    "a plaintext listener": (setting(listeners="CLIENT://:9093,PLAINTEXT://:9092", **{"listener.security.protocol.map": "CLIENT:SSL,PLAINTEXT:PLAINTEXT"}), Check.PLAINTEXT, R, "broker 3", "listener PLAINTEXT is PLAINTEXT", "PLAINTEXT:SSL"),
    "SASL in the clear": (setting(listener_security_protocol_map="CLIENT:SSL,OAUTH:SASL_PLAINTEXT"), Check.PLAINTEXT, R, "broker 3", "listener OAUTH is SASL_PLAINTEXT", "OAUTH:SASL_SSL"),
    "a listener that asks for no certificate": (setting(listeners="CLIENT://:9093,OPEN://:9092", **{"listener.security.protocol.map": "CLIENT:SSL,OPEN:SSL", "listener.name.open.ssl.client.auth": "requested"}), Check.CLIENT_AUTH, R, "broker 3", "ANONYMOUS", "listener.name.open.ssl.client.auth=required"),
    "a listener that does not say": (setting(listeners="CLIENT://:9093,OPEN://:9092", **{"listener.security.protocol.map": "CLIENT:SSL,OPEN:SSL", "listener.name.open.ssl.client.auth": HIDDEN}), Check.CLIENT_AUTH, U, "broker 3", "not to be seen", "required"),
    "nobody is known": (setting(listeners="OAUTH://:9094"), Check.CERTIFICATE_LISTENER, B, "broker 3", "no listener that asks", "ssl.client.auth=required"),
    "the name is all of the subject": (setting(ssl_principal_mapping_rules="DEFAULT"), Check.PRINCIPAL_MAPPING, B, "broker 3", "User:CN=panlock-worker", "RULE:^CN="),
    "a rule that nobody can read": (setting(ssl_principal_mapping_rules=r"RULE:^CN=(\p{L}+)$/$1/"), Check.PRINCIPAL_MAPPING, U, "broker 3", "cannot be told", "RULE:^CN="),
    "another principal builder": (setting(principal_builder_class="x.Builder"), Check.PRINCIPAL_MAPPING, U, "broker 3", "x.Builder", "# see"),
    "delegation tokens": (setting(delegation_token_secret_key=HIDDEN), Check.TOKENS, R, "broker 3", "without a certificate", "kafka-delegation-tokens.sh"),
    "no room in time": (setting(transaction_max_timeout_ms="9999"), Check.TRANSACTIONS, B, "broker 3", "is 9999", "transaction.max.timeout.ms=900000"),
    "ids expire": (setting(transactional_id_expiration_ms="60000"), Check.TRANSACTIONS, R, "broker 3", "idle", "=604800000"),
    "late writes": (setting(transaction_partition_verification_enable="false"), Check.TRANSACTIONS, R, "broker 3", "late write", "=true"),
    "sessions too long": (setting(group_min_session_timeout_ms="30000"), Check.SESSIONS, B, "broker 3", "refused", "=6000"),
    "sessions too short": (setting(group_max_session_timeout_ms="9000"), Check.SESSIONS, B, "broker 3", "refused", "=1800000"),
    "no classic groups": (setting(group_coordinator_rebalance_protocols="consumer"), Check.SESSIONS, B, "broker 3", "classic", "=classic,consumer"),
    "topics by accident": (setting(auto_create_topics_enable="true"), Check.AUTO_CREATE, R, "broker 3", "mistyped", "auto.create.topics.enable=false"),
    "unclean": (setting(unclean_leader_election_enable="true"), Check.UNCLEAN_ELECTION, R, "broker 3", "committed", "--entity-default --add-config unclean.leader.election.enable=false"),
    "one in sync": (setting(min_insync_replicas="1"), Check.MIN_INSYNC, R, "broker 3", "is 1", "--add-config min.insync.replicas=2"),
    "one in sync at a transaction's end": (setting(transaction_state_log_min_isr="1"), Check.INTERNAL_TOPICS, R, "broker 3", "is 1", "min.isr=2"),
    "one copy of transactions": (with_(internal={INTERNAL[0]: 1, INTERNAL[1]: 3}), Check.INTERNAL_TOPICS, R, "topic __transaction_state", "1 replica where 3", "kafka-reassign"),
    "one copy, once it is made": (not_made(transaction_state_log_replication_factor="1"), Check.INTERNAL_TOPICS, R, "broker 3", "is 1", "=3"),
    "more copies than brokers": (not_made(transaction_state_log_replication_factor="4"), Check.INTERNAL_TOPICS, B, "broker 3", "no transaction begins", "=3"),
    "purged and there": (setting(log_retention_check_interval_ms="3600000"), Check.SEGMENTS, R, "broker 3", "card data", "=300000"),
    "deleted and there": (setting(log_segment_delete_delay_ms="3600000"), Check.SEGMENTS, R, "broker 3", "card data", "kafka-configs.sh"),
    "no cleaner": (setting(log_cleaner_enable="false"), Check.CLEANER, R, "broker 3", "panlock.state", "=true"),
    "who may make topics": (setting(create_topic_policy_class_name="x.P"), Check.TOPIC_POLICY, U, "broker 3", "x.P", "panlock deploy plan"),
    "old features": (with_(features={"metadata.version": 14}), Check.FEATURES, R, "cluster", "is 14", "kafka-features.sh"),
    "old transactions": (with_(features={"metadata.version": 30, "transaction.version": 1}), Check.FEATURES, R, "cluster", "below 2", "--feature transaction.version=2"),
    "unknown features": (with_(features=None), Check.FEATURES, U, "cluster", "could not", "describe"),
    "small requests": (setting(socket_request_max_bytes="1000000"), Check.MESSAGE_SIZE, B, "broker 3", "largest record", "socket.request.max.bytes="),
    "larger records than the flow's": (config("payments", "max.message.bytes", "9000000"), Check.MESSAGE_SIZE, R, "topic payments", "9000000", "max_message_bytes"),
    "a controller ahead": (with_(controller=Controller(7, 61_000)), Check.CLOCK, R, "controller 7", "61 s ahead", "chronyc"),
    "a controller behind": (with_(controller=Controller(2, -3_600_000)), Check.CLOCK, R, "controller 2", "3600 s behind", "chronyc"),
    "a broker ahead": (with_(stamps={1: NOW, 2: NOW, 3: NOW + 61_000}), Check.CLOCK, R, "broker 3", "61 s ahead", "chronyc"),
    "a broker that tells no time": (with_(stamps={1: NOW - 61_000}), Check.CLOCK, U, "brokers 1, 3", "last minute", "ask again"),
    "reads quarantine": (acl(QUARANTINE, "READ"), Check.QUARANTINE_READER, B, "ACL ALLOW User:mallory READ", f"read card data: {QUARANTINE}", f"--remove --allow-principal 'User:mallory' --operation Read --topic '{QUARANTINE}'"),
    "reads everything": (acl("*", "READ"), Check.QUARANTINE_READER, B, "LITERAL:*", "read card data: quarantine.payments.checkout, quarantine.payments.refunds", "--topic '*'"),
    "may do everything": (acl("", "ALL", "PREFIXED", "User:*"), Check.QUARANTINE_READER, B, "PREFIXED:", "anybody may read", "--operation All --topic '' --resource-pattern-type prefixed"),
    "writes quarantine": (acl(QUARANTINE, "WRITE", who="User:refunds"), Check.QUARANTINE_WRITER, B, "User:refunds WRITE", "in the name of its owner", "--operation Write"),
    "writes clean": (acl("pay", "WRITE", "PREFIXED"), Check.CLEAN_WRITER, B, "PREFIXED:pay", "nobody has masked", "--resource-pattern-type prefixed"),
    "reads clean": (acl("payments", "READ"), Check.CLEAN_READER, R, "payments", "no consumer of the policy", "--operation Read"),
    "writes the audit": (acl("panlock.audit", "WRITE"), Check.OWN_WRITER, B, "panlock.audit", "only Panlock says", "--topic 'panlock.audit'"),
    "reads the audit": (acl("panlock.audit", "READ"), Check.OWN_READER, R, "panlock.audit", "no role", "--operation Read"),
    "alters": (acl("panlock.audit", "ALTER_CONFIGS"), Check.TOPIC_ADMIN, R, "panlock.audit", "change what it keeps", "--operation AlterConfigs"),
    "describes": (acl(QUARANTINE, "DESCRIBE"), Check.ACL, R, QUARANTINE, "DESCRIBE on", "--operation Describe"),
    "is in the workers' group": (acl("panlock", "READ", resource="group"), Check.ACL, R, "group", "the group panlock", "--group 'panlock'"),
    "fences workers": (acl("panlock-", "WRITE", "PREFIXED", resource="transactional-id"), Check.ACL, R, "transactional-id", "transactional-id panlock-", "--transactional-id 'panlock-'"),
    "is denied": (acl(QUARANTINE, "WRITE", who="User:checkout", permission="DENY"), Check.ACL, R, "DENY User:checkout", "denies", "--remove --deny-principal 'User:checkout'"),
    "writes ACLs": (acl("kafka-cluster", "ALTER", resource="cluster"), Check.CLUSTER_ADMIN, N, "cluster", "grant itself", "--operation Alter --cluster"),
    "retention that removes": (config(QUARANTINE, "retention.ms", "-1"), Check.TOPIC, B, f"topic {QUARANTINE}", "refuses", "--add-config retention.ms=604800000"),
    "compaction of the audit": (config("panlock.audit", "cleanup.policy", "compact"), Check.TOPIC, B, "topic panlock.audit", "cleanup.policy is compact", "--add-config cleanup.policy=[compact,delete]"),
    "a year is not kept": (config("panlock.audit", "retention.ms", "1000"), Check.TOPIC_SETTINGS, R, "topic panlock.audit", "retention.ms is 1000", "panlock deploy apply --policy policy.yaml"),
    "producers' times": (config(QUARANTINE, "message.timestamp.type", "CreateTime"), Check.TOPIC_SETTINGS, R, f"topic {QUARANTINE}", "CreateTime", "panlock deploy apply"),
    "tiered": (config(QUARANTINE, "remote.storage.enable", "true"), Check.TOPIC_SETTINGS, R, f"topic {QUARANTINE}", "remote.storage.enable is true", "panlock deploy apply"),
    "a setting of somebody's": (config("panlock.state", "max.compaction.lag.ms", "1"), Check.TOPIC_SETTINGS, R, "topic panlock.state", "max.compaction.lag.ms", "--delete-config max.compaction.lag.ms"),
    "too many partitions": (topic("payments", partitions=13), Check.TOPIC, B, "topic payments", "has 13 partitions", "set partitions: 13"),
    "too few replicas": (topic("panlock.audit", replication=1), Check.TOPIC, R, "topic panlock.audit", "1 replicas where 3", "reassign"),
    "a topic left over": (left_over, Check.LEFT_OVER, R, "topic quarantine.old.checkout", "in no flow", "--prune"),
    "settings denied": (lambda f: replace(f, brokers=(*f.brokers[:2], Broker(3, None))), Check.UNSEEN, U, "broker 3", "denies", "DESCRIBE_CONFIGS"),
    "a topic denied": (with_(unseen={INTERNAL[0]}), Check.UNSEEN, U, "topic __transaction_state", "denies", "DESCRIBE"),
}  # fmt: skip


def test_a_good_cluster_has_no_finding(good: Facts, wanted: Desired) -> None:
    assert judge(good, wanted, "policy.yaml") == []
    found = judge(good, None, "")  # without the policy, nobody knows its deployer
    assert [(each.check, each.severity) for each in found] == [(Check.CLUSTER_ADMIN, Severity.NOTE)]


@pytest.mark.parametrize("name", FOUND)
def test_what_is_wrong_is_found_alone_and_by_its_name(good: Facts, wanted: Desired, name: str) -> None:
    change, check, severity, where, what, remedy = FOUND[name]
    (found,) = judge(change(good), wanted, "policy.yaml")
    assert (found.check, found.severity) == (check, severity)
    assert where in found.where
    assert what in found.what
    assert remedy in found.remedy
    assert all(number.split(".")[0].isdigit() for number in found.requirements)


def test_one_broker_is_a_risk_and_kafkas_own_topics_can_have_no_more_copies(good: Facts) -> None:
    alone = desired(parse_policy(POLICY, "p"), 1)
    topics = {t.name: ObservedTopic(t.partitions, 1, True, dict(t.configs), set(t.configs)) for t in alone.topics}
    one = replace(good, brokers=good.brokers[:1], topics=topics, internal=dict.fromkeys(INTERNAL, 1))
    (found,) = judge(one, alone, "policy.yaml")
    assert (found.check, found.severity) == (Check.BROKERS, Severity.RISK)


def test_every_check_is_provoked_here() -> None:
    assert {check for _, check, *_ in FOUND.values()} | {Check.BROKERS} == set(Check)


def test_a_certificate_that_is_denied_what_nobody_has_proves_the_default(good: Facts, wanted: Desired) -> None:
    hidden = setting(**{"allow.everyone.if.no.acl.found": HIDDEN})(good)
    assert judge(hidden, wanted, "p") == []


def test_without_a_policy_what_reaches_everything_is_found_and_what_names_a_topic_is_not(good: Facts) -> None:
    for change in (acl("*", "READ"), acl("quar", "READ", "PREFIXED"), acl("panl", "WRITE", "PREFIXED")):
        found, _ = judge(change(good), None, "")
        assert found.severity == Severity.BLOCKER
    assert judge(acl(QUARANTINE, "READ")(good), None, "") == judge(good, None, "")


def test_brokers_that_are_alike_are_told_of_once(good: Facts, wanted: Desired) -> None:
    open_ = settings({"auto.create.topics.enable": "true"})
    (found,) = judge(replace(good, brokers=tuple(Broker(n, open_) for n in (3, 1, 2))), wanted, "p")
    assert found.where == "brokers 1, 2, 3"


def test_the_worst_comes_first(good: Facts, wanted: Desired) -> None:
    changed = acl("kafka-cluster", "ALTER", resource="cluster")(acl("payments", "WRITE")(good))
    changed = setting(auto_create_topics_enable="true", super_users=HIDDEN)(changed)
    found: list[Finding] = judge(replace(changed, features=None), wanted, "p")
    assert [each.severity for each in found] == [B, R, U, N, N]


@pytest.mark.parametrize(
    ("rules", "name"),
    [
        ("DEFAULT", "CN=Ana,O=Pay"),
        ("RULE:^CN=(.*?),O=(.*?)$/$1@$2/", "Ana@Pay"),
        ("RULE:^CN=(.*?),O=.*$/$1/L,DEFAULT", "ana"),
        ("RULE:^CN=(.*?),O=.*$/$1/U", "ANA"),
        ("RULE:^CN=(.*?)$/x/,RULE:^.*O=(.*)$/$1/,DEFAULT", "x"),
        ("RULE:^OU=(.*?)$/$1/", ""),
        ("RULE:^CN=(.*?),O=.*$/$2/", None),
    ],
)
def test_a_name_is_mapped_as_kafka_maps_it(rules: str, name: str | None) -> None:
    assert mapped(rules, "CN=Ana,O=Pay") == name


def test_commands_name_the_cluster_and_the_host_of_an_acl() -> None:
    made = Tools("b1:9093").remove(Acl("topic", "t", "LITERAL", "User:m", "READ", "ALLOW", "10.0.0.1"))
    assert made.startswith("kafka-acls.sh --bootstrap-server b1:9093 --command-config admin.properties --remove")
    assert "--allow-host 10.0.0.1" in made
