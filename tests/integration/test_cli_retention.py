"""`panlock retention` on a real broker: what topics keep, are set to keep, and have on disk, as an operator sees it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from deploy.dev.cluster import DevCluster
from tests.audited import released, wait_fates
from tests.deployment import Deployment, until
from tests.integration.cli_runner import Cli
from tests.integration.engine_policy import CHECKOUT, POLICY
from tests.kafka import directory_of

RECORDED = POLICY.replace("    partitions: 2\n", "    partitions: 2\n    recording: masked\n")
RECORDINGS = "panlock.recordings.payments"
CARD = b'{"number":"4111111111111111"}'


@pytest.fixture
def panlock(cluster: DevCluster, tmp_path: Path) -> Iterator[Deployment]:
    with Deployment(cluster, tmp_path, RECORDED) as deployment:
        yield deployment


def keep(panlock: Deployment, topic: str, milliseconds: int) -> None:
    entry = ConfigEntry("retention.ms", str(milliseconds), incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    for future in panlock.admin.incremental_alter_configs([resource]).values():
        future.result(30)


def test_what_is_kept_otherwise_than_the_policy_says_is_told_and_mended(panlock: Deployment) -> None:
    ops, deployer = (Cli(panlock.cluster, panlock.directory, name, {}, {}) for name in ("ops", "panlock-deploy"))
    asked = ("retention", "--policy", str(panlock.policy_file), "--json")

    def told(cli: Cli, *more: str) -> tuple[int, dict[str, dict[str, Any]]]:
        answer = cli(*asked, *more)
        return answer.code, {each["topic"]: each for each in answer.json}

    code, found = told(ops)
    assert (code, {each["verdict"] for each in found.values()}) == (0, {"fine"}), found

    keep(panlock, RECORDINGS, 1_000)
    keep(panlock, "clean.payments", 999 * 86_400_000)
    code, found = told(ops)
    wrong = {topic: each["verdict"] for topic, each in found.items() if each["verdict"] != "fine"}
    assert (code, wrong) == (1, {RECORDINGS: "shorter", "clean.payments": "longer"})
    refused = ops(*asked, "--enforce")
    assert refused.code == 3 and "denies this certificate" in refused.err
    until("topics set to what the policy says", lambda: told(deployer, "--enforce")[0] == 0)
    assert told(ops)[0] == 0


def test_purged_bytes_that_still_lie_on_disk_are_counted(panlock: Deployment) -> None:
    """An idle partition keeps its last segment: the policy's retention is the bound, not the purge."""
    ops = Cli(panlock.cluster, panlock.directory, "ops", {}, {})
    panlock.worker().wait_ready(2)
    panlock.produce(CHECKOUT, [(0, b"k", CARD)])
    wait_fates(panlock, released(CHECKOUT, 0, [0]))
    asked = ("retention", "--policy", str(panlock.policy_file))
    (there,) = [each for each in ops(*asked, "--json").json if each["topic"] == CHECKOUT]
    assert there["oldest"] is not None and there["purged_bytes"] == 0 and there["disk_bytes"] > 0

    def purged() -> bool:
        (each,) = [each for each in ops(*asked, "--json").json if each["topic"] == CHECKOUT]
        return each["oldest"] is None and each["purged_bytes"] > 0

    until("a purge behind the lane", purged, 90.0)
    assert "are purged and still on disk" in ops(*asked).err
    logs = directory_of(panlock.cluster).glob(f"broker-*/data/{CHECKOUT}-0/*.log")
    assert any(CARD in log.read_bytes() for log in logs), "the bytes are there: that is what the count is about"
