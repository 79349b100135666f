"""The sealer on a real broker: it seals what workers sign, goes on from its own checkpoints, and refuses the rest."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from agents.restore import reader
from agents.sealer.published import published
from agents.settings import Kafka
from deploy.dev.cluster import DevCluster
from pipeline.audit.events import Chain, EventType, timestamp
from pipeline.audit.manifest import KEY_PREFIX, Manifest
from pipeline.audit.merkle import Tree, leaf_hash
from pipeline.audit.note import Verifier, open_note, sign
from pipeline.audit.progress import HEADER, Progress
from pipeline.policy.topics import AUDIT, CHECKPOINTS, SEALER_AUDIT
from tests.audit_keys import POLICY as AUDIT_KEYS
from tests.audit_keys import SEALER, STRANGER, WORKER, key_file
from tests.deployment import Deployment, WorkerProcess, until
from tests.integration.cli_runner import Cli

POLICY = (
    """
version: 1
lanes: 2
principals:
  checkout: {spiffe: spiffe://pay.example/checkout}
flows:
  payments: {producers: [checkout], partitions: 2}
"""
    + AUDIT_KEYS
)
VERIFIER = Verifier("panlock-sealer", SEALER.key.public_key())


@pytest.fixture
def panlock(cluster: DevCluster, tmp_path: Path) -> Iterator[Deployment]:
    with Deployment(cluster, tmp_path, POLICY) as deployed:
        yield deployed


def events(panlock: Deployment, lane: int) -> list[Any]:
    return [record for record in panlock.read(AUDIT) if record.partition == lane]


def traffic(panlock: Deployment, count: int) -> None:
    """Through a worker, from its start to its orderly end."""
    before = len(panlock.read(AUDIT))
    worker = panlock.worker().wait_ready(2)
    panlock.produce("quarantine.payments.checkout", [(n % 2, b"k", b"{}") for n in range(count)])
    until("the events", lambda: len(panlock.read(AUDIT)) >= before + count)
    assert worker.stop() == 0


def sealed(panlock: Deployment) -> dict[str, Progress]:
    """What the sealer has published, by topic/partition."""

    async def go() -> dict[str, Progress]:
        async with reader(Kafka.model_validate(panlock.cluster.config("panlock-auditor"))) as consumer:
            return dict((await published(consumer, [VERIFIER])).logs)

    return {origin.split("/", 1)[1]: progress for origin, progress in asyncio.run(go()).items()}


def tree(records: list[Any]) -> Tree:
    return Tree().append(b"".join(leaf_hash(record.value) for record in records))


def logs(sealer: WorkerProcess) -> dict[str, dict[str, Any]]:
    answer = sealer.get("/logs")
    return {each["log"].split("/", 1)[1]: each for each in answer[1]["logs"]} if answer else {}


def refusal(sealer: WorkerProcess, log: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        return (logs(sealer).get(log) or {}).get("refused")

    return until(f"{log} refused", look)


def forge(
    panlock: Deployment,
    lane: int,
    *records: tuple[bytes | None, bytes | None],
    topic: str = AUDIT,
    headers: Sequence[tuple[str, bytes]] = (),
) -> None:
    """As somebody who has no business there."""

    async def go() -> None:
        producer = AIOKafkaProducer(**panlock.client("admin"))
        await producer.start()
        for key, value in records:
            await producer.send_and_wait(topic, value, key, lane, headers=list(headers))
        await producer.stop()

    asyncio.run(go())


def test_what_workers_sign_is_sealed_and_a_manifest_names_every_log(panlock: Deployment) -> None:
    sealer = panlock.sealer().wait_ready()
    traffic(panlock, 3_000)
    until("both lanes sealed by themselves", lambda: {"panlock.audit/0", "panlock.audit/1"} <= sealed(panlock).keys())
    assert sealer.stop() == 0
    found = sealed(panlock)
    for lane in (0, 1):
        assert found[f"panlock.audit/{lane}"].tree == tree(events(panlock, lane))
    notes = [each for each in panlock.read(CHECKPOINTS) if each.key.startswith(KEY_PREFIX)]
    manifest = Manifest.parse(open_note(notes[-1].value, [VERIFIER]))
    assert [log.origin.split("/", 1)[1] for log in manifest.logs] == [
        "panlock.audit/0", "panlock.audit/1", "panlock.audit.sealer/0",
    ]  # fmt: skip
    assert manifest.logs[0] == found["panlock.audit/0"].checkpoint
    keys = [each.key for each in panlock.read(CHECKPOINTS)]
    assert len(keys) == len(set(keys))


def test_a_sealer_goes_on_from_its_own_checkpoints_after_a_kill_and_a_newer_one_fences_it(panlock: Deployment) -> None:
    first = panlock.sealer().wait_ready()
    traffic(panlock, 2_500)
    until("a checkpoint of lane 0", lambda: "panlock.audit/0" in sealed(panlock))
    second = panlock.sealer("second").wait_ready()
    assert first.process.wait(60) == 2
    assert "another sealer has started" in first.tail()
    second.kill()
    before = sealed(panlock)
    traffic(panlock, 10)
    third = panlock.sealer("third").wait_ready()
    assert third.stop() == 0
    after = sealed(panlock)
    for lane in (0, 1):
        name = f"panlock.audit/{lane}"
        assert after[name].tree == tree(events(panlock, lane))
        assert after[name].tree.size > before[name].tree.size


def test_it_refuses_a_tombstone_a_forged_event_and_a_strangers_signature(panlock: Deployment) -> None:
    traffic(panlock, 4)
    sealer = panlock.sealer().wait_ready()
    until("the lanes read", lambda: all(each["unsealed"] for name, each in logs(sealer).items() if "audit/" in name))
    forge(panlock, 0, (b"0/1", None))
    assert refusal(sealer, "panlock.audit/0")["reason"] == "tombstone"
    status = sealer.get("/readyz")
    assert status is not None and status[0] == 503
    last = events(panlock, 1)
    chain = Chain(1, "ab" * 32)
    for record in last:  # where the lane's own chain stands
        chain.seq, chain.prev = chain.seq + 1, sha256(record.value).hexdigest()
    key, event = chain.event(EventType.LANE_CLOSED, timestamp(0))
    forge(panlock, 1, (key, chain.sign_last(event, STRANGER, f"{panlock.cluster_id()}/{AUDIT}/1")))
    assert refusal(sealer, "panlock.audit/1")["reason"] == "signature"
    assert sealer.stop() == 0
    assert sealed(panlock)["panlock.audit/1"].tree == tree(last)
    told = {(each["reason"], each["resource"]["log"].split("/", 1)[1]) for each in own_events(panlock, "log.refused")}
    assert told == {("tombstone", "panlock.audit/0"), ("signature", "panlock.audit/1")}


def own_events(panlock: Deployment, type_: str) -> list[dict[str, Any]]:
    found = [json.loads(record.value) for record in panlock.read(SEALER_AUDIT)]
    return [event for event in found if event["type"] == type_]


def test_a_recreated_topic_is_a_tail_cut_off_and_the_own_log_may_not_be_anothers(panlock: Deployment) -> None:
    traffic(panlock, 4)
    sealer = panlock.sealer().wait_ready()
    until("the lanes read", lambda: all(each["unsealed"] for name, each in logs(sealer).items() if "audit/" in name))
    assert sealer.stop() == 0
    panlock.recreate(AUDIT)
    again = panlock.sealer()
    for lane in (0, 1):
        assert refusal(again, f"panlock.audit/{lane}")["reason"] == "cut-off"
    assert again.stop() == 0
    forge(panlock, 0, (b"0/9", b"{}"), topic=SEALER_AUDIT)
    last = panlock.sealer()
    assert last.process.wait(60) == 2
    assert "the sealer's own log" in last.tail()


def test_a_sealers_key_used_by_somebody_else_is_named(panlock: Deployment, tmp_path: Path) -> None:
    """Two checkpoints of the same lane and size that cannot both be true: sealer, verify and export all say so."""
    traffic(panlock, 4)
    assert panlock.sealer().wait_ready().stop() == 0
    size = sealed(panlock)["panlock.audit/0"].tree.size
    log = f"{panlock.cluster_id()}/{AUDIT}/0"
    other = Progress(log, Tree().append(bytes(32 * size)), size, bytes(32))
    note, stand = (sign(text, "panlock-sealer", SEALER.key) for text in (other.checkpoint.text(), other.text()))
    forge(panlock, 0, (other.checkpoint.key, note.encode()), topic=CHECKPOINTS, headers=[(HEADER, stand.encode())])
    again = panlock.sealer("again")
    assert again.process.wait(60) == 2
    assert "somebody else signs with the sealer's key" in again.tail()
    auditor, policy = Cli(panlock.cluster, tmp_path, "panlock-auditor", {}, {}), ("--policy", str(panlock.policy_file))
    for words in (("verify",), ("export", str(tmp_path / "export"))):
        ended = auditor("audit", *words, *policy)
        assert (ended.code, "somebody else signs with the sealer's key" in ended.err) == (2, True), ended.err


def test_a_workers_key_used_by_somebody_else_is_named(panlock: Deployment) -> None:
    """A well-chained event under its key: the lane knows what it wrote itself; in another lane it is no signature."""
    traffic(panlock, 4)
    chains = [Chain(lane, "ab" * 32) for lane in (0, 1)]
    for lane, chain in enumerate(chains):
        for record in events(panlock, lane):
            chain.seq, chain.prev = chain.seq + 1, sha256(record.value).hexdigest()
    key, event = chains[0].event(EventType.LANE_CLOSED, timestamp(0))
    forge(panlock, 0, (key, chains[0].sign_last(event, WORKER, f"{panlock.cluster_id()}/{AUDIT}/0")))
    moved, event = chains[1].event(EventType.LANE_CLOSED, timestamp(0))
    forge(panlock, 1, (moved, chains[1].sign_last(event, WORKER, f"{panlock.cluster_id()}/{AUDIT}/0")))
    sealer = panlock.sealer()
    assert refusal(sealer, "panlock.audit/1")["reason"] == "signature"
    worker = panlock.worker()
    what = f"panlock.audit ends with event {key.decode()}, the lane's state with"

    def why() -> bool:
        return any(what in str(lane.get("why")) for lane in worker.status()["lanes"])

    until("lane 0 stays closed and says why", why)
    assert sealer.stop() == 0


def test_a_policy_without_its_key_starts_no_sealer(panlock: Deployment, tmp_path: Path) -> None:
    wrong = panlock.sealer("wrong", audit_key=str(key_file(tmp_path, "wrong", STRANGER)))
    assert wrong.process.wait(60) == 2
    assert "which the policy's `audit` does not name" in wrong.tail()
