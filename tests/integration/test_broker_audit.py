"""Who reads, writes and is refused: the authorizer in a real broker, and `panlock broker-audit` behind it.

Skipped, and said so, where there is no JDK of 17 or later: the authorizer is Java.
"""

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import TopicAuthorizationFailedError
from confluent_kafka.admin import AclBindingFilter

from deploy.dev.broker import BrokerError
from deploy.dev.ca import DevelopmentCA
from deploy.dev.cluster import DevCluster
from deploy.dev.plugin import authorizer_jar, has_compiler
from deploy.dev.reports import AccessReports, access_jwk
from deploy.grants import Acl
from deploy.observed import to_binding
from pipeline.audit.signature import keys_of, refusal
from pipeline.policy.topics import ACCESS, BROKER_AUDIT
from tests.audit_keys import BROKERS, SEALER, WORKER, jwk
from tests.deployment import Deployment, until
from tests.integration.cli_runner import Cli
from tests.kafka import directory_of, own_cluster

QUARANTINE, CLEAN = "quarantine.payments.checkout", "clean.payments"


def policy(reports: AccessReports) -> str:
    keys = f"worker_keys: [{jwk(WORKER)}], sealer_keys: [{jwk(SEALER)}], broker_keys: [{jwk(BROKERS)}]"
    return f"""
version: 1
lanes: 2
principals:
  checkout: {{spiffe: spiffe://pay.example/checkout}}
audit: {{{keys}, access_keys: [{json.dumps(access_jwk(reports.key))}]}}
flows:
  payments: {{producers: [checkout], consumers: [ledger], partitions: 2}}
"""


def reports_at(directory: Path, **more: int) -> AccessReports:
    if not has_compiler():
        print("\n  SKIPPED: what brokers count, there is no JDK here", file=sys.__stderr__, flush=True)
        pytest.skip("there is no JDK here")
    return AccessReports(authorizer_jar(lambda text: None), directory / "access.pem", **more)


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> AccessReports:
    return reports_at(tmp_path_factory.mktemp("plugin"))


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory, reports: AccessReports) -> Iterator[DevCluster]:
    with own_cluster(tmp_path_factory.mktemp("kafka"), reports=reports) as running:
        yield running


@pytest.fixture
def panlock(counted: DevCluster, reports: AccessReports, tmp_path: Path) -> Iterator[Deployment]:
    with Deployment(counted, tmp_path, policy(reports)) as deployed:
        yield deployed


def told(panlock: Deployment, type_: str | None = None, **actor: str) -> list[dict[str, Any]]:
    """Events of the brokers' log, by type and actor."""
    events = [json.loads(record.value or b"") for record in panlock.read(BROKER_AUDIT)]
    return [
        event for event in events if type_ in (None, event["type"]) and actor.items() <= event.get("actor", {}).items()
    ]


def wait_told(panlock: Deployment, what: str, type_: str, **actor: str) -> list[dict[str, Any]]:
    return until(what, lambda: told(panlock, type_, **actor))


def fetch(panlock: Deployment, topic: str, name: str) -> int:
    """As `name`, of partition 0; how many records came. Raises TopicAuthorizationFailedError."""

    async def go() -> int:
        consumer = AIOKafkaConsumer(auto_offset_reset="earliest", **panlock.client(name))
        await consumer.start()
        try:
            consumer.assign([TopicPartition(topic, 0)])
            found = await consumer.getmany(timeout_ms=5_000)
            return sum(len(records) for records in found.values())
        finally:
            await consumer.stop()

    return asyncio.run(go())


async def ask(panlock: Deployment, name: str, topics: list[str]) -> None:
    """To write to topics that it may not write to."""
    producer = AIOKafkaProducer(**panlock.client(name))
    await producer.start()
    for topic in topics:
        with pytest.raises(TopicAuthorizationFailedError):
            await producer.send_and_wait(topic, b"x", partition=0)
    await producer.stop()


def check_chain(panlock: Deployment) -> None:
    """Every number once, each event tied to the one before, the last signed by the emitter."""
    records = panlock.read(BROKER_AUDIT)
    assert [record.key for record in records] == [b"0/%d" % seq for seq in range(len(records))]
    last = json.loads(records[-1].value or b"")
    keys = keys_of([json.loads(jwk(BROKERS))])
    assert refusal(f"{panlock.cluster_id()}/{BROKER_AUDIT}/0", last, keys) is None


def coverage(panlock: Deployment) -> list[int]:
    """Numbers of the reports of the broker's last start that were taken."""
    events = [event["coverage"] for event in told(panlock, "access.covered")]
    mine = [each for each in events if each["node"] == "1/broker"]
    return [each["seq"] for each in mine if each["incarnation"] == mine[-1]["incarnation"]]


def lost(panlock: Deployment) -> list[dict[str, Any]]:
    """Gaps, but for what went to the topic of a former test."""
    return [event for event in told(panlock, "access.gap") if not event["detail"].startswith("the first ")]


def starts(panlock: Deployment) -> set[str]:
    events = [event["coverage"] for event in told(panlock, "access.started")]
    return {each["incarnation"] for each in events if each["node"] == "1/broker"}


def test_reads_writes_and_refusals_are_told_under_who_did_them(panlock: Deployment) -> None:
    process = panlock.broker_audit().wait_ready()
    panlock.produce(QUARANTINE, [(0, b"k", b"{}")] * 3)
    asyncio.run(ask(panlock, "ledger", [QUARANTINE]))
    panlock.produce(CLEAN, [(0, b"k", b"{}")], name="admin")
    assert fetch(panlock, CLEAN, "ledger") == 1
    assert fetch(panlock, QUARANTINE, "admin") == 3

    write = wait_told(panlock, "checkout's write", "access.write", principal="checkout")[0]
    assert write["resource"] == {"topic": QUARANTINE, "holds": "quarantine"}
    assert write["actor"]["host"] == "127.0.0.1" and "finding" not in write
    assert write["access"]["node"] == "1/broker" and write["access"]["request"] == "PRODUCE"
    read = wait_told(panlock, "ledger's read", "access.read", principal="ledger")[0]
    assert read["resource"] == {"topic": CLEAN, "holds": "clean"} and "finding" not in read
    denied = wait_told(panlock, "ledger's refusal", "access.denied", principal="ledger")[0]
    assert denied["outcome"] == "denied" and denied["resource"]["topic"] == QUARANTINE
    stranger = wait_told(panlock, "the super user's read", "access.read", principal="admin")
    assert ("not-by-policy", QUARANTINE) in {(each["finding"], each["resource"]["topic"]) for each in stranger}
    forged = wait_told(panlock, "the super user's write", "access.write", principal="admin")
    assert {each["finding"] for each in forged} == {"not-by-policy"}
    assert not told(panlock, "access.write", principal="panlock-broker")
    assert not lost(panlock) and not told(panlock, "access.refused")
    check_chain(panlock)
    assert process.metric("panlock_broker_audit_events_total", type="access.denied") > 0
    assert process.metric("panlock_broker_audit_events_total", type="access.gap") == 0
    assert process.metric("panlock_broker_audit_reports_total") > 2
    assert -5 < process.metric("panlock_broker_audit_behind_seconds", node="1/broker") < 60


def test_killed_and_started_again_it_loses_and_doubles_nothing(panlock: Deployment) -> None:
    sent = 0
    for name in ("first", "second", "third"):
        process = panlock.broker_audit(name).wait_ready()
        for _ in range(3):
            panlock.produce(QUARANTINE, [(0, b"k", b"{}")])
            sent += 1
        before = len(coverage(panlock))
        until("another report", lambda before=before: len(coverage(panlock)) > before)  # type: ignore[misc]
        process.kill()
    panlock.produce(QUARANTINE, [(0, b"k", b"{}")])
    sent += 1
    last = panlock.broker_audit("last").wait_ready()

    def counted() -> bool:
        return sum(each["access"]["count"] for each in told(panlock, "access.write", principal="checkout")) >= sent

    until("every write told", counted)
    assert last.stop() == 0
    assert sum(each["access"]["count"] for each in told(panlock, "access.write", principal="checkout")) == sent
    seqs = coverage(panlock)
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
    reports = [each["resource"]["report"] for each in told(panlock, "access.covered")]
    assert len(reports) == len(set(reports))
    assert not lost(panlock) and not told(panlock, "access.late")
    check_chain(panlock)


def test_a_second_one_fences_the_first(panlock: Deployment) -> None:
    first = panlock.broker_audit().wait_ready()
    panlock.broker_audit("second").wait_ready()
    assert first.process.wait(60) == 2
    assert "another `panlock broker-audit` has started" in first.tail()


def test_a_forged_and_a_repeated_report_are_refused_and_what_follows_counts(panlock: Deployment) -> None:
    process = panlock.broker_audit().wait_ready()
    wait_told(panlock, "a report", "access.covered")
    genuine = panlock.read(ACCESS)[-1]

    async def forge() -> None:
        producer = AIOKafkaProducer(**panlock.client("admin"))
        await producer.start()
        header = [("panlock-signature", dict(genuine.headers)["panlock-signature"])]
        await producer.send_and_wait(ACCESS, (genuine.value or b"") + b" ", b"1/broker", 0, headers=header)
        await producer.send_and_wait(ACCESS, genuine.value, b"1/broker", 0, headers=header)
        await producer.stop()

    asyncio.run(forge())
    until("both refused", lambda: len(told(panlock, "access.refused")) == 2)
    assert [each["reason"] for each in told(panlock, "access.refused")] == ["signature", "repeated"]
    written = wait_told(panlock, "whose writes those were", "access.write", principal="admin")
    assert written[0]["resource"]["topic"] == ACCESS
    before = len(coverage(panlock))
    until("another report", lambda: len(coverage(panlock)) > before)
    assert process.get("/readyz") is not None


def test_a_broker_whose_reports_do_not_come_is_silent_and_then_late_and_nothing_is_lost(panlock: Deployment) -> None:
    process = panlock.broker_audit().wait_ready()
    wait_told(panlock, "a report", "access.covered")
    withheld = to_binding(Acl("topic", ACCESS, "LITERAL", "User:panlock-broker", "WRITE", "DENY"))
    panlock.admin.create_acls([withheld])[withheld].result(30)
    wait_told(panlock, "a silent broker", "access.silent")
    status = process.get("/readyz")
    assert status is not None and status[0] == 503 and "1/broker" in status[1]["silent"]
    assert process.metric("panlock_broker_audit_silent", node="1/broker") == 1
    assert process.metric("panlock_broker_audit_behind_seconds", node="1/broker") > 10
    wanted = AclBindingFilter(
        withheld.restype, withheld.name, withheld.resource_pattern_type, withheld.principal, withheld.host,
        withheld.operation, withheld.permission_type,
    )  # fmt: skip
    panlock.admin.delete_acls([wanted])[wanted].result(30)
    wait_told(panlock, "the late reports", "access.late")
    process.wait_ready()
    assert process.metric("panlock_broker_audit_silent", node="1/broker") == 0
    seqs = coverage(panlock)
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
    assert not lost(panlock)


def test_a_broker_that_is_killed_leaves_a_gap_and_its_next_start_is_told(
    tmp_path: Path, reports: AccessReports
) -> None:
    with (
        own_cluster(tmp_path / "kafka", reports=reports) as cluster,
        Deployment(cluster, tmp_path, policy(reports)) as panlock,
    ):
        panlock.broker_audit().wait_ready()
        until("reports of the broker", lambda: len(coverage(panlock)) > 2)
        cluster.kill_broker(0)
        cluster.start_broker(0)
        gap = until("the gap", lambda: lost(panlock))
        until("both starts", lambda: len(starts(panlock)) == 2)
        assert {each["reason"] for each in gap} == {"ended"}


def test_more_accesses_than_the_bound_are_a_number_and_never_nothing(tmp_path: Path) -> None:
    small = reports_at(tmp_path, bound=3)
    with (
        own_cluster(tmp_path / "kafka", reports=small) as cluster,
        Deployment(cluster, tmp_path, policy(small)) as panlock,
    ):
        panlock.broker_audit().wait_ready()

        asyncio.run(ask(panlock, "mallory", [f"no.such.topic.{number}" for number in range(12)]))

        def beyond() -> bool:
            events = [each["coverage"].get("beyond", {}) for each in told(panlock, "access.covered")]
            return sum(each.get("denied", 0) for each in events) > 0

        until("denials beyond the bound", beyond)
        assert told(panlock, "access.denied", principal="mallory")


def test_a_broker_without_the_authorizer_is_silent(cluster: DevCluster, reports: AccessReports, tmp_path: Path) -> None:
    with Deployment(cluster, tmp_path, policy(reports)) as panlock:
        process = panlock.broker_audit()
        event = wait_told(panlock, "a broker that never reported", "access.silent")[0]
        assert "is panlock.authorizer.PanlockAuthorizer its authorizer?" in event["detail"]
        status = process.get("/readyz")
        assert status is not None and status[0] == 503


class Keyless(AccessReports):
    def properties(self, ca: DevelopmentCA, bootstrap: str) -> dict[str, object]:
        found = super().properties(ca, bootstrap)
        return {name: value for name, value in found.items() if name != "panlock.access.key"}


def test_a_broker_does_not_start_with_an_authorizer_that_cannot_sign(tmp_path: Path, reports: AccessReports) -> None:
    keyless = Keyless(reports.plugin, reports.key)
    with (
        pytest.raises(BrokerError, match=r"panlock\.access\.key: name the file"),
        own_cluster(tmp_path, reports=keyless),
    ):
        pass


def test_reads_are_joined_with_the_records_that_were_there(panlock: Deployment, tmp_path: Path) -> None:
    panlock.broker_audit().wait_ready()
    worker = panlock.worker().wait_ready(2)
    panlock.produce(QUARANTINE, [(0, b"k", b'{"n":1}')])
    panlock.wait_events(1, "record.released")
    assert fetch(panlock, CLEAN, "ledger") == 1
    wait_told(panlock, "ledger's read", "access.read", principal="ledger")
    panlock.produce(QUARANTINE, [(0, b"k", b'{"n":2}')])
    panlock.wait_events(2, "record.released")
    assert worker.stop() == 0
    cli = Cli(panlock.cluster, tmp_path, "panlock-auditor", {}, {})
    words = ("audit", "reads", "--policy", str(panlock.policy_file), "--topic", CLEAN, "--json")
    first, second = cli(*words).json["records"]
    assert [each["principal"] for each in first["readers"]] == ["ledger"] and second["readers"] == []
    shown = cli("audit", "reads", "--policy", str(panlock.policy_file), "--record", first["record"])
    assert first["record"] in shown.out and "ledger" in shown.out


def test_without_the_authorizer_the_brokers_own_log_is_read(
    cluster: DevCluster, reports: AccessReports, tmp_path: Path
) -> None:
    with Deployment(cluster, tmp_path, policy(reports)) as panlock:
        log = directory_of(cluster) / "broker-1" / "broker.log"
        process = panlock.broker_audit(arguments=("--log", f"1={log}"), log_window=0.5)
        wait_told(panlock, "what was there", "access.covered")
        asyncio.run(ask(panlock, "ledger", [QUARANTINE]))
        denied = wait_told(panlock, "ledger's refusal", "access.denied", principal="ledger")[-1]
        assert denied["resource"]["topic"] == QUARANTINE and denied["access"]["node"] == "1/log"
        process.wait_ready()
        check_chain(panlock)
