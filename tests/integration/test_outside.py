"""Time stamps and cosignatures of a real sealer on a real broker, from a real authority and a real witness."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.structs import ConsumerRecord

from deploy.dev.cluster import DevCluster
from deploy.dev.tsa import DevTsa, dev_tsa, make_authority
from deploy.dev.witness import DevWitness, dev_witness, witness_vkey
from pipeline.audit.checkpoint import Checkpoint
from pipeline.audit.cosignature import Witness, cosigners
from pipeline.audit.cosigned import KEY_PREFIX as COSIGNED
from pipeline.audit.note import Verifier, open_note
from pipeline.audit.timestamp import KEY_PREFIX as STAMPED
from pipeline.audit.timestamp import MANIFEST, authorities_of, stamped_at
from pipeline.policy.topics import AUDIT, CHECKPOINTS, SEALER_AUDIT
from tests.audit_keys import SEALER, WORKER, jwk
from tests.deployment import Deployment, WorkerProcess, until
from tests.integration.cli_runner import Cli, Ended

VERIFIER = Verifier("panlock-sealer", SEALER.key.public_key())
POLICY = """
version: 1
lanes: 2
principals:
  checkout: {{spiffe: spiffe://pay.example/checkout}}
flows:
  payments: {{producers: [checkout], partitions: 2}}
audit:
  worker_keys: [{worker}]
  sealer_keys: [{sealer}]
  witnesses: ['{witness}']
  timestamp_authorities: [ca.pem]
"""


class Outside:
    """A deployment with an authority and a witness, each of which can be stopped and started again."""

    def __init__(self, cluster: DevCluster, directory: Path, closing: ExitStack) -> None:
        self.directory, self.closing = directory, closing
        make_authority(directory / "tsa")
        vkey = witness_vkey(directory / "w1", "w1")
        (directory / "ca.pem").write_bytes((directory / "tsa" / "ca.pem").read_bytes())
        text = POLICY.format(worker=jwk(WORKER), sealer=jwk(SEALER), witness=vkey)
        self.panlock = closing.enter_context(Deployment(cluster, directory, text))
        self.witness = Witness.parse(vkey)
        self.authorities = authorities_of([(directory / "ca.pem").read_bytes()])
        self.urls = dict[str, str]()

    def tsa(self) -> DevTsa:
        return self.closing.enter_context(dev_tsa(self.directory / "tsa"))

    def cosigner(self, port: int | None = None) -> DevWitness:
        return self.closing.enter_context(dev_witness(self.directory / "w1", "w1", [VERIFIER], port))

    def sealer(self, name: str, tsa: str, witness: str) -> WorkerProcess:
        return self.panlock.sealer(name, timestamps={"url": tsa}, witnesses={"w1": witness})

    def records(self, prefix: bytes) -> list[ConsumerRecord]:
        return [each for each in self.panlock.read(CHECKPOINTS) if (each.key or b"").startswith(prefix)]

    def cosigned(self) -> dict[str, list[int]]:
        """Sizes that the witness cosigned, by log: each a note of the sealer's."""
        found: dict[str, list[int]] = {}
        for record in self.records(COSIGNED):
            checkpoint = Checkpoint.parse(open_note(record.value or b"", [VERIFIER]))
            assert list(cosigners(record.value or b"", [self.witness])) == ["w1"]
            found.setdefault(checkpoint.origin.split("/", 1)[1], []).append(checkpoint.size)
        return found

    def told(self, type_: str) -> list[dict[str, Any]]:
        events = [json.loads(each.value or b"") for each in self.panlock.read(SEALER_AUDIT)]
        return [event for event in events if event["type"] == type_]

    def traffic(self, count: int) -> None:
        before = len(self.panlock.read(AUDIT))
        worker = self.panlock.worker().wait_ready(2)
        self.panlock.produce("quarantine.payments.checkout", [(n % 2, b"k", b"{}") for n in range(count)])
        until("the events", lambda: len(self.panlock.read(AUDIT)) >= before + count)
        assert worker.stop() == 0

    def verify(self) -> Ended:
        auditor = Cli(self.panlock.cluster, self.directory, "panlock-auditor", {}, {})
        return auditor("audit", "verify", "--json", "--policy", str(self.panlock.policy_file))

    def publish(self, records: list[ConsumerRecord]) -> None:
        """As somebody who has no business there."""

        async def go() -> None:
            producer = AIOKafkaProducer(**self.panlock.client("admin"))
            await producer.start()
            for each in records:
                await producer.send_and_wait(CHECKPOINTS, each.value, each.key, 0, headers=list(each.headers))
            await producer.stop()

        asyncio.run(go())

    def seal(self, sealer: WorkerProcess) -> None:
        """All there is, to an orderly end."""
        end = len(self.panlock.read(AUDIT))
        until("all read", lambda: sum(each["sealed"] + each["unsealed"] for each in lanes(sealer)) == end)
        assert sealer.stop() == 0


def lanes(sealer: WorkerProcess) -> list[dict[str, Any]]:
    answer = sealer.get("/logs")
    return [] if answer is None else [each for each in answer[1]["logs"] if f"{AUDIT}/" in each["log"]]


@pytest.fixture
def outside(cluster: DevCluster, tmp_path: Path) -> Iterator[Outside]:
    with ExitStack() as closing:
        yield Outside(cluster, tmp_path, closing)


def test_manifests_are_stamped_and_every_log_is_cosigned_over_restarts(outside: Outside) -> None:
    tsa, witness = outside.tsa(), outside.cosigner()
    outside.traffic(30)
    first = outside.sealer("one", tsa.url, witness.url).wait_ready()
    until("a stamp at once", lambda: outside.records(STAMPED))
    assert first.metric("panlock_sealer_timestamp_age_seconds") < 30
    assert first.metric("panlock_sealer_manifest_age_seconds") < 30
    assert first.metric("panlock_sealer_kafka") == 1
    log = f"{outside.panlock.cluster_id()}/{AUDIT}/0"
    found = until("lane 0 read", lambda: first.metric("panlock_sealer_unsealed_events", log=log))
    assert found == lanes(first)[0]["unsealed"]
    outside.seal(first)
    sizes = [len([r for r in outside.panlock.read(AUDIT) if r.partition == lane]) for lane in (0, 1)]
    assert [outside.cosigned()[f"{AUDIT}/{lane}"][-1] for lane in (0, 1)] == sizes
    outside.traffic(50)
    outside.seal(outside.sealer("two", tsa.url, witness.url).wait_ready())
    later = [len([r for r in outside.panlock.read(AUDIT) if r.partition == lane]) for lane in (0, 1)]
    assert [outside.cosigned()[f"{AUDIT}/{lane}"][-1] for lane in (0, 1)] == later
    assert outside.told("witness.refused") == outside.told("witness.failed") == outside.told("timestamp.failed") == []
    stamps = outside.records(STAMPED)
    assert len(stamps) >= 3
    for each in stamps:
        note = dict(each.headers)[MANIFEST]
        stamped_at(note, each.value, outside.authorities)
    # and openssl says the same
    (outside.directory / "manifest").write_bytes(note)
    (outside.directory / "stamp.tsr").write_bytes(stamps[-1].value)
    words = "openssl ts -verify -data manifest -in stamp.tsr -CAfile ca.pem"
    done = subprocess.run(words.split(), cwd=outside.directory, capture_output=True, check=False)
    assert b"Verification: OK" in done.stdout + done.stderr
    ended = outside.verify()
    assert (ended.code, ended.json["witnesses"], ended.json["attests"]) == (0, ["w1"], [])
    assert ended.json["witnessed"] == ended.json["sealed"] == ended.json["events"]
    assert ended.json["timestamp"]["manifest"] == ended.json["manifest"]


def test_sealing_goes_on_without_them_and_it_is_told(outside: Outside) -> None:
    outside.traffic(10)
    outside.seal(outside.sealer("alone", "http://127.0.0.1:1", "http://127.0.0.1:1").wait_ready())
    sealer = outside.sealer("again", "http://127.0.0.1:1", "http://127.0.0.1:1").wait_ready()
    until("told", lambda: outside.told("witness.failed") and outside.told("timestamp.failed"))
    assert sealer.metric("panlock_sealer_failures_total", who="timestamp") >= 1
    assert sealer.metric("panlock_sealer_failures_total", who="w1") >= 1
    assert sealer.metric("panlock_sealer_timestamp_age_seconds") > 0
    outside.seal(sealer)
    event = outside.told("timestamp.failed")[-1]
    assert int(event["resource"]["seconds"]) >= 0
    assert outside.told("witness.failed")[0]["resource"] == {"witness": "w1"}
    assert outside.cosigned() == {}
    assert len([r for r in outside.panlock.read(CHECKPOINTS) if b"manifest/" in (r.key or b"")]) >= 2


def test_another_history_of_a_lane_is_refused_by_the_witness_and_told(outside: Outside) -> None:
    tsa, witness = outside.tsa(), outside.cosigner()
    outside.traffic(30)
    outside.seal(outside.sealer("one", tsa.url, witness.url).wait_ready())
    former = outside.records(COSIGNED)
    for topic in (AUDIT, SEALER_AUDIT, CHECKPOINTS, "panlock.state"):
        outside.panlock.recreate(topic)
    outside.traffic(44)
    other = outside.sealer("two", tsa.url, witness.url).wait_ready()
    outside.seal(other)
    third = outside.sealer("three", tsa.url, witness.url).wait_ready()
    told = until("told", lambda: outside.told("witness.refused"))
    assert {each["resource"]["log"].split("/", 1)[1] for each in told} >= {f"{AUDIT}/0", f"{AUDIT}/1"}
    assert f"{AUDIT}/0" not in outside.cosigned()
    assert third.metric("panlock_sealer_witness_refused", witness="w1", log=told[0]["resource"]["log"]) == 1
    third.kill()
    ended = outside.verify()
    assert (ended.json["witnessed"], ended.json["witnesses"], ended.json["seals"]) == (0, [], [])
    outside.publish([each for each in former if b"panlock.audit/0/" in (each.key or b"")])
    ended = outside.verify()
    assert (ended.code, [each["lane"] for each in ended.json["seals"]]) == (1, [0])
    assert "witnesses have cosigned" in ended.json["seals"][0]["what"]
