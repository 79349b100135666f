"""`panlock doctor` on real brokers: what a good one must be told, what a bad one is, and nothing changed by asking."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic
from confluent_kafka.admin import ResourceType as Resource

from deploy.admin import connect
from deploy.dev.cluster import DevCluster
from deploy.dev.ports import free_ports
from deploy.grants import Acl
from deploy.observed import observe, to_binding, to_filter
from deploy.provision import provision
from pipeline.policy import parse_policy
from tests.deployment import until
from tests.policy_text import POLICY

QUARANTINE = "quarantine.payments.checkout"
WIDE = Acl("topic", "*", "LITERAL", "User:warehouse", "READ")
OLD_PRODUCER = Acl("topic", "payments", "LITERAL", "User:checkout", "WRITE")
ONE_BROKER = ("risk", "brokers", "cluster")
SUPER_USERS = ("note", "super-users", "broker 1")
HIDDEN = ("unknown", "default-deny", "broker 1")  # of a super user


@dataclass(frozen=True, slots=True)
class Answer:
    code: int
    findings: list[dict[str, object]]

    @property
    def found(self) -> set[tuple[object, object, object]]:
        return {(each["severity"], each["check"], each["where"]) for each in self.findings}

    def remedy(self, check: str) -> str:
        (found,) = (each for each in self.findings if each["check"] == check)
        return str(found["remedy"])


class Doctor:
    """`panlock doctor` in a process of its own."""

    def __init__(self, cluster: DevCluster, directory: Path) -> None:
        self.cluster, self.directory = cluster, directory
        self.admin: AdminClient = connect(cluster.config("admin"))
        self.policy = directory / "policy.yaml"
        self.policy.write_text(POLICY)

    def run(self, name: str, *options: str) -> "subprocess.CompletedProcess[str]":
        config = self.directory / f"{name}.yaml"
        config.write_text(yaml.safe_dump({"kafka": self.cluster.config(name)}))
        arguments = [sys.executable, "-m", "cli", "doctor", "--config", str(config), *options]
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=60)
        assert "Traceback" not in done.stderr
        return done

    def __call__(self, name: str = "admin", policy: bool = True) -> Answer:
        done = self.run(name, "--json", *(["--policy", str(self.policy)] if policy else []))
        assert done.returncode in (0, 1), done.stderr
        return Answer(done.returncode, json.loads(done.stdout)["findings"])

    def add(self, *acls: Acl) -> None:
        for future in self.admin.create_acls([to_binding(acl) for acl in acls]).values():
            future.result(10)
        until("the ACLs at the broker", lambda: set(acls) <= observe(self.admin, []).acls)

    def remove(self, *acls: Acl) -> None:
        for future in self.admin.delete_acls([to_filter(acl) for acl in acls]).values():
            future.result(10)
        until("the ACLs gone", lambda: not set(acls) & observe(self.admin, []).acls)

    def set(self, topic: str, key: str, value: str) -> None:
        entry = ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(Resource.TOPIC, topic, incremental_configs=[entry])
        for future in self.admin.incremental_alter_configs([resource]).values():
            future.result(10)
        until("the setting", lambda: observe(self.admin, [topic]).topics[topic].configs[key] == value)

    @contextmanager
    def broker_as_it_was(self) -> Iterator[None]:
        """Whatever the broker was started with meanwhile."""
        file = self.cluster.directory / "broker-1" / "server.properties"
        before = file.read_text()
        try:
            yield
        finally:
            file.write_text(before)
            self.cluster.restart_broker(0)

    def restart(self, settings: dict[str, str]) -> None:
        """The broker with these settings; the last word on a setting counts."""
        with (self.cluster.directory / "broker-1" / "server.properties").open("a") as file:
            file.writelines(f"{key}={value}\n" for key, value in settings.items())
        self.cluster.restart_broker(0)


@pytest.fixture
def doctor(fresh_cluster: DevCluster, tmp_path: Path) -> Doctor:
    """On a broker where the policy is applied."""
    provision(fresh_cluster.config("admin"), parse_policy(POLICY, "policy.yaml"))
    return Doctor(fresh_cluster, tmp_path)


def test_a_good_cluster_of_one_broker_is_told_that_it_is_one(doctor: Doctor) -> None:
    asked = doctor()
    assert asked.code == 1
    assert asked.found == {ONE_BROKER, HIDDEN, SUPER_USERS}


def test_an_operator_proves_that_the_broker_denies_by_default(doctor: Doctor) -> None:
    asked = doctor("ops")
    unseen = {("unknown", "unseen", f"topic __{name}") for name in ("transaction_state", "consumer_offsets")}
    assert asked.found == {ONE_BROKER, SUPER_USERS, *unseen}


def test_what_a_certificate_may_not_see_is_unknown_and_not_fine(doctor: Doctor) -> None:
    asked = doctor("panlock-deploy")  # no DESCRIBE_CONFIGS on the cluster
    assert asked.code == 1
    assert ("unknown", "unseen", "broker 1") in asked.found
    denied = doctor.run("checkout")
    assert denied.returncode == 3
    assert "Kafka denies this certificate to read the ACLs" in denied.stderr


def test_who_else_reads_quarantine_and_writes_clean_is_found_with_the_command_that_mends_it(doctor: Doctor) -> None:
    doctor.add(WIDE, OLD_PRODUCER)
    try:
        asked = doctor()
        assert ("blocker", "quarantine-reader", f"ACL {WIDE}") in asked.found
        assert ("blocker", "clean-writer", f"ACL {OLD_PRODUCER}") in asked.found
        assert asked.remedy("clean-writer") == (
            f"kafka-acls.sh --bootstrap-server {doctor.cluster.bootstrap} --command-config admin.properties "
            "--remove --allow-principal 'User:checkout' --operation Write --topic 'payments'"
        )
        without = doctor(policy=False).found
        assert ("blocker", "quarantine-reader", f"ACL {WIDE}") in without
        assert not [each for each in without if each[1] == "clean-writer"]
    finally:
        doctor.remove(WIDE, OLD_PRODUCER)


def test_a_topic_that_is_not_as_the_policy_says_is_found(doctor: Doctor) -> None:
    doctor.set(QUARANTINE, "message.timestamp.type", "CreateTime")
    doctor.set("panlock.audit", "retention.ms", "3600000")
    doctor.set("payments", "retention.ms", "-1")
    doctor.admin.create_topics([NewTopic("quarantine.old.checkout", 1, 1)])["quarantine.old.checkout"].result(10)
    try:
        found = doctor().found
        assert {
            ("risk", "topic-settings", f"topic {QUARANTINE}"),
            ("risk", "topic-settings", "topic panlock.audit"),
            ("blocker", "topic", "topic payments"),
            ("risk", "left-over", "topic quarantine.old.checkout"),
        } <= found
    finally:
        doctor.set("payments", "retention.ms", "1209600000")
        doctor.admin.delete_topics(["quarantine.old.checkout"])["quarantine.old.checkout"].result(10)


def test_a_badly_set_broker_is_told_of_each_setting_and_one_without_an_authorizer_of_that(doctor: Doctor) -> None:
    (port, other) = free_ports(2)
    file = (doctor.cluster.directory / "broker-1" / "server.properties").read_text()
    listeners = next(line for line in file.splitlines() if line.startswith("listeners=")).removeprefix("listeners=")
    bad = {
        "listeners": f"{listeners},OPEN://127.0.0.1:{port},LAX://127.0.0.1:{other}",
        "listener.security.protocol.map": "CLIENT:SSL,CONTROLLER:SSL,OPEN:PLAINTEXT,LAX:SSL",
        "listener.name.lax.ssl.client.auth": "requested",
        "listener.name.lax.ssl.principal.mapping.rules": "DEFAULT",
        "auto.create.topics.enable": "true",
        "unclean.leader.election.enable": "true",
        "transaction.max.timeout.ms": "9000",
        "transaction.state.log.replication.factor": "3",
        "group.min.session.timeout.ms": "20000",
        "log.retention.check.interval.ms": "3600000",
        "delegation.token.secret.key": "not-a-secret",
        "allow.everyone.if.no.acl.found": "true",
    }
    doctor.add(mine := Acl("cluster", "kafka-cluster", "LITERAL", "User:looker", "DESCRIBE"))
    with doctor.broker_as_it_was():
        doctor.restart(bad)
        asked = doctor()
        checks = {(each["severity"], each["check"]) for each in asked.findings}
        assert checks == {
            ("blocker", "internal-topics"),
            ("blocker", "principal-mapping"),
            ("blocker", "sessions"),
            ("blocker", "transactions"),
            ("risk", "auto-create"),
            ("risk", "brokers"),
            ("risk", "client-auth"),
            ("risk", "delegation-tokens"),
            ("risk", "plaintext-listener"),
            ("risk", "segments"),
            ("risk", "unclean-election"),
            ("unknown", "default-deny"),
            ("note", "super-users"),
        }
        assert "listener LAX" in next(str(f["what"]) for f in asked.findings if f["check"] == "client-auth")
        assert "--entity-default --add-config unclean.leader.election.enable=false" in asked.remedy("unclean-election")
        looked = {each[1:] for each in doctor("looker", policy=False).found}
        assert ("unseen", "broker 1") in looked
        doctor.remove(mine)
        doctor.restart({"authorizer.class.name": ""})
        open_ = doctor(policy=False)
        assert open_.findings[0]["check"] == "authorizer"
        assert open_.findings[0]["severity"] == "blocker"


def test_asking_changes_nothing_and_the_table_has_what_is_to_be_pasted(doctor: Doctor) -> None:
    def state() -> tuple[object, ...]:
        seen = observe(doctor.admin, [])
        return seen.acls, sorted(seen.topics)

    doctor.add(WIDE)
    try:
        before = state()
        told = doctor.run("admin")
        assert told.returncode == 1
        assert "nothing was changed, and no record read" in told.stderr
        assert "│ blocker  │ quarantine-reader" in told.stdout
        (line,) = (each for each in told.stdout.splitlines() if "kafka-acls.sh" in each and "warehouse" in each)
        assert line.endswith("--remove --allow-principal 'User:warehouse' --operation Read --topic '*'")
        assert state() == before
    finally:
        doctor.remove(WIDE)
