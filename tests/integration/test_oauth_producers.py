"""Producers without a certificate: Kafka's OAUTHBEARER listener, the development issuer, a worker of its own process.

Skipped, and said so, where there is no Maven or no JDK of 17 or later: the principal builder is Java.
"""

import asyncio
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError

from deploy.dev.ca import DevelopmentCA
from deploy.dev.cluster import DevCluster
from deploy.dev.issuer.process import DevIssuer, dev_issuer
from deploy.dev.oauth import OAuthListener
from deploy.dev.plugin import authorizer_jar
from deploy.dev.reports import AccessReports, access_jwk
from deploy.grants import Acl
from deploy.observed import to_binding
from pipeline.policy.topics import BROKER_AUDIT
from tests.approving import Person
from tests.audit_keys import BROKERS, WORKER, jwk
from tests.deployment import Deployment, until
from tests.integration.cli_runner import Cli
from tests.kafka import own_cluster
from tests.oauth import Client, consumer, producer, send
from tests.signing_in import Site

BUILDER = Path(__file__).parents[2] / "deploy" / "kafka" / "principal"
OPS = Person("opal")
BATCH, IMPORTS = Client("batch"), Client("imports")
SHORT = Client("short", life=6)
OWN = "quarantine.payments.batch"
STRANGERS = {
    "a subject that is a certificate's name": Client("checkout"),
    "a subject that nobody names": Client("stranger"),
    "a subject that is another's whole name": Client("whole-name", claims={"sub": "oidc:dev:batch"}),
    "a subject that is a super user's name": Client("admin"),
    "a wildcard": Client("wildcard", claims={"sub": "*"}),
}
REFUSED = {
    "another audience": Client("for-others", audience="accounts", claims={"sub": "batch"}),
    "another issuer": Client("of-others", claims={"sub": "batch", "iss": "https://127.0.0.1:9/other"}),
    "an expired token": Client("too-late", life=-60, claims={"sub": "batch"}),
    "a subject that Kafka would trim": Client("padded", claims={"sub": " batch "}),
    "a subject of two lines": Client("lines", claims={"sub": "batch\nUser:admin"}),
    "a subject beyond ASCII": Client("letters", claims={"sub": "b\u0430tch"}),
}
SERVICES = {each.name: each.service for each in (BATCH, IMPORTS, SHORT, *STRANGERS.values(), *REFUSED.values())}


def policy(issuer: DevIssuer, reports: AccessReports) -> str:
    keys = f"worker_keys: [{jwk(WORKER)}], broker_keys: [{jwk(BROKERS)}]"
    return f"""
version: 1
lanes: 2
principals:
  checkout: {{spiffe: spiffe://pay.example/checkout}}
  batch: {{oidc: {{issuer: dev, subject: batch}}}}
  imports: {{oidc: {{issuer: dev, subject: imports}}, identity: header}}
  short: {{oidc: {{issuer: dev, subject: short}}}}
issuers:
  dev: {{issuer: "{issuer.url}"}}
audit: {{{keys}, access_keys: [{json.dumps(access_jwk(reports.key))}]}}
people:
  opal@pay.example: {{certificate: opal, roles: [operators], keys: [{OPS.jwk}]}}
flows:
  payments:
    producers: [checkout, batch, imports, short]
    partitions: 2
"""


def _skip(why: str) -> None:
    print(f"\n  SKIPPED: producers without a certificate, {why}", file=sys.__stderr__, flush=True)
    pytest.skip(why)


@pytest.fixture(scope="module")
def plugin() -> Path:
    """The principal builder, by Maven."""
    if shutil.which("mvn") is None or shutil.which("javac") is None:
        _skip("Maven and a JDK are not here")
    built = subprocess.run(["mvn", "--quiet", "--batch-mode", "package"], cwd=BUILDER, capture_output=True, text=True)
    if any(why in built.stdout for why in ("Could not transfer artifact", "offline mode", "during a previous attempt")):
        _skip("Maven cannot have what it needs")
    assert built.returncode == 0, built.stdout[-6000:]
    return BUILDER / "target" / "panlock-principal.jar"


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevIssuer]:
    directory = tmp_path_factory.mktemp("issuer")
    with dev_issuer(directory, DevelopmentCA(directory / "ca"), {}, SERVICES) as running:
        yield running


class Loose(OAuthListener):
    """Takes a token for anybody, as Kafka does where nothing is said."""

    def properties(self) -> dict[str, object]:
        return {name: value for name, value in super().properties().items() if not name.endswith("expected.audience")}


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory, plugin: Path) -> AccessReports:
    """Where the principal builder can be built, so can the authorizer."""
    return AccessReports(authorizer_jar(lambda text: None), tmp_path_factory.mktemp("reports") / "access.pem")


@pytest.fixture(scope="module")
def oauth_cluster(
    tmp_path_factory: pytest.TempPathFactory, issuer: DevIssuer, plugin: Path, reports: AccessReports
) -> Iterator[DevCluster]:
    listener = OAuthListener("dev", issuer.url, f"{issuer.url}/jwks", "kafka", issuer.ca, plugin)
    with own_cluster(tmp_path_factory.mktemp("kafka"), oauth=listener, reports=reports) as running:
        yield running


@pytest.fixture
def panlock(
    oauth_cluster: DevCluster, issuer: DevIssuer, reports: AccessReports, tmp_path: Path
) -> Iterator[Deployment]:
    with Deployment(oauth_cluster, tmp_path, policy(issuer, reports)) as deployment:
        yield deployment


def from_issuer(client: Client, issuer: DevIssuer) -> Callable[[], str]:
    """A new token at each connection."""
    return lambda: client.token(issuer)


def test_unmodified_clients_write_to_their_topics_and_what_they_write_is_released(
    panlock: Deployment, issuer: DevIssuer
) -> None:
    card = b'{"card":"4111111111111111"}'
    send(panlock.cluster, from_issuer(BATCH, issuer), OWN, [card] * 3)
    topic, header = "quarantine.payments.imports", [("panlock-identity", b"imports")]
    send(panlock.cluster, from_issuer(IMPORTS, issuer), topic, [card], header)
    send(panlock.cluster, from_issuer(IMPORTS, issuer), topic, [card])
    send(panlock.cluster, from_issuer(IMPORTS, issuer), topic, [card], [("panlock-identity", b"batch")])
    panlock.worker().wait_ready(2)
    released = panlock.wait_events(4, "record.released")
    assert sorted(event["actor"]["principal"] for event in released) == ["batch", "batch", "batch", "imports"]
    rejected = panlock.wait_events(2, "record.rejected")
    assert {event["reason"] for event in rejected} == {"identity-missing", "identity-mismatch"}
    clean = panlock.read("clean.payments")
    assert len(clean) == 4 and not any(b"411111111111" in record.value for record in clean)
    assert {dict(record.headers)["panlock-principal"] for record in clean} == {b"batch", b"imports"}


def test_a_client_of_the_issuer_takes_nobodys_name(panlock: Deployment, issuer: DevIssuer) -> None:
    topics = ["quarantine.payments.checkout", OWN, "clean.payments", "panlock.audit"]
    for who, client in STRANGERS.items():
        for topic in topics[:2]:
            with pytest.raises(TopicAuthorizationFailedError):
                send(panlock.cluster, from_issuer(client, issuer), topic, [who.encode()])
    for topic in (each for each in topics if each != OWN):
        with pytest.raises(TopicAuthorizationFailedError):
            send(panlock.cluster, from_issuer(BATCH, issuer), topic, [b"not its own"])
    assert not any(panlock.read(topic) for topic in topics)


@pytest.mark.parametrize("what", REFUSED)
def test_a_token_that_is_not_for_this_broker_opens_nothing(panlock: Deployment, issuer: DevIssuer, what: str) -> None:
    with pytest.raises(KafkaError) as refused:
        send(panlock.cluster, from_issuer(REFUSED[what], issuer), OWN, [what.encode()])
    assert not isinstance(refused.value, TopicAuthorizationFailedError)
    assert not panlock.read(OWN)


def test_a_token_of_another_issuer_with_the_same_client_opens_nothing(panlock: Deployment, tmp_path: Path) -> None:
    with (
        dev_issuer(tmp_path / "other", DevelopmentCA(tmp_path / "other" / "ca"), {}, SERVICES) as other,
        pytest.raises(KafkaError),
    ):
        send(panlock.cluster, from_issuer(BATCH, other), OWN, [b"x"])
    assert not panlock.read(OWN)


def test_after_a_rotation_of_the_issuers_keys_new_tokens_open(panlock: Deployment, issuer: DevIssuer) -> None:
    Site(issuer.url, issuer.ca).post(f"{issuer.url}/development/rotate-keys", forget="1")
    until("the new key at the broker", lambda: accepted(panlock, issuer))
    assert panlock.read(OWN)


def accepted(panlock: Deployment, issuer: DevIssuer) -> bool:
    try:
        send(panlock.cluster, from_issuer(BATCH, issuer), OWN, [b"{}"])
    except KafkaError:
        return False
    return True


def test_a_connection_ends_with_its_token(panlock: Deployment, issuer: DevIssuer) -> None:
    """A client that signs in again loses nothing; one that keeps its token is cut off."""
    topic, kept, began = "quarantine.payments.short", SHORT.token(issuer), time.monotonic()

    async def until_cut() -> float:
        async with producer(panlock.cluster, lambda: kept) as one:
            while time.monotonic() - began < 40:
                try:
                    await one.send_and_wait(topic, b"{}", partition=0)
                except KafkaError:
                    return time.monotonic() - began
        raise AssertionError("never cut off")

    async def on_and_on() -> int:
        sent = 0
        async with producer(panlock.cluster, from_issuer(SHORT, issuer)) as one:
            while time.monotonic() - began < 15:  # two lives and a half
                await one.send_and_wait(topic, b"%d" % sent, partition=1)
                sent += 1
                await asyncio.sleep(0.05)
        return sent

    async def go() -> tuple[float, int]:
        return await asyncio.gather(until_cut(), on_and_on())

    cut, sent = asyncio.run(go())
    assert 4 < cut < 25
    written = [record.value for record in panlock.read(topic) if record.partition == 1]
    assert written == [b"%d" % number for number in range(sent)]


def test_an_operator_denies_a_client_under_the_name_that_kafka_knows(
    panlock: Deployment, issuer: DevIssuer, tmp_path: Path
) -> None:
    panlock.worker().wait_ready(2)
    (tmp_path / "ops.pem").write_bytes(OPS.pem())
    cli = Cli(panlock.cluster, tmp_path, "opal", {"person": {"key": str(tmp_path / "ops.pem")}}, {})
    admin = tmp_path / "admin.yaml"
    admin.write_text(yaml.safe_dump({"kafka": panlock.cluster.config("admin")}))
    words = ("deny", "--principal", "batch", "--reason", "stolen", "--deployer", str(admin))

    async def go() -> float:
        async with producer(panlock.cluster, from_issuer(BATCH, issuer)) as one:
            await one.send_and_wait(OWN, b"{}", partition=0)
            ended = await asyncio.to_thread(cli, *words)
            assert ended.code == 0 and "DENY User:oidc:dev:batch WRITE" in ended.err, ended.err
            began = time.monotonic()
            while time.monotonic() - began < 30:
                try:
                    await one.send_and_wait(OWN, b"{}", partition=0)
                except KafkaError:
                    return time.monotonic() - began
        raise AssertionError("never denied")

    assert asyncio.run(go()) < 5
    assert {event["denied"]["principal"] for event in panlock.wait_events(2, "identity.denied")} == {"batch"}
    lifted = cli(*words, "--lift", "--json")
    assert lifted.code == 0 and len(lifted.json["acls"]) == 1

    until("the end of the denial", lambda: accepted(panlock, issuer))


def accesses(panlock: Deployment, type_: str, principal: str) -> list[dict[str, Any]]:
    events = [json.loads(record.value or b"") for record in panlock.read(BROKER_AUDIT)]
    return [each for each in events if each["type"] == type_ and each["actor"]["principal"] == principal]


def test_what_a_client_reads_writes_and_is_refused_is_told_under_its_whole_name(
    panlock: Deployment, issuer: DevIssuer, tmp_path: Path
) -> None:
    """Nobody's policy lets a client of an issuer read a clean topic; here an administrator has."""
    clean, name = "clean.payments", "oidc:dev:batch"
    leak = to_binding(Acl("topic", clean, "LITERAL", f"User:{name}", "READ"))
    panlock.admin.create_acls([leak])[leak].result(30)
    panlock.broker_audit().wait_ready()
    panlock.worker().wait_ready(2)
    send(panlock.cluster, from_issuer(BATCH, issuer), OWN, [b"{}"])
    (released,) = panlock.wait_events(1, "record.released")

    async def read() -> int:
        async with consumer(panlock.cluster, from_issuer(BATCH, issuer)) as one:
            one.assign([TopicPartition(clean, partition) for partition in (0, 1)])
            found = await one.getmany(timeout_ms=10_000)
            return sum(map(len, found.values()))

    assert asyncio.run(read()) == 1
    with pytest.raises(TopicAuthorizationFailedError):
        send(panlock.cluster, from_issuer(BATCH, issuer), clean, [b"x"])
    write = until("its write", lambda: accesses(panlock, "access.write", name))[0]
    assert write["resource"] == {"topic": OWN, "holds": "quarantine"} and "finding" not in write
    denied = until("its refusal", lambda: accesses(panlock, "access.denied", name))[0]
    assert denied["resource"]["topic"] == clean and denied["access"]["operation"] in ("WRITE", "DESCRIBE")
    fetched = until("its read", lambda: accesses(panlock, "access.read", name))[0]
    assert fetched["resource"]["topic"] == clean and fetched["finding"] == "not-by-policy"
    assert not any(accesses(panlock, type_, "batch") for type_ in ("access.read", "access.write"))

    auditor = Cli(panlock.cluster, tmp_path, "panlock-auditor", {}, {})
    for principal in (name, "batch"):
        words = ("audit", "reads", "--policy", str(panlock.policy_file), "--principal", principal, "--json")
        (record,) = auditor(*words).json["records"]
        assert record["record"] == released["resource"]["record"]
        assert [each["principal"] for each in record["readers"]] == [name]


def test_a_listener_that_would_take_tokens_for_anybody_takes_none(
    tmp_path: Path, issuer: DevIssuer, plugin: Path
) -> None:
    loose = Loose("dev", issuer.url, f"{issuer.url}/jwks", "kafka", issuer.ca, plugin)
    with own_cluster(tmp_path / "kafka", oauth=loose) as cluster:
        with pytest.raises(KafkaError) as refused:
            send(cluster, from_issuer(BATCH, issuer), OWN, [b"x"])
        assert not isinstance(refused.value, TopicAuthorizationFailedError)
        log = tmp_path / "kafka" / "broker-1" / "broker.log"
        until("the reason in the broker's log", lambda: "expected.audience: say for whom" in log.read_text())
