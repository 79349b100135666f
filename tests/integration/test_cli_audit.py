"""`panlock audit verify` against real audit topics, whole and tampered with."""

import asyncio
import importlib
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import typer
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from deploy.dev.cluster import DevCluster
from pipeline.audit.events import Chain, EventType, timestamp
from pipeline.audit.manifest import Manifest
from pipeline.audit.note import sign
from pipeline.audit.origin import origin
from pipeline.audit.signature import Signer
from pipeline.policy.topics import AUDIT, CHECKPOINTS
from tests.audit_keys import POLICY as AUDIT_KEYS
from tests.audit_keys import SEALER, STRANGER, WORKER, jwk
from tests.deployment import Deployment
from tests.integration.cli_runner import Cli, run

POLICY = """
version: 1
lanes: 2
principals:
  checkout: {spiffe: spiffe://pay.example/checkout}
flows:
  payments: {producers: [checkout], partitions: 2}
"""

verifying = importlib.import_module("cli.audit.verify")  # its package has the command under this name


def now(seconds: float = 0) -> bytes:
    """So long from now."""
    return timestamp(int(1000 * (time.time() + seconds)))


@pytest.fixture
def panlock(cluster: DevCluster, tmp_path: Path) -> Iterator[Deployment]:
    with Deployment(cluster, tmp_path, POLICY) as deployed:
        yield deployed


@pytest.fixture
def auditor(cluster: DevCluster, tmp_path: Path) -> Cli:
    return Cli(cluster, tmp_path, "panlock-auditor", {}, {})


class Lanes:
    """Writes events as workers do: in transactions, some of which are aborted."""

    def __init__(self, panlock: Deployment) -> None:
        self.panlock = panlock
        self.chains = [Chain(lane, "ab" * 32) for lane in range(2)]

    def write(self, lane: int, count: int, commit: bool = True, signer: Signer | None = None, late: float = 0) -> None:
        chain = self.chains[lane]
        head = chain.seq, chain.prev
        events = [chain.event(EventType.LANE_OPENED, now(late), actor={"worker": "w1"}) for _ in range(count)]
        if signer is not None:
            log = origin(self.panlock.cluster_id(), AUDIT, lane)
            events[-1] = events[-1][0], chain.sign_last(events[-1][1], signer, log)
        if not commit:
            chain.seq, chain.prev = head
        asyncio.run(self._transaction(lane, events, commit))

    async def _transaction(self, lane: int, events: list[tuple[bytes, bytes]], commit: bool) -> None:
        producer = AIOKafkaProducer(transactional_id=f"panlock-{lane}", **self.panlock.client("admin"))
        await producer.start()
        await producer.begin_transaction()
        for key, event in events:
            await producer.send_and_wait(AUDIT, event, key, lane)
        await (producer.commit_transaction() if commit else producer.abort_transaction())
        await producer.stop()

    def forge(self, lane: int, key: bytes | None, value: bytes | None, topic: str = AUDIT) -> None:
        """As somebody who has no business there."""

        async def go() -> None:
            producer = AIOKafkaProducer(**self.panlock.client("admin"))
            await producer.start()
            await producer.send_and_wait(topic, value, key, lane)
            await producer.stop()

        asyncio.run(go())

    def delete_before(self, lane: int, offset: int) -> None:
        async def go() -> None:
            admin = AIOKafkaAdminClient(**self.panlock.client("admin"))
            await admin.start()
            await admin.delete_records({TopicPartition(AUDIT, lane): RecordsToDelete(offset)})
            await admin.close()

        asyncio.run(go())


@pytest.fixture
def lanes(panlock: Deployment) -> Lanes:
    written = Lanes(panlock)
    for lane in (0, 1):
        written.write(lane, 3)
        written.write(lane, 5, commit=False)
        written.write(lane, 2)
    return written


def test_a_whole_log_verifies_over_aborted_transactions(lanes: Lanes, auditor: Cli) -> None:
    ended = auditor("audit", "verify", "--json", "--policy", str(lanes.panlock.policy_file))
    assert ended.json == {
        "ok": True, "events": 10, "signatures": None, "sealed": None, "lanes": {"expected": 2, "present": 2},
        "gaps": [], "breaks": [], "repeated": [], "tombstones": [], "unsigned": [], "seals": [],
        "manifest": None, "silent": False, "stopped": False, "skew": [],
        "witnesses": [], "witnessed": 0, "timestamp": None, "attests": [],
    }  # fmt: skip
    assert ended.code == 0


def test_a_tampered_log_does_not(lanes: Lanes, auditor: Cli) -> None:
    key, event = Chain(0, "ab" * 32).event(EventType.LANE_CLOSED, now())
    lanes.forge(0, key, event)
    lanes.forge(1, b"1/2", None)
    lanes.forge(1, b"1/9", b"{}")
    ended = auditor("audit", "verify", "--json")
    assert ended.code == 1
    assert [(each["lane"], each["seq"]) for each in ended.json["repeated"]] == [(0, 0)]
    assert [(each["lane"], each["seq"]) for each in ended.json["tombstones"]] == [(1, 2)]
    assert [each["lane"] for each in ended.json["breaks"]] == [1]
    shown = auditor("audit", "verify")
    assert shown.code == 1
    assert "repeated" in shown.out
    assert "NOT whole" in shown.err


def test_signatures_say_whose_events_they_are(cluster: DevCluster, tmp_path: Path, auditor: Cli) -> None:
    with Deployment(cluster, tmp_path, f"{POLICY}audit: {{worker_keys: [{jwk(WORKER)}]}}\n") as panlock:
        written = Lanes(panlock)
        for lane in (0, 1):
            written.write(lane, 3, signer=WORKER)
        arguments = "audit", "verify", "--json", "--policy", str(panlock.policy_file)
        ended = auditor(*arguments)
        assert (ended.code, ended.json["signatures"]) == (0, 2)
        written.write(0, 2)
        written.write(1, 2, signer=STRANGER)
        ended = auditor(*arguments)
        assert (ended.code, ended.json["signatures"], ended.json["breaks"]) == (1, 2, [])
        assert sorted((each["lane"], each["seq"]) for each in ended.json["unsigned"]) == [(0, 3), (1, 3), (1, 4)]
        assert "signatures were NOT checked" in auditor("audit", "verify").err


def test_a_sealer_that_says_nothing_is_told(cluster: DevCluster, tmp_path: Path, auditor: Cli) -> None:
    with Deployment(cluster, tmp_path, POLICY + AUDIT_KEYS) as panlock:
        written = Lanes(panlock)
        for lane in (0, 1):
            written.write(lane, 3, signer=WORKER)
        arguments = "audit", "verify", "--policy", str(panlock.policy_file)
        ended = auditor(*arguments, "--json")
        assert (ended.code, ended.json["manifest"], ended.json["silent"]) == (1, None, True)
        assert "the sealer has said nothing at all" in auditor(*arguments).err
        assert panlock.sealer().wait_ready().stop() == 0
        ended = auditor(*arguments, "--json")
        assert (ended.code, ended.json["silent"]) == (0, False)


def test_a_sealer_that_has_stopped_is_named(
    cluster: DevCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In this process, so that five minutes need not pass."""
    auditor = Cli(cluster, tmp_path, "panlock-auditor", {}, {})
    with Deployment(cluster, tmp_path, POLICY + AUDIT_KEYS) as panlock:
        written = Lanes(panlock)
        for lane in (0, 1):
            written.write(lane, 3, signer=WORKER)
        assert panlock.sealer().wait_ready().stop() == 0
        arguments = "audit", "verify", "--policy", str(panlock.policy_file)
        whole = auditor(*arguments)
        assert (whole.code, "not proven against split view" in whole.err) == (0, True)
        monkeypatch.setattr(verifying, "SILENCE", timedelta(0))
        with pytest.raises(typer.Exit) as quiet:
            verifying.verify(tmp_path / "panlock-auditor.yaml", panlock.policy_file)
        assert quiet.value.exit_code == 1
        told = capsys.readouterr().err
        assert "the sealer has said nothing since" in told and "sealer stopped" not in told
        written.write(0, 2, signer=WORKER)
        with pytest.raises(typer.Exit) as stopped:
            verifying.verify(tmp_path / "panlock-auditor.yaml", panlock.policy_file)
        assert stopped.value.exit_code == 1
        assert "sealer stopped: 2 events stand on the workers' signatures alone" in capsys.readouterr().err


def test_clocks_that_disagree_are_named(cluster: DevCluster, tmp_path: Path, auditor: Cli) -> None:
    with Deployment(cluster, tmp_path, POLICY + AUDIT_KEYS) as panlock:
        written = Lanes(panlock)
        for lane in (0, 1):
            written.write(lane, 3, signer=WORKER)
        assert panlock.sealer().wait_ready().stop() == 0
        arguments = "audit", "verify", "--policy", str(panlock.policy_file)
        whole = auditor(*arguments, "--json")
        assert (whole.code, whole.json["skew"]) == (0, [])
        written.write(1, 1, signer=WORKER, late=-300)
        for seconds in (90, -1):
            manifest = Manifest(panlock.cluster_id(), now(seconds).decode(), [])
            note = sign(manifest.text(), "panlock-sealer", SEALER.key).encode()
            written.forge(0, manifest.key, note, CHECKPOINTS)
        ended = auditor(*arguments, "--json")
        assert (ended.code, ended.json["breaks"], ended.json["unsigned"]) == (1, [], [])
        event, ahead, back = sorted(ended.json["skew"], key=lambda skew: skew["place"], reverse=True)
        assert event["place"].startswith("panlock.audit/1/") and "s behind the broker's" in event["what"]
        assert "s ahead of the broker's" in ahead["what"]
        assert "the sealer's clock went back" in back["what"]
        assert auditor(*arguments).err.count("clock skew: ") == 3


def test_a_lane_that_retention_has_cut_may_begin_above_0(lanes: Lanes, auditor: Cli) -> None:
    lanes.delete_before(0, 2)
    ended = auditor("audit", "verify", "--json")
    assert (ended.code, ended.json["events"]) == (0, 8)


def test_a_lane_without_events_is_missed(panlock: Deployment, auditor: Cli) -> None:
    Lanes(panlock).write(0, 1)
    ended = auditor("audit", "verify", "--json")
    assert (ended.code, ended.json["lanes"]) == (1, {"expected": 2, "present": 1})


def test_an_open_transaction_is_waited_for(lanes: Lanes, auditor: Cli) -> None:
    """What it holds back would otherwise be left out of what was verified."""

    async def go() -> dict:
        producer = AIOKafkaProducer(transactional_id="panlock-0", **lanes.panlock.client("admin"))
        await producer.start()
        await producer.begin_transaction()
        key, event = lanes.chains[0].event(EventType.LANE_CLOSED, now())
        await producer.send_and_wait(AUDIT, event, key, 0)
        verifying = asyncio.create_task(asyncio.to_thread(auditor, "audit", "verify", "--json"))
        done, _ = await asyncio.wait([verifying], timeout=2)
        assert not done
        await producer.commit_transaction()
        await producer.stop()
        return (await verifying).json

    assert asyncio.run(go())["events"] == 11


def test_who_is_no_auditor_is_refused_by_the_broker(lanes: Lanes, cluster: DevCluster, tmp_path: Path) -> None:
    ended = Cli(cluster, tmp_path, "checkout", {}, {})("audit", "verify", "--json")
    assert (ended.code, ended.out) == (3, "")
    assert "Kafka refuses to read panlock.audit" in ended.err


def test_a_cluster_that_is_not_there_is_told_in_words(cluster: DevCluster, tmp_path: Path) -> None:
    kafka = {**cluster.config("x"), "bootstrap": "127.0.0.1:1"}
    ended = Cli(cluster, tmp_path, "panlock-auditor", {"kafka": kafka}, {})("audit", "verify")
    assert ended.code == 3
    assert "no answer from 127.0.0.1:1" in ended.err


def test_a_certificate_of_another_ca_is_told_in_words(cluster: DevCluster, tmp_path: Path) -> None:
    from deploy.dev.ca import DevelopmentCA

    leaf = DevelopmentCA(tmp_path / "other").issue("panlock-auditor", None)
    kafka = {**cluster.config("x"), "certificate": str(leaf.certificate), "key": str(leaf.key)}
    ended = Cli(cluster, tmp_path, "panlock-auditor", {"kafka": kafka}, {})("audit", "verify")
    assert ended.code == 3


def test_no_command_needs_kafka_to_say_what_is_wrong_with_its_configuration() -> None:
    assert run("audit", "verify", "--config", "/nonexistent").code == 2
