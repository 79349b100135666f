"""The development cluster refuses everybody whom no certificate and no ACL lets in."""

import json
import os
import select
import shlex
import signal
import socket
import ssl
import subprocess
import sys
import textwrap
import urllib.request
import uuid
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)
from cryptography import x509
from typer.testing import CliRunner

from cli.dev import app as dev_app
from deploy.admin import connect
from deploy.dev import readiness, serve
from deploy.dev.ca import Credentials, DevelopmentCA
from deploy.dev.cluster import DevCluster, dev_cluster
from deploy.dev.holder import ClusterError
from deploy.dev.plugin import has_compiler
from deploy.dev.ports import free_ports
from tests.deployment import until

ROOT = Path(__file__).parents[2]


def _client(cluster: DevCluster, leaf: Credentials | None) -> dict[str, object]:
    context = ssl.create_default_context(cafile=cluster.ca)
    if leaf is not None:
        context.load_cert_chain(leaf.certificate, leaf.key)
    return {"bootstrap_servers": cluster.bootstrap, "security_protocol": "SSL", "ssl_context": context}


def _topic(cluster: DevCluster) -> str:
    topic = f"dev-{uuid.uuid4().hex[:8]}"
    admin = connect(cluster.config("admin"))
    admin.create_topics([NewTopic(topic, 1)])[topic].result(20)
    return topic


def _allow(cluster: DevCluster, principal: str, topic: str, operation: AclOperation) -> None:
    binding = AclBinding(
        ResourceType.TOPIC,
        topic,
        ResourcePatternType.LITERAL,
        f"User:{principal}",
        "*",
        operation,
        AclPermissionType.ALLOW,
    )
    admin = connect(cluster.config("admin"))
    admin.create_acls([binding])[binding].result(20)


async def _send(cluster: DevCluster, leaf: Credentials | None, topic: str) -> None:
    producer = AIOKafkaProducer(request_timeout_ms=5000, **_client(cluster, leaf))
    try:
        await producer.start()
        await producer.send_and_wait(topic, b"hello")
    finally:
        await producer.stop()


async def test_client_without_certificate_is_not_let_in(cluster: DevCluster) -> None:
    with pytest.raises(KafkaConnectionError):
        await _send(cluster, None, _topic(cluster))


async def test_client_of_another_authority_is_not_let_in(cluster: DevCluster, tmp_path: Path) -> None:
    stranger = DevelopmentCA(tmp_path).issue("admin")
    with pytest.raises(KafkaConnectionError):
        await _send(cluster, stranger, _topic(cluster))


async def test_principal_without_acl_is_denied(cluster: DevCluster) -> None:
    with pytest.raises(TopicAuthorizationFailedError):
        await _send(cluster, cluster.issue("nobody"), _topic(cluster))


async def test_acl_lets_its_principal_write_and_no_other(cluster: DevCluster) -> None:
    topic = _topic(cluster)
    _allow(cluster, "writer", topic, AclOperation.WRITE)
    await _send(cluster, cluster.issue("writer"), topic)
    with pytest.raises(TopicAuthorizationFailedError):
        await _send(cluster, cluster.issue("other"), topic)
    consumer = AIOKafkaConsumer(topic, auto_offset_reset="earliest", **_client(cluster, cluster.admin))
    await consumer.start()
    try:
        assert (await consumer.getone()).value == b"hello"
    finally:
        await consumer.stop()


def test_certificate_carries_name_and_spiffe_id_for_a_day(cluster: DevCluster) -> None:
    leaf = cluster.issue("checkout", "spiffe://pay.example/checkout")
    certificate = x509.load_pem_x509_certificate(leaf.certificate.read_bytes())
    assert certificate.subject.rfc4514_string() == "CN=checkout"
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["spiffe://pay.example/checkout"]
    life = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert 24 <= life.total_seconds() / 3600 < 24.5
    assert leaf.key.stat().st_mode & 0o777 == 0o600


def test_same_name_with_another_spiffe_id_is_another_certificate(cluster: DevCluster) -> None:
    first = cluster.issue("twice", "spiffe://a.example/twice")
    second = cluster.issue("twice", "spiffe://b.example/twice")
    assert first != second
    assert cluster.issue("twice", "spiffe://a.example/twice") == first


def test_two_clusters_run_at_once_and_survive_a_kill(cluster: DevCluster, tmp_path: Path) -> None:
    with dev_cluster(tmp_path / "second") as second:
        assert second.bootstrap != cluster.bootstrap
        second.kill_broker(0)
        second.start_broker(0)
        assert readiness.whole(connect(second.config("admin")), 1)
        with pytest.raises(ClusterError, match="already runs"), dev_cluster(tmp_path / "second"):
            pass


def test_a_port_taken_meanwhile_is_given_up_for_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        choices = iter([[port, *free_ports(1)]])
        monkeypatch.setattr("deploy.dev.cluster.free_ports", lambda count: next(choices, None) or free_ports(count))
        tries: list[str] = []
        with dev_cluster(tmp_path, 1, tries.append) as cluster:
            assert len([text for text in tries if text.startswith("starting Kafka")]) == 2
            assert str(port) not in cluster.bootstrap


def test_directory_of_one_broker_is_not_started_with_three(cluster: DevCluster, tmp_path: Path) -> None:
    (tmp_path / "broker-1").mkdir()
    (tmp_path / "cluster-id").write_text("x")
    with pytest.raises(ClusterError, match="made for 1 broker"), dev_cluster(tmp_path, 3):
        pass


def test_dev_command_starts_tells_and_stops_a_cluster(tmp_path: Path) -> None:
    def dev(*words: str) -> tuple[int, dict[str, Any]]:
        done = CliRunner().invoke(dev_app, [*words, "--directory", str(tmp_path), "--json"])
        return done.exit_code, json.loads(done.stdout)

    assert dev("status") == (1, {"running": False})
    code, up = dev("up")
    assert code == 0
    try:
        assert dev("up") == (0, up)
        assert dev("status") == (0, {"running": True, **up})
        _, issued = dev("issue", "ana")
        admin = connect(issued["kafka"])
        assert admin.list_topics(timeout=10).topics == {}
    finally:
        assert dev("down") == (0, {"stopped": True})
    assert dev("status") == (1, {"running": False})
    assert dev("down") == (0, {"stopped": False})


POLICY = """
version: 1
lanes: 2
principals:
  checkout: {spiffe: spiffe://dev.panlock/checkout}
flows:
  payments: {producers: [checkout], partitions: 2}
"""


def test_whoever_follows_what_dev_up_prints_has_reads_audited(tmp_path: Path) -> None:
    if not has_compiler():
        print(
            "\n  SKIPPED: brokers of `panlock dev up` that count, there is no JDK here", file=sys.__stderr__, flush=True
        )
        pytest.skip("there is no JDK here")
    kafka, panlock = str(tmp_path / "kafka"), f'panlock() {{ "{sys.executable}" -m cli "$@"; }}'
    printed = CliRunner().invoke(dev_app, ["up", "--directory", kafka]).stdout.splitlines()
    try:
        *steps, last = [line.strip() for line in printed if line.startswith("  ")]
        (tmp_path / "policy.yaml").write_text(POLICY)
        environment = {**os.environ, "PANLOCK_CONFIG": f"{kafka}/admin.yaml", "PYTHONPATH": str(ROOT)}
        script = "\n".join(["set -e", panlock, *steps])
        done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        words = shlex.split(last)
        assert words[:2] == ["panlock", "broker-audit"]
        with (tmp_path / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "cli", *words[1:]], cwd=tmp_path, env=environment, stdout=log, stderr=log
            )
        try:
            until("a broker's first report", lambda: _reported(tmp_path / "broker-audit" / "web.port"))
        finally:
            process.terminate()
            assert process.wait(30) == 0
    finally:
        assert CliRunner().invoke(dev_app, ["down", "--directory", kafka]).exit_code == 0


def _reported(port: Path) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port.read_text().strip()}/nodes", timeout=5) as answer:
            return "1/broker" in json.load(answer)["nodes"]
    except OSError:
        return False


def test_without_a_compiler_the_cluster_starts_with_kafkas_own_authorizer_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert serve.reports_of(tmp_path) is None
    assert "StandardAuthorizer" in capsys.readouterr().err


@pytest.mark.parametrize("ended_by", [signal.SIGKILL, signal.SIGINT])
def test_brokers_end_with_their_holder(tmp_path: Path, ended_by: signal.Signals) -> None:
    program = textwrap.dedent(f"""
        from pathlib import Path
        from deploy.dev.cluster import dev_cluster
        with dev_cluster(Path({str(tmp_path)!r})) as cluster:
            print(cluster.pid(0), flush=True)
            input()
    """)
    holder = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    broker = os.pidfd_open(int(holder.stdout.readline()))
    holder.send_signal(ended_by)
    holder.communicate(timeout=30)
    _wait_for_end(broker)


def _wait_for_end(pidfd: int) -> None:
    ready, _, _ = select.select([pidfd], [], [], 30)
    os.close(pidfd)
    assert ready, "the broker still runs"
