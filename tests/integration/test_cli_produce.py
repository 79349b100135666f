"""`panlock produce` and `panlock rejections`: a producer's side, on a real broker."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.dev.cluster import DevCluster
from pipeline.identity.sealing_keys import Kem, private_key, public_text
from tests.deployment import Deployment
from tests.integration.cli_runner import Cli
from tests.signed import verdict

POLICY = """
version: 1
lanes: 2
principals:
  checkout: {spiffe: spiffe://pay.example/checkout}
  refunds: {spiffe: spiffe://pay.example/refunds}
flows:
  payments: {producers: [checkout, refunds], partitions: 3}
"""
TOPIC = "quarantine.payments.checkout"
AS_CHECKOUT = ("--flow", "payments", "--principal", "checkout")


@pytest.fixture
def panlock(cluster: DevCluster, tmp_path: Path) -> Iterator[Deployment]:
    with Deployment(cluster, tmp_path, POLICY) as deployed:
        yield deployed


@pytest.fixture
def checkout(cluster: DevCluster, tmp_path: Path) -> Cli:
    return Cli(cluster, tmp_path, "checkout", {}, {})


def test_lines_are_written_as_they_are_with_the_principals_header(panlock: Deployment, checkout: Cli) -> None:
    lines = [b'{"id":"a","n":1}', b'{"id":7}', b'{"id":null}', b"nonsense", b'["id"]', b"", b'{"n":1.10}']
    ended = checkout("produce", *AS_CHECKOUT, "--key", "id", "--json", stdin=b"\n".join(lines) + b"\n")
    assert ended.json == {"topic": TOPIC, "records": len(lines)}
    written = panlock.read(TOPIC)
    assert sorted((record.value, record.key) for record in written) == sorted(
        zip(lines, [b"a", b"7", *[None] * 5], strict=True), key=lambda pair: pair[0]
    )
    assert {dict(record.headers)["panlock-identity"] for record in written} == {b"checkout"}
    assert all(verdict(panlock, record, checkout.cluster) == "ok" for record in written)


def test_with_the_workers_key_lines_are_sealed(panlock: Deployment, checkout: Cli, tmp_path: Path) -> None:
    seal_key = tmp_path / "seal.pub"
    seal_key.write_text(public_text(private_key(Kem.MLKEM768_X25519, bytes(32)).public) + "\n")
    sealing = ("--seal-key", str(seal_key))
    assert checkout("produce", *AS_CHECKOUT, *sealing, stdin=b'{"pan":"4111111111111111"}\n').code == 0
    (written,) = panlock.read(TOPIC)
    assert b"4111" not in written.value
    assert verdict(panlock, written, checkout.cluster) == "ok"


def test_a_file_that_is_no_key_of_the_workers_is_told_in_words(checkout: Cli, tmp_path: Path) -> None:
    wrong = tmp_path / "seal.pub"
    wrong.write_text("panlock-seal-private-v1:secret")
    ended = checkout("produce", *AS_CHECKOUT, "--seal-key", str(wrong), stdin=b"{}\n")
    assert ended.code == 2
    assert "not a public key" in ended.err and "secret" not in ended.err


def test_records_with_one_key_share_a_partition(panlock: Deployment, checkout: Cli) -> None:
    lines = b"".join(b'{"id":"%d"}\n' % (n % 5) for n in range(500))
    assert "500 records written" in checkout("produce", *AS_CHECKOUT, "--key", "id", stdin=lines).err
    places = {(record.key, record.partition) for record in panlock.read(TOPIC)}
    assert len(places) == 5
    assert len({partition for _, partition in places}) > 1


def test_another_principals_topic_is_refused_by_the_broker(panlock: Deployment, checkout: Cli) -> None:
    ended = checkout("produce", "--flow", "payments", "--principal", "refunds", stdin=b"{}\n")
    assert ended.code == 3
    assert "Kafka refuses to write to quarantine.payments.refunds" in ended.err
    assert panlock.read("quarantine.payments.refunds") == []


def test_a_record_too_large_for_its_topic_is_told_in_words(panlock: Deployment, checkout: Cli) -> None:
    ended = checkout("produce", *AS_CHECKOUT, stdin=b'{"a":"' + b"x" * (2 << 20) + b'"}\n')
    assert ended.code == 2
    assert "larger than its topic takes" in ended.err


def test_a_producer_reads_its_own_rejections_and_no_others(panlock: Deployment, checkout: Cli) -> None:
    topic = "panlock.rejections.checkout"
    told = [{"v": 1, "record": f"{TOPIC}/0/{n}", "reason": "malformed-json", "place": f"byte {n}"} for n in range(3)]
    values = [json.dumps(each).encode() for each in told]
    panlock.produce(topic, [(n % 2, b"k", value) for n, value in enumerate(values)], name="panlock-worker")
    panlock.produce(topic, [(0, b"k2\x1b[2J", b"broken")], name="panlock-worker")
    ended = checkout("rejections", "--principal", "checkout", "--json")
    read = [json.loads(line) for line in ended.out.splitlines()]
    assert sorted(each["record"] for each in read) == sorted([f"{TOPIC}/0/{n}" for n in range(3)] + ["k2\x1b[2J"])
    assert all(each["time"].startswith("20") for each in read)
    shown = checkout("rejections", "--principal", "checkout").out
    assert "byte 2" in shown
    assert "\x1b" not in shown
    assert checkout("rejections", "--principal", "refunds").code == 3


def test_nothing_rejected_is_said_so(panlock: Deployment, checkout: Cli) -> None:
    ended = checkout("rejections", "--principal", "checkout")
    assert (ended.code, ended.out) == (0, "")
    assert "nothing was rejected" in ended.err
