"""An export of a real audit: whole for Panlock and for Tessera's fsck, going on where it was; and every damage found."""

# ruff: noqa: E501  # tables

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agents.stored import Stored
from deploy.dev.cluster import DevCluster
from pipeline.audit.exported import LogReport, verify_export
from pipeline.audit.logs import audit_logs
from pipeline.audit.merkle import leaf_hash
from pipeline.audit.note import NoteError, Verifier
from pipeline.audit.tiles import TileError, bundle, entries
from pipeline.policy.topics import AUDIT
from tests.audit_keys import POLICY as AUDIT_KEYS
from tests.audit_keys import SEALER, STRANGER
from tests.deployment import Deployment, until
from tests.integration.cli_runner import Cli, run

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
FSCK = "github.com/transparency-dev/tessera/cmd/fsck@v1.0.4"
VERIFIER = Verifier("panlock-sealer", SEALER.key.public_key())


@pytest.fixture(scope="module")
def panlock(fresh_cluster: DevCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with Deployment(fresh_cluster, tmp_path_factory.mktemp("panlock"), POLICY) as deployed:
        yield deployed


@pytest.fixture(scope="module")
def export(panlock: Deployment) -> Path:
    """Made in three goes: nothing, what was sealed after some traffic, and after more."""
    auditor = Cli(panlock.cluster, panlock.directory, "panlock-auditor", {}, {})
    arguments = "audit", "export", str(panlock.directory / "export"), "--policy", str(panlock.policy_file), "--json"
    counts = []
    for records in (1, 700, 1_500):
        seal(panlock, records)
        ended = auditor(*arguments)
        assert ended.code == 0, ended.err
        counts.append(ended.json["exported"])
    assert counts[1] >= 700 and counts[2] >= 1_500
    assert auditor(*arguments).json["exported"] == 0
    return panlock.directory / "export"


def seal(panlock: Deployment, count: int) -> None:
    before = len(panlock.read(AUDIT))
    worker = panlock.worker().wait_ready(2)
    panlock.produce("quarantine.payments.checkout", [(n % 2, b"k", b"{}") for n in range(count)])
    until("the events", lambda: len(panlock.read(AUDIT)) >= before + count)
    assert worker.stop() == 0
    end = len(panlock.read(AUDIT))
    sealer = panlock.sealer().wait_ready()
    until("all read", lambda: sum(each["sealed"] + each["unsealed"] for each in lanes(sealer.get("/logs"))) == end)
    assert sealer.stop() == 0


def lanes(answer: tuple[int, dict] | None) -> list[dict]:
    return [] if answer is None else [each for each in answer[1]["logs"] if "panlock.audit/" in each["log"]]


def verified(panlock: Deployment, directory: Path) -> list[LogReport]:
    return list(verify_export(Stored(str(directory)).read, audit_logs(panlock.policy), [VERIFIER]))


def test_an_export_is_whole_and_says_so_without_kafka(panlock: Deployment, export: Path) -> None:
    ended = run("audit", "verify", "--export", str(export), "--policy", str(panlock.policy_file), "--json")
    assert (ended.code, ended.json["ok"]) == (0, True)
    assert [each["log"].split("/", 1)[1] for each in ended.json["logs"]] == [
        "panlock.audit/0", "panlock.audit/1", "panlock.audit.sealer/0",
    ]  # fmt: skip
    assert sum(each["events"] for each in ended.json["logs"][:2]) == len(panlock.read(AUDIT))


@pytest.fixture(scope="session")
def fsck(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("go") is None:
        pytest.skip("NO GO ON THIS MACHINE: exports are not checked by Tessera's fsck")
    directory = tmp_path_factory.mktemp("fsck")
    subprocess.run(["go", "install", FSCK], check=True, env={**os.environ, "GOBIN": str(directory)}, timeout=280)
    return directory / "fsck"


def test_tesseras_fsck_finds_each_log_whole_and_a_damaged_one_not(
    panlock: Deployment, export: Path, fsck: Path, tmp_path: Path
) -> None:
    (key,) = (export / "keys").glob("*.vkey")

    def whole(root: Path, log: str) -> bool:
        origin = f"{panlock.cluster_id()}/{log}"
        command = [
            str(fsck),
            "--ui=false",
            f"--storage_url=file://{root / log}/",
            f"--public_key={key}",
            f"--origin={origin}",
        ]
        try:  # its exit code is always 0, and a tile that does not fit can leave it waiting for its own workers
            told = subprocess.run(command, capture_output=True, timeout=20, check=False).stderr
        except subprocess.TimeoutExpired:
            return False
        return b"Successfully fsck'd log" in told

    for log in ("panlock.audit/0", "panlock.audit/1", "panlock.audit.sealer/0"):
        assert whole(export, log), log
    damaged = shutil.copytree(export, tmp_path / "damaged")
    edit(damaged / "panlock.audit/0/tile/entries/000", lambda raw: bundle([*entries(raw)[:-1], b"{}"]))
    assert not whole(damaged, "panlock.audit/0")


def edit(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


def swapped(raw: bytes) -> bytes:
    events = entries(raw)
    events[3], events[4] = events[4], events[3]
    return bundle(events)


DAMAGES: dict[str, tuple[str, Callable[[Path], None]]] = {
    "an event changed": ("prev is another", lambda log: edit(log / "tile/entries/000", lambda raw: bundle([*entries(raw)[:7], entries(raw)[7].replace(b"released", b"rejected", 1), *entries(raw)[8:]]))),
    "an event dropped": ("holds 255 events", lambda log: edit(log / "tile/entries/000", lambda raw: bundle(entries(raw)[1:]))),
    "events reordered": ("event 3", lambda log: edit(log / "tile/entries/000", swapped)),
    "a bundle missing": ("is not there", lambda log: (log / "tile/entries/001").unlink()),
    "a hash tile changed": ("is not what its events come to", lambda log: edit(log / "tile/0/000", lambda raw: leaf_hash(b"") + raw[32:])),
    "a checkpoint of another log": ("its checkpoint is of", lambda log: shutil.copy(log.parent / "1/checkpoint", log / "checkpoint")),
    "a checkpoint changed": ("is not one of this note", lambda log: edit(log / "checkpoint", lambda raw: raw.replace(b"\n", b"\n1", 1))),
    "no checkpoint": ("is not there", lambda log: (log / "checkpoint").unlink()),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGES)
def test_every_damage_is_found_in_its_log_alone(panlock: Deployment, export: Path, tmp_path: Path, name: str) -> None:
    what, damage = DAMAGES[name]
    damaged = shutil.copytree(export, tmp_path / "damaged")
    damage(damaged / "panlock.audit/0")
    first, *others = verified(panlock, damaged)
    assert first.wrong is not None and what in first.wrong
    assert [each.wrong for each in others] == [None, None]


def test_a_whole_lane_cannot_be_left_out(panlock: Deployment, export: Path, tmp_path: Path) -> None:
    damaged = shutil.copytree(export, tmp_path / "damaged")
    shutil.rmtree(damaged / "panlock.audit/1")
    assert [each.wrong is None for each in verified(panlock, damaged)] == [True, False, True]
    (damaged / "manifest").unlink()
    with pytest.raises(TileError):
        verified(panlock, damaged)


def test_the_keys_that_count_are_not_those_of_the_export(panlock: Deployment, export: Path) -> None:
    with pytest.raises(NoteError, match="none of the keys"):
        list(
            verify_export(
                Stored(str(export)).read,
                audit_logs(panlock.policy),
                [Verifier("panlock-sealer", STRANGER.key.public_key())],
            )
        )


def test_a_records_life_is_proven_from_topics_and_export_and_checked_offline(
    panlock: Deployment, export: Path, tmp_path: Path
) -> None:
    auditor = Cli(panlock.cluster, tmp_path, "panlock-auditor", {}, {})
    record = "quarantine.payments.checkout/1/40"
    policy = "--policy", str(panlock.policy_file)
    verified = auditor("audit", "verify", *policy, "--json").json
    assert (verified["unsigned"], verified["seals"], verified["sealed"]) == ([], [], verified["events"])
    from_topics = auditor("audit", "prove", record, *policy)
    assert from_topics.code == 0, from_topics.err
    file = tmp_path / "proof.json"
    ended = run("audit", "prove", record, *policy, "--export", str(export), "--out", str(file))
    assert ended.code == 0, ended.err
    assert json.loads(file.read_bytes())["events"] == json.loads(from_topics.out)["events"]
    tables = "--index", str(tmp_path / "tables"), "--export", str(shutil.copytree(export, tmp_path / "copy"))
    assert run("audit", "search", *tables, *policy).code == 0
    shutil.rmtree(tmp_path / "copy" / AUDIT / "1/tile/entries")
    from_tables = run("audit", "prove", record, *policy, *tables)
    assert from_tables.code == 0, from_tables.err
    assert json.loads(from_tables.out)["events"] == json.loads(from_topics.out)["events"]
    assert run("audit", "prove", record, *policy, *tables[2:]).code == 2, "without tables the events must be there"
    checked = run("audit", "check", str(file), *policy, "--json")
    assert (checked.code, [each["type"] for each in checked.json["events"]]) == (0, ["record.released"])
    file.write_bytes(file.read_bytes().replace(b"record.released", b"record.rejected"))
    refused = run("audit", "check", str(file), *policy)
    assert refused.code == 1
    assert "does not lead to the root that was sealed" in refused.err
    unknown = auditor("audit", "prove", "quarantine.payments.checkout/1/999999", *policy)
    assert (unknown.code, "no sealed event names" in unknown.err) == (2, True)


def test_topics_are_compared_event_by_event_and_the_first_difference_is_named(
    panlock: Deployment, export: Path
) -> None:
    auditor = Cli(panlock.cluster, panlock.directory, "panlock-auditor", {}, {})
    policy = "--policy", str(panlock.policy_file)
    known = [(record.partition, record.key, record.value) for record in panlock.read(AUDIT)]
    lanes_ = [[each for each in known if each[0] == lane] for lane in (0, 1)]

    def differ(*records: list[tuple[int, bytes, bytes]]) -> dict[str, str]:
        """What is told once the topic was made anew, and this written to it."""
        panlock.recreate(AUDIT)
        panlock.produce(AUDIT, [each for lane in records for each in lane], "admin")
        ended = auditor("audit", "verify", "--export", str(export), *policy, "--json")
        assert ended.code == (1 if ended.json["topics"]["differ"] else 0)
        return {log.split("/", 1)[1]: what for log, what in ended.json["topics"]["differ"].items()}

    whole = auditor("audit", "verify", "--export", str(export), *policy, "--json")
    assert (whole.code, whole.json["topics"]["differ"]) == (0, {})
    removed, rolled_back = lanes_[0][:7] + lanes_[0][8:], lanes_[1][:-3]
    end = len(rolled_back)
    assert differ(removed, rolled_back) == {  # as compaction would leave it; as an older backup would
        "panlock.audit/0": "event 8 comes where 7 is due in the topic: it lacks what the export has, or has more",
        "panlock.audit/1": f"the topic ends before event {end}, and the export has {end + 3}",
    }
    alone = auditor("audit", "verify", *policy, "--json").json
    assert [(each["lane"], each["seq"]) for each in alone["gaps"]] == [(0, 7)]
    assert [(each["lane"], each["seq"]) for each in alone["seals"]] == [(1, end)]
    assert differ(lanes_[0]) == {"panlock.audit/1": f"the topic ends before event 0, and the export has {end + 3}"}
    alone = auditor("audit", "verify", *policy, "--json")
    assert (alone.code, alone.json["lanes"]) == (1, {"expected": 2, "present": 1})
    assert differ(*lanes_) == {}


def test_an_export_that_is_ahead_of_the_topics_goes_no_further(panlock: Deployment, export: Path) -> None:
    """The last test: it makes the topic of checkpoints anew."""
    auditor = Cli(panlock.cluster, panlock.directory, "panlock-auditor", {}, {})
    panlock.recreate("panlock.checkpoints")
    panlock.recreate("panlock.audit.sealer")
    sealer = panlock.sealer().wait_ready()
    assert sealer.stop() == 0
    ended = auditor("audit", "export", str(export), "--policy", str(panlock.policy_file))
    assert ended.code == 2
    assert "was never sealed at that size" in ended.err
