"""`panlock deploy` against a real broker: idempotent, finds drift, deletes nothing, tells why it cannot."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic
from confluent_kafka.admin import ResourceType as Resource

from agents.cluster import TopicMissingError, identify
from agents.settings import Kafka
from deploy.admin import connect, librdkafka
from deploy.desired import desired
from deploy.dev.ca import DevelopmentCA
from deploy.dev.cluster import DevCluster
from deploy.grants import Acl
from deploy.observed import observe, to_binding, to_filter
from deploy.provision import provision
from pipeline.approval.pending import Pending
from pipeline.policy import parse_policy
from pipeline.policy.topics import limits
from tests.deployment import until
from tests.kafka import own_cluster
from tests.policy_text import POLICY

QUARANTINE = "quarantine.payments.checkout"


@dataclass(frozen=True, slots=True)
class Answer:
    code: int
    out: str
    err: str


class Deploy:
    """`panlock deploy` in a process of its own."""

    def __init__(self, cluster: DevCluster, directory: Path) -> None:
        self.cluster, self.directory = cluster, directory
        self.admin: AdminClient = connect(cluster.config("admin"))

    def __call__(
        self, command: str, *options: str, policy: str = POLICY, name: str = "admin", says: str = ""
    ) -> Answer:
        return self.run(command, self.cluster.config(name), *options, policy=policy, says=says)

    def run(self, command: str, kafka: dict[str, str], *options: str, policy: str = POLICY, says: str = "") -> Answer:
        policy_file, config = self.directory / "policy.yaml", self.directory / "panlock.yaml"
        policy_file.write_text(policy)
        config.write_text(yaml.safe_dump({"kafka": kafka}))
        arguments = ["deploy", command, "--policy", str(policy_file), "--config", str(config), *options]
        command_line = [sys.executable, "-m", "cli.app", *arguments]
        done = subprocess.run(command_line, input=says, capture_output=True, text=True, timeout=60)
        assert "Traceback" not in done.stderr
        return Answer(done.returncode, done.stdout, done.stderr)

    def plan(self, policy: str = POLICY) -> dict[str, list[object]]:
        found: dict[str, list[object]] = json.loads(self("plan", "--json", policy=policy).out)
        return found

    def topics(self) -> list[str]:
        return [name for name in self.admin.list_topics(timeout=10).topics if not name.startswith("__")]

    def add(self, *acls: Acl) -> None:
        for future in self.admin.create_acls([to_binding(acl) for acl in acls]).values():
            future.result(10)
        until("the ACLs at the broker", lambda: set(acls) <= observe(self.admin, []).acls)

    def set(self, topic: str, key: str, value: str) -> None:
        entry = ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(Resource.TOPIC, topic, incremental_configs=[entry])
        for future in self.admin.incremental_alter_configs([resource]).values():
            future.result(10)
        until("the setting", lambda: observe(self.admin, [topic]).topics[topic].configs[key] == value)


@pytest.fixture
def deploy(fresh_cluster: DevCluster, tmp_path: Path) -> Iterator[Deploy]:
    """The policy applied, and at the end everything of it and of the test gone again."""
    running = Deploy(fresh_cluster, tmp_path)
    provision(fresh_cluster.config("admin"), parse_policy(POLICY, "policy.yaml"))
    yield running
    for future in running.admin.delete_topics(running.topics()).values():
        future.result(10)
    acls = observe(running.admin, []).acls
    for deleted in running.admin.delete_acls([to_filter(acl) for acl in acls]).values():
        deleted.result(10)
    until("an empty cluster at the broker", lambda: not running.topics() and not observe(running.admin, []).acls)


def test_apply_brings_all_of_the_policy_and_a_second_one_nothing(deploy: Deploy) -> None:
    wanted = desired(parse_policy(POLICY, "p"), 1)
    before = observe(deploy.admin, [topic.name for topic in wanted.topics])
    assert before.acls == wanted.acls
    for topic in wanted.topics:
        assert before.topics[topic.name].partitions == topic.partitions
        assert topic.configs.items() <= before.topics[topic.name].configs.items()
    again = deploy("apply")
    assert (again.code, again.out) == (0, "")
    assert "nothing to do" in again.err
    assert observe(deploy.admin, [topic.name for topic in wanted.topics]) == before
    assert deploy("check").code == 0


def test_an_empty_cluster_is_drift_that_plan_shows_and_only_apply_changes(deploy: Deploy) -> None:
    other = POLICY.replace("  payments:", "  payouts:").replace("{topic: payments}", "{topic: payouts}")
    shown = deploy("plan", policy=other)
    assert shown.code == 0
    assert "+ topic quarantine.payouts.refunds, 12 partitions" in shown.out
    assert "+     segment.ms = 60000" in shown.out
    assert "+ ACL ALLOW User:refunds WRITE on topic LITERAL:quarantine.payouts.refunds" in shown.out
    assert "payouts" not in deploy.admin.list_topics(timeout=10).topics
    assert deploy("check", policy=other).code == 1
    assert deploy("apply", policy=other).code == 0
    assert "payouts" in deploy.admin.list_topics(timeout=10).topics


EXTRA = [
    Acl("topic", QUARANTINE, "LITERAL", "User:mallory", "READ"),
    Acl("topic", QUARANTINE, "LITERAL", "User:refunds", "WRITE"),
    Acl("topic", "payments", "LITERAL", "User:mallory", "WRITE"),
    Acl("topic", "panlock.audit", "LITERAL", "User:ops", "ALL"),
    Acl("topic", "quarantine.", "PREFIXED", "User:mallory", "READ"),
    Acl("group", "panlock", "LITERAL", "User:mallory", "READ"),
    Acl("transactional-id", "panlock-0", "LITERAL", "User:mallory", "WRITE"),
]


def test_check_finds_extra_acls_and_revoke_takes_them_and_no_other(deploy: Deploy) -> None:
    mine = observe(deploy.admin, []).acls
    deploy.add(*EXTRA)
    found = deploy("check")
    assert found.code == 1
    assert sorted(found.out.splitlines()) == sorted(f"- ACL {acl}" for acl in EXTRA)
    applied = deploy("apply")
    assert "7 ACLs that the policy does not grant are still there: --revoke removes them" in applied.err
    assert set(EXTRA) < observe(deploy.admin, []).acls
    assert deploy("apply", "--revoke").code == 0
    assert deploy("check").code == 0
    assert observe(deploy.admin, []).acls == mine


def test_check_finds_wildcards_and_prefixes_that_reach_in_and_leaves_them_to_people(deploy: Deploy) -> None:
    wide = [
        Acl("topic", name, pattern, "User:mallory", "READ")
        for name, pattern in (("*", "LITERAL"), ("pay", "PREFIXED"), ("quar", "PREFIXED"))
    ]
    deploy.add(*wide)
    assert deploy("apply", "--revoke").code == 0
    found = deploy("check")
    assert found.code == 1
    assert len(found.out.splitlines()) == 3
    assert all(f"! ACL {acl} reaches into Panlock's resources" in found.out for acl in wide)


def test_check_finds_a_missing_acl_and_apply_adds_it(deploy: Deploy) -> None:
    lost = Acl("topic", QUARANTINE, "LITERAL", "User:checkout", "WRITE")
    for future in deploy.admin.delete_acls([to_filter(lost)]).values():
        future.result(10)
    until("the ACL gone", lambda: lost not in observe(deploy.admin, []).acls)
    found = deploy("check")
    assert found.code == 1
    assert found.out == f"+ ACL {lost}\n"
    assert deploy("apply").code == 0
    assert deploy("check").code == 0


def test_check_finds_another_partition_count_and_apply_refuses_to_shrink(deploy: Deploy) -> None:
    for topic in ("payments", "panlock.audit"):
        for future in deploy.admin.create_partitions([NewPartitions(topic, 13)]).values():
            future.result(10)
        until("13 partitions", lambda topic=topic: len(deploy.admin.list_topics(topic).topics[topic].partitions) == 13)
    found = deploy("check")
    assert found.code == 1
    assert "! topic payments has 13 partitions, the policy says 12" in found.out
    refused = deploy("apply", policy=POLICY.replace("expires: 4h", "expires: 5h"))
    assert refused.code == 2
    assert "topic panlock.audit has 13 partitions for 8 lanes" in refused.err
    assert "set lanes: 13 in the policy" in refused.err


def test_another_number_of_lanes_is_refused_and_nothing_is_done(deploy: Deploy) -> None:
    refused = deploy("apply", policy=POLICY.replace("lanes: 8", "lanes: 4").replace("partitions: 12", "partitions: 24"))
    assert refused.code == 2
    assert "nothing was changed" in refused.err
    assert "topic panlock.state has 8 partitions for 4 lanes" in refused.err
    assert deploy("check").code == 0


def test_a_flow_grows_with_its_policy(deploy: Deploy) -> None:
    more = POLICY.replace("partitions: 12", "partitions: 14")
    applied = deploy("apply", policy=more)
    assert "~ topic quarantine.payments.refunds: 12 partitions -> 14" in applied.out
    topics = deploy.admin.list_topics(timeout=10).topics
    assert {len(topics[name].partitions) for name in (QUARANTINE, "quarantine.payments.refunds", "payments")} == {14}
    assert len(topics["panlock.audit"].partitions) == 8
    assert deploy("check", policy=more).code == 0


def test_check_finds_another_configuration_and_apply_mends_it(deploy: Deploy) -> None:
    deploy.set(QUARANTINE, "message.timestamp.type", "CreateTime")
    deploy.set("panlock.audit", "retention.ms", "1000")
    found = deploy("check")
    assert found.code == 1
    assert f"~ topic {QUARANTINE}: message.timestamp.type = CreateTime -> LogAppendTime" in found.out
    assert "~ topic panlock.audit: retention.ms = 1000 -> 34560000000" in found.out
    assert deploy("apply").code == 0
    assert deploy("check").code == 0


def test_a_setting_that_could_remove_records_is_never_made(deploy: Deploy) -> None:
    deploy.set("payments", "retention.ms", "-1")
    refused = deploy("apply")
    assert refused.code == 2
    assert "topic payments retention.ms is -1" in refused.err
    assert observe(deploy.admin, ["payments"]).topics["payments"].configs["retention.ms"] == "-1"


def test_a_topic_of_the_consumers_from_before_is_taken_over_with_its_records(deploy: Deploy) -> None:
    old = NewTopic("orders", 6, 1, config={"retention.ms": "3600000"})
    deploy.admin.create_topics([old])["orders"].result(10)
    _write(deploy.cluster, "orders", b"from before")
    text = POLICY.replace("{topic: payments}", "{topic: orders}")
    assert deploy("apply", policy=text).code == 0
    assert _read(deploy.cluster, "orders") == [b"from before"]
    assert len(deploy.admin.list_topics(timeout=10).topics["orders"].partitions) == 12


def test_a_flow_that_leaves_the_policy_keeps_its_topics_and_records_and_is_drift(deploy: Deploy) -> None:
    _write(deploy.cluster, QUARANTINE, b"kept")
    less = POLICY.replace("producers: [checkout, refunds]", "producers: [refunds]")
    applied = deploy("apply", "--revoke", policy=less)
    assert applied.code == 0
    assert f"- ACL ALLOW User:checkout WRITE on topic LITERAL:{QUARANTINE}" in applied.out
    assert _read(deploy.cluster, QUARANTINE) == [b"kept"]
    found = deploy("check", policy=less)
    assert found.code == 1
    assert f"! topic {QUARANTINE} is in no flow of the policy" in found.out


LESS = POLICY.replace("producers: [checkout, refunds]", "producers: [refunds]")
REJECTIONS = "panlock.rejections.checkout"


def test_prune_takes_what_nobody_waits_for_once_a_person_has_said_yes(deploy: Deploy) -> None:
    right = Acl("topic", QUARANTINE, "LITERAL", "User:checkout", "WRITE")
    _write(deploy.cluster, REJECTIONS, b"kept")
    told = deploy("plan", policy=LESS)
    assert f"- topic {QUARANTINE}, of no flow of the policy: nothing in it is waited for" in told.out
    assert f"! topic {REJECTIONS} stays, with --prune too: it holds 1 record(s)" in told.out
    for answer in ("n\n", ""):
        refused = deploy("apply", "--prune", policy=LESS, says=answer)
        assert refused.code == 1
        assert "Aborted" in refused.err
        assert QUARANTINE in deploy.topics()
        assert right in observe(deploy.admin, []).acls
    done = deploy("apply", "--prune", policy=LESS, says="y\n")
    assert done.code == 0, done.err
    assert f"removed: {QUARANTINE}\n" in done.err
    assert QUARANTINE not in deploy.topics()
    assert "payments" in deploy.topics()
    assert _read(deploy.cluster, REJECTIONS) == [b"kept"]
    assert right not in observe(deploy.admin, []).acls
    again = deploy("apply", "--prune", policy=LESS)
    assert (again.code, "nothing to do" in again.err) == (0, True)


def test_prune_leaves_what_no_worker_has_read_until_one_has(deploy: Deploy) -> None:
    _write(deploy.cluster, QUARANTINE, b"unread")
    kept = deploy("apply", "--prune", policy=LESS, says="y\n")
    assert kept.code == 0
    assert f"! topic {QUARANTINE} stays, with --prune too: it holds 1 record(s) that no worker has read" in kept.err
    assert _read(deploy.cluster, QUARANTINE) == [b"unread"]
    consumer = Consumer({**_client(deploy.cluster), "group.id": "panlock"})
    try:
        consumer.commit(offsets=[TopicPartition(QUARANTINE, 0, 1)], asynchronous=False)
    finally:
        consumer.close()
    assert deploy("apply", "--prune", policy=LESS, says="y\n").code == 0
    assert QUARANTINE not in deploy.topics()


def test_prune_leaves_what_waits_for_people_and_what_it_may_not_see(deploy: Deploy) -> None:
    producer = Producer(_client(deploy.cluster))
    producer.produce("panlock.pending", _held(f"{QUARANTINE}/0/7"), key=f"{QUARANTINE}/0/7".encode(), partition=0)
    assert producer.flush(30) == 0
    assert "it has 1 record(s) that wait for people" in deploy("plan", policy=LESS).out
    hidden = deploy("plan", policy=LESS, name="panlock-deploy")
    assert f"! topic {QUARANTINE} stays, with --prune too: it may not be looked into" in hidden.out


def _held(record: str) -> bytes:
    return Pending(
        record=record,
        topic_id="t",
        flow="payments",
        principal="checkout",
        rule="large-refund",
        reason="two people",
        quorum=2,
        approvers=("payments-approvers",),
        expires=1,
        sha256="0" * 64,
        timestamp=1,
        ordered=True,
        key=None,
        value=b"{}",
        headers=(),
        masking=b"[]",
        more=None,
        policy="0" * 64,
        votes=(),
    ).encode()


def test_a_deployer_needs_no_super_user_once_an_administrator_has_applied(deploy: Deploy) -> None:
    more = POLICY.replace("partitions: 12", "partitions: 13").replace(
        "  refunds: {", "  x: {spiffe: spiffe://a/x}\n  refunds: {"
    )
    more = more.replace("[checkout, refunds]", "[checkout, refunds, x]")
    assert deploy("check", name="panlock-deploy").code == 0
    applied = deploy("apply", policy=more, name="panlock-deploy")
    assert applied.code == 0, applied.err
    assert "+ topic quarantine.payments.x, 13 partitions" in applied.out
    assert deploy("check", policy=more, name="panlock-deploy").code == 0


def test_an_operator_may_look_and_not_apply(deploy: Deploy) -> None:
    assert deploy("check", name="ops").code == 0
    refused = deploy("apply", policy=POLICY.replace("partitions: 12", "partitions: 13"), name="ops")
    assert refused.code == 3
    assert "Kafka denies this certificate to add partitions to" in refused.err


def test_anybody_else_is_denied_with_a_plain_message(deploy: Deploy) -> None:
    denied = deploy("check", name="checkout")
    assert denied.code == 3
    assert "Kafka denies this certificate to read the ACLs: add its CN to roles.deployers" in denied.err


@pytest.mark.parametrize("what", ["nobody listens", "another CA"])
def test_an_unreachable_kafka_is_told_within_ten_seconds(deploy: Deploy, tmp_path: Path, what: str) -> None:
    kafka = deploy.cluster.config("admin")
    if what == "nobody listens":
        kafka["bootstrap"] = "127.0.0.1:1"
    else:
        stranger = DevelopmentCA(tmp_path / "other-ca").issue("admin")
        kafka |= {"certificate": str(stranger.certificate), "key": str(stranger.key)}
    start = time.monotonic()
    answer = deploy.run("check", kafka)
    assert time.monotonic() - start < 10
    assert answer.code == 3
    assert "no broker answered" in answer.err


def test_pem_files_that_cannot_be_used_are_told_as_such(deploy: Deploy) -> None:
    answer = deploy.run("check", deploy.cluster.config("admin") | {"key": "/nonexistent/key.pem"})
    assert answer.code == 2
    assert "check the PEM files" in answer.err


def test_a_worker_sees_the_cluster_and_each_topic_by_an_id_that_dies_with_it(deploy: Deploy) -> None:
    kafka = Kafka.model_validate(deploy.cluster.config("panlock-worker"))
    names = sorted(limits(parse_policy(POLICY, "p")))
    first = asyncio.run(identify(kafka, names))
    assert sorted(first.topic_ids) == names
    assert len(set(first.topic_ids.values())) == len(names)
    assert all(len(each) == 22 and not set("+/=") & set(each) for each in first.topic_ids.values())
    deploy.admin.delete_topics([QUARANTINE])[QUARANTINE].result(10)
    until("the topic gone", lambda: QUARANTINE not in deploy.admin.list_topics(timeout=10).topics)
    with pytest.raises(TopicMissingError, match=rf"topic {QUARANTINE} is not there"):
        asyncio.run(identify(kafka, names))
    deploy("apply")
    second = asyncio.run(identify(kafka, names))
    assert second.cluster_id == first.cluster_id
    changed = {name for name in names if second.topic_ids[name] != first.topic_ids[name]}
    assert changed == {QUARANTINE}


def test_three_brokers_hold_three_copies(tmp_path: Path) -> None:
    with own_cluster(tmp_path / "kafka", 3) as cluster:
        provision(cluster.config("admin"), parse_policy(POLICY, "p"))
        seen = observe(connect(cluster.config("admin")), ["panlock.audit", QUARANTINE])
        for name in ("panlock.audit", QUARANTINE):
            assert seen.topics[name].replication == 3
            assert seen.topics[name].configs["min.insync.replicas"] == "2"
            assert seen.topics[name].configs["unclean.leader.election.enable"] == "false"
        assert _doctor(cluster, tmp_path) <= {"default-deny", "super-users", "clock"}  # what admin cannot see, idle


def _doctor(cluster: DevCluster, directory: Path) -> set[str]:
    """The checks that `panlock doctor` finds something by."""
    policy, config = directory / "policy.yaml", directory / "panlock.yaml"
    policy.write_text(POLICY)
    config.write_text(yaml.safe_dump({"kafka": cluster.config("admin")}))
    arguments = ["doctor", "--json", "--policy", str(policy), "--config", str(config)]
    done = subprocess.run([sys.executable, "-m", "cli", *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1, done.stderr
    return {each["check"] for each in json.loads(done.stdout)["findings"]}


def _client(cluster: DevCluster) -> dict[str, object]:
    return librdkafka(cluster.config("admin"))


def _write(cluster: DevCluster, topic: str, value: bytes) -> None:
    producer = Producer(_client(cluster))
    producer.produce(topic, value, key=b"k", partition=0)
    assert producer.flush(30) == 0


def _read(cluster: DevCluster, topic: str) -> list[bytes | None]:
    consumer = Consumer({**_client(cluster), "group.id": "t", "enable.auto.commit": False})
    try:
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=10)
        consumer.assign([TopicPartition(topic, 0, low)])
        return [message.value() for message in consumer.consume(high - low, timeout=10)]
    finally:
        consumer.close()
