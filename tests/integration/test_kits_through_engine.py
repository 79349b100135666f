"""What the Python kit writes goes through a real worker, and its events alone prove who wrote it."""

import asyncio
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from deploy.dev.cluster import DevCluster
from panlock_producer import Identity, Recipient, aio, confluent
from pipeline.identity.certificates import Certificate, check_chain
from pipeline.identity.envelope import parse
from pipeline.identity.sealing_keys import public_text
from pipeline.identity.signature import verify_envelope
from pipeline.record import RecordId
from tests.deployment import until
from tests.integration.cli_runner import Cli
from tests.integration.signed_deployment import CHECKOUT, SEALED, SignedDeployment, now_ms
from tests.integration.test_producer_kits import librdkafka

COUNT = 400  # records of each pod on each topic
CARD = b'{"card":"4111111111111111","n":%d}'


@pytest.fixture(scope="module")
def panlock(cluster: DevCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SignedDeployment]:
    with SignedDeployment(cluster, tmp_path_factory.mktemp("kits")) as deployment:
        deployment.signed_worker().wait_ready(2)
        yield deployment


def identity(cluster: DevCluster) -> Identity:
    config = cluster.config("checkout")
    return Identity.from_files(config["certificate"], config["key"])


async def _aio_pod(panlock: SignedDeployment, topic: str, seal_to: Recipient | None) -> None:
    who = identity(panlock.cluster)
    async with aio.SignedProducer(who, seal_to=seal_to, **panlock.client("checkout")) as producer:
        sent = [await producer.send(topic, CARD % number, b"k%d" % (number % 9)) for number in range(COUNT)]
        await asyncio.gather(*sent)


def _confluent_pod(panlock: SignedDeployment, topic: str, seal_to: Recipient | None) -> None:
    producer = confluent.SignedProducer(identity(panlock.cluster), librdkafka(panlock.cluster), seal_to=seal_to)
    for number in range(COUNT):
        producer.produce(topic, CARD % number, b"k%d" % (number % 9))
    assert producer.close(30) == 0


def test_pods_of_both_kits_at_once_are_released_whole(panlock: SignedDeployment) -> None:
    async def go() -> None:
        seal_to = Recipient(public_text(panlock.first.public))
        pods: list[Any] = []
        for topic, recipient in ((CHECKOUT, None), (SEALED, seal_to)):
            pods += [_aio_pod(panlock, topic, recipient) for _ in range(2)]
            pods.append(asyncio.to_thread(_confluent_pod, panlock, topic, recipient))
        await asyncio.gather(*pods)

    asyncio.run(go())
    released = panlock.wait_events(6 * COUNT, "record.released")
    assert len(released) == 6 * COUNT
    assert panlock.events("record.rejected") == panlock.events("sequence.gap") == []
    for topic in ("clean.payments", "clean.secrets"):
        clean = panlock.read(topic)
        assert len(clean) == 3 * COUNT and all(b"tok_k1_" in record.value for record in clean)
    assert not any(b"4111" in (record.value or b"") for record in panlock.read(SEALED))
    _prove(panlock, released[:: COUNT // 2])


def _prove(panlock: SignedDeployment, events: list[dict[str, Any]]) -> None:
    """As an auditor does: from events, the authority's certificate and the topics' ids."""
    seen = {event["actor"]["certificate"]: event["certificate"] for event in panlock.events("certificate.seen")}
    root = x509.load_pem_x509_certificate(Path(panlock.cluster.config("admin")["ca"]).read_bytes())
    for event in events:
        record = RecordId.parse(event["resource"]["record"])
        chain = [b64decode(der) for der in seen[event["actor"]["certificate"]]["chain"]]
        certificate = check_chain(chain, [root], now_ms())
        assert isinstance(certificate, Certificate)
        proof = parse(b64decode(event["envelope"])), certificate, panlock.place(record.topic, record.partition)
        content = bytes.fromhex(event["content"])
        assert verify_envelope(*proof, "checkout", content) is None
        assert verify_envelope(*proof, "checkout", bytes(32)) == "signature-invalid"


def test_panlock_produce_signs_and_seals_for_the_engine(panlock: SignedDeployment, tmp_path: Path) -> None:
    checkout = Cli(panlock.cluster, tmp_path, "checkout", {}, {})
    seal_key = tmp_path / "seal.pub"
    seal_key.write_text(public_text(panlock.first.public))
    before = len(panlock.events("record.released"))
    lines = b"".join(CARD % number + b"\n" for number in range(20))
    for flow, more in (("payments", []), ("secrets", ["--seal-key", str(seal_key)])):
        assert checkout("produce", "--flow", flow, "--principal", "checkout", *more, stdin=lines).code == 0
    panlock.wait_events(before + 40, "record.released")
    assert checkout("produce", "--flow", "secrets", "--principal", "checkout", stdin=lines).code == 0
    reasons = until("20 rejections", lambda: _reasons(panlock, 20))
    assert set(reasons) == {"seal-required"}


def _reasons(panlock: SignedDeployment, count: int) -> list[str] | None:
    found = [event["reason"] for event in panlock.events("record.rejected")]
    return found if len(found) >= count else None
