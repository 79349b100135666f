"""Signed and sealed records on a real broker: every reason provoked, replays, restarts, pods, denials, rotation."""

import asyncio
import datetime
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from deploy.dev import ca as development
from deploy.dev.ca import DevelopmentCA
from deploy.dev.cluster import DevCluster
from pipeline.identity.envelope import ENVELOPE, PRIVATE, SALT
from pipeline.identity.sealing_keys import Kem, private_key
from tests.audited import check_chain, lane_events
from tests.deployment import until
from tests.integration.cli_runner import Cli
from tests.integration.signed_deployment import ANA, CARD, CHECKOUT, OPS, SEALED, SignedDeployment
from tests.signing import Pod, Written

MINUTE = 60_000


@pytest.fixture(scope="module")
def panlock(cluster: DevCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SignedDeployment]:
    with SignedDeployment(cluster, tmp_path_factory.mktemp("signed")) as deployment:
        deployment.signed_worker().wait_ready(2)
        yield deployment


def test_signed_and_sealed_records_come_out_masked_and_a_plain_client_goes_on(panlock: SignedDeployment) -> None:
    ids = panlock.put(panlock.sign(panlock.pod(), count=3)) + panlock.put(
        panlock.sign(panlock.pod(sealed=True), SEALED, 3), SEALED
    )
    assert panlock.fate(ids) == ["released"] * 6
    panlock.produce("quarantine.payments.legacy", [(0, b"k", CARD)])
    for topic in ("clean.payments", "clean.secrets"):
        until("clean records", lambda topic=topic: len(panlock.read(topic)) >= 3)  # type: ignore[misc]
        for record in panlock.read(topic):
            assert b"tok_k1_" in record.value and not PRIVATE & dict(record.headers).keys()
    assert not any(b"4111" in (record.value or b"") + (record.key or b"") for record in panlock.read(SEALED))
    certificate = panlock.events("certificate.seen")[0]
    assert certificate["certificate"]["spiffe"] == "spiffe://dev.panlock/checkout"
    event = next(each for each in panlock.events("record.released") if each["resource"]["record"] == ids[0])
    assert len(b64decode(event["envelope"])) > 100 and len(event["content"]) == 64
    check_chain(panlock)


def _without(written: list[Written], name: str) -> list[Written]:
    return [(key, value, tuple(each for each in headers if each[0] != name)) for key, value, headers in written]


def _twice(written: list[Written]) -> list[Written]:
    return [(k, v, (*headers, next(each for each in headers if each[0] == ENVELOPE))) for k, v, headers in written]


def _cut(written: list[Written]) -> list[Written]:
    return [(k, v, tuple((n, c[:-1] if n == ENVELOPE and c else c) for n, c in headers)) for k, v, headers in written]


def _salted(written: list[Written]) -> list[Written]:
    return [(k, v, tuple((n, bytes(16) if n == SALT else c) for n, c in headers)) for k, v, headers in written]


def _replay(panlock: SignedDeployment) -> list[Written]:
    written = panlock.sign(panlock.pod())
    assert panlock.fate(panlock.put(written)) == ["released"]
    return written


def _expired(panlock: SignedDeployment) -> list[Written]:
    """By a certificate of the authority that ended yesterday."""
    life, skew = development.LEAF_LIFE, development.SKEW
    development.LEAF_LIFE, development.SKEW = -datetime.timedelta(hours=1), datetime.timedelta(hours=2)
    try:
        made = DevelopmentCA(panlock.cluster.ca.parent).issue("checkout", stem="expired")
    finally:
        development.LEAF_LIFE, development.SKEW = life, skew
    return panlock.sign(Pod("checkout", made))


def _other(panlock: SignedDeployment, name: str, spiffe: str | None = None) -> Pod:
    return Pod("checkout", DevelopmentCA(panlock.cluster.ca.parent).issue(name, spiffe, stem=f"other-{name}"))


class _Liar(Pod):
    """Seals with another data key than the one it wraps."""

    def _data_key(self, place: object, time: int) -> tuple[bytes, bytes]:
        return bytes(32), super()._data_key(place, time)[1]  # type: ignore[arg-type]


STRANGER = private_key(Kem.MLKEM768_X25519, bytes([5]) * 32)
PROVOKED: dict[str, tuple[str, Callable[[SignedDeployment], list[Written]]]] = {
    "envelope-missing": (CHECKOUT, lambda p: _without(p.sign(p.pod()), ENVELOPE)),
    "envelope-duplicate": (CHECKOUT, lambda p: _twice(p.sign(p.pod()))),
    "envelope-malformed": (CHECKOUT, lambda p: _cut(p.sign(p.pod()))),
    "envelope-stale": (CHECKOUT, lambda p: p.sign(p.pod(), ago=16 * MINUTE)),
    "replayed": (CHECKOUT, _replay),
    "signature-invalid": (CHECKOUT, lambda p: _salted(p.sign(p.pod()))),
    "certificate-unknown": (CHECKOUT, lambda p: p.sign(_other(p, "checkout"), carry=False)),
    "certificate-invalid": (
        CHECKOUT,
        lambda p: p.sign(Pod("checkout", DevelopmentCA(p.directory / "strange").issue("checkout"))),
    ),
    "certificate-expired": (CHECKOUT, _expired),
    "principal-mismatch": (CHECKOUT, lambda p: p.sign(_other(p, "legacy"))),
    "seal-required": (SEALED, lambda p: p.sign(p.pod(), SEALED)),
    "seal-key-unknown": (SEALED, lambda p: p.sign(p.pod(sealed=True, key=STRANGER), SEALED)),
    "seal-invalid": (SEALED, lambda p: p.sign(_Liar("checkout", p.credentials(), p.first.public), SEALED)),
    "identity-mismatch": (
        CHECKOUT,
        lambda p: [(k, v, (*h, ("panlock-identity", b"legacy"))) for k, v, h in p.sign(p.pod())],
    ),
}


@pytest.mark.parametrize("reason", PROVOKED)
def test_a_reason_is_provoked_told_to_the_producer_and_stops_nobody_else(
    panlock: SignedDeployment, reason: str
) -> None:
    topic, make = PROVOKED[reason]
    good = panlock.sign(panlock.pod(sealed=topic == SEALED), topic)
    ids = panlock.put([*make(panlock), *good], topic)
    assert panlock.fate(ids) == [reason, "released"]
    told = [each.value.decode() for each in panlock.read("panlock.rejections.checkout", "checkout")]
    assert any(ids[0] in each and reason in each for each in told)


@pytest.mark.parametrize("where", ["partition", "topic"])
def test_an_envelope_of_another_partition_or_topic_is_refused(panlock: SignedDeployment, where: str) -> None:
    written = panlock.sign(panlock.pod())
    ids = panlock.put(written, partition=1) if where == "partition" else panlock.put(written, SEALED)
    assert panlock.fate(ids) == ["signature-invalid" if where == "partition" else "seal-required"]


def test_pods_restarts_and_moves_refuse_replays_and_nothing_else(panlock: SignedDeployment) -> None:
    one, two = panlock.pod(sealed=True), panlock.pod(sealed=True)
    first, second = (panlock.sign(pod, SEALED, 20) for pod in (one, two))
    mixed = [record for pair in zip(first, second, strict=True) for record in pair]
    assert panlock.fate(panlock.put(mixed, SEALED)) == ["released"] * 40
    panlock.workers[-1].kill()  # another worker with another store takes over: it has the lane's changelog alone
    panlock.signed_worker("w2").wait_ready(2)
    after = panlock.sign(one, SEALED, 5, carry=False)  # neither chain nor data key comes again
    assert panlock.fate(panlock.put([*first, *after, *second], SEALED)) == (
        ["replayed"] * 20 + ["released"] * 5 + ["replayed"] * 20
    )
    fresh = panlock.sign(panlock.pod(sealed=True), SEALED, 5)  # a rolling restart: a new stream from 0
    assert panlock.fate(panlock.put(fresh, SEALED)) == ["released"] * 5
    panlock.workers[-1].send(9)  # type: ignore[arg-type]
    panlock.workers[-1].process.wait()
    waiting = panlock.put([*panlock.sign(two, SEALED, 3, carry=False), *fresh[:1]], SEALED)
    panlock.signed_worker("w2").wait_ready(2)
    assert panlock.fate(waiting) == ["released"] * 3 + ["replayed"]
    check_chain(panlock)


def test_a_gap_is_told_and_refuses_nothing(panlock: SignedDeployment) -> None:
    written = panlock.sign(panlock.pod(), count=6, partition=1)
    ids = panlock.put([written[0], written[4], written[2]], partition=1)
    assert panlock.fate(ids) == ["released"] * 3
    gap = next(each for each in lane_events(panlock, "sequence.gap", 1) if each["missing"].get("from") == "1")
    assert gap["missing"] == {"from": "1", "to": "3", "records": "3"}


def test_a_held_record_is_released_with_its_proof(panlock: SignedDeployment) -> None:
    pod = panlock.pod()
    place, now = panlock.place(CHECKOUT, 1), int(time.time() * 1000)
    (record,) = panlock.put(pod.write(place, now, (b"held", b'{"hold":1}')), partition=1)
    assert panlock.fate([record]) == ["held"]
    assert record in ANA.decide(panlock)
    until("its release", lambda: panlock.fate([record]) == ["released"])
    (event,) = [e for e in panlock.events("record.released") if e["resource"]["record"] == record]
    assert event["actor"]["certificate"] == pod.x5t and event["envelope"]


def test_a_seal_key_is_rotated_with_overlap(panlock: SignedDeployment) -> None:
    before = panlock.pod(sealed=True)
    assert panlock.fate(panlock.put(panlock.sign(before, SEALED), SEALED)) == ["released"]
    new = panlock.seal_key("s2")
    panlock.workers[-1].stop()
    panlock.signed_worker("w2").wait_ready(2)
    after = panlock.pod(sealed=True, key=new)
    written = panlock.sign(before, SEALED, carry=False) + panlock.sign(after, SEALED)
    assert panlock.fate(panlock.put(written, SEALED)) == ["released"] * 2


def test_a_denied_certificate_is_refused_within_seconds_on_an_open_connection(panlock: SignedDeployment) -> None:
    pod, other = panlock.pod(), _other(panlock, "checkout")

    async def go() -> float:
        producer = AIOKafkaProducer(**panlock.client("checkout"), enable_idempotence=True)
        await producer.start()
        try:
            place = await asyncio.to_thread(panlock.place, CHECKOUT)
            denied = time.monotonic()
            await asyncio.to_thread(OPS.deny, panlock, "certificate", pod.x5t)
            while time.monotonic() - denied < 30:
                for each in (pod, other):
                    ((key, value, headers),) = each.write(place, int(time.time() * 1000), (b"k", CARD))
                    sent = await producer.send_and_wait(CHECKOUT, value, key, 0, headers=list(headers))
                    record = f"{CHECKOUT}/0/{sent.offset}"
                    if each is pod:
                        fate = (await asyncio.to_thread(panlock.fate, [record]))[0]
                        took = time.monotonic() - denied
                    else:
                        assert (await asyncio.to_thread(panlock.fate, [record]))[0] == "released"
                if fate == "certificate-denied":
                    return took
            raise AssertionError("never denied")
        finally:
            await producer.stop()

    assert asyncio.run(go()) < 5
    assert {each["lane"] for each in panlock.events("identity.denied")} == {0, 1}
    OPS.deny(panlock, "certificate", pod.x5t, "allow")
    until("the end of the denial", lambda: panlock.fate(panlock.put(panlock.sign(pod))) == ["released"])


def test_a_denied_principal_is_stopped_at_the_broker_too(panlock: SignedDeployment, tmp_path: Path) -> None:
    (tmp_path / "ops.pem").write_bytes(OPS.pem())
    cli = Cli(panlock.cluster, tmp_path, "opal", {"person": {"key": str(tmp_path / "ops.pem")}}, {})
    admin = tmp_path / "admin.yaml"
    admin.write_text(yaml.safe_dump({"kafka": panlock.cluster.config("admin")}))

    async def go() -> float:
        producer = AIOKafkaProducer(**panlock.client("checkout"), enable_idempotence=False, retry_backoff_ms=20)
        await producer.start()
        try:
            await producer.send_and_wait(CHECKOUT, CARD, b"k", 0)
            arguments = ("deny", "--principal", "checkout", "--reason", "stolen", "--deployer", str(admin))
            ended = await asyncio.to_thread(cli, *arguments)
            assert ended.code == 0, ended.err
            began = time.monotonic()
            while time.monotonic() - began < 30:
                try:
                    await producer.send_and_wait(CHECKOUT, CARD, b"k", 0)
                except KafkaError:
                    return time.monotonic() - began
            raise AssertionError("never denied")
        finally:
            await producer.stop()

    assert asyncio.run(go()) < 5
    ended = cli("deny", "--principal", "checkout", "--reason", "found", "--deployer", str(admin), "--lift", "--json")
    assert ended.code == 0 and ended.json["lanes"] == 2 and len(ended.json["acls"]) == 2

    def accepted() -> bool:
        try:
            return panlock.fate(panlock.put(panlock.sign(panlock.pod()))) == ["released"]
        except KafkaError:
            return False

    until("the end of the denial", accepted)


def test_a_recreated_topic_and_another_cluster_have_no_old_envelopes(panlock: SignedDeployment) -> None:
    written = panlock.sign(panlock.pod())
    place = panlock.place(CHECKOUT)._replace(cluster="another")
    other = panlock.pod().write(place, int(time.time() * 1000), (b"k", CARD))
    assert panlock.fate(panlock.put(other)) == ["signature-invalid"]
    panlock.workers[-1].stop()
    panlock.recreate(CHECKOUT)
    ids = panlock.put(written)
    panlock.signed_worker("w2")
    alarms = panlock.wait_events(2, "topic.recreated")
    for alarm in alarms:
        OPS.resume(panlock, alarm["lane"], alarm["id"])
    offsets = [each for each in panlock.events() if each.get("resource", {}).get("record") == ids[0]]

    def refused() -> bool:
        now = [each for each in panlock.events() if each.get("resource", {}).get("record") == ids[0]]
        return len(now) > len(offsets) and now[-1]["reason"] == "signature-invalid"

    until("the refusal", refused)
