"""`panlock audit reconcile` on a real broker: what a worker released fits; what somebody else wrote does not."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from confluent_kafka import TopicPartition

from deploy.dev.cluster import DevCluster
from tests.deployment import Deployment, until
from tests.integration.cli_runner import Cli

POLICY = """
version: 1
lanes: 2
principals:
  checkout: {spiffe: spiffe://pay.example/checkout}
flows:
  payments: {producers: [checkout], consumers: [panlock-auditor], partitions: 2}
"""


class Follower:
    """`panlock audit reconcile --follow --json`."""

    def __init__(self, process: "subprocess.Popen[bytes]", out: Path) -> None:
        self.process, self._out = process, out

    def lines(self) -> list[dict[str, Any]]:
        assert self.process.poll() is None, f"it ended with {self.process.returncode}"
        return [json.loads(line) for line in self._out.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]

    def found(self) -> list[str]:
        return sorted(line["kind"] for line in self.lines() if "kind" in line)

    def stands(self) -> dict[str, Any]:
        return next((line for line in reversed(self.lines()) if "ok" in line), {})

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


@contextmanager
def following(cluster: DevCluster, directory: Path, policy: Path) -> Iterator[Follower]:
    config, out = directory / "follow.yaml", directory / "follow.ndjson"
    config.write_text(yaml.safe_dump({"kafka": cluster.config("panlock-auditor")}))
    arguments = ["audit", "reconcile", "--policy", policy, "--follow", "--json", "--config", config]
    with out.open("wb") as file, (directory / "follow.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "cli", *map(str, arguments)], stdout=file, stderr=log)
    try:
        yield Follower(process, out)
    finally:
        process.kill()
        process.wait()


def test_clean_records_are_those_that_were_released(cluster: DevCluster, tmp_path: Path) -> None:
    with (
        Deployment(cluster, tmp_path, POLICY) as panlock,
        following(cluster, tmp_path, panlock.policy_file) as follower,
    ):
        auditor = Cli(cluster, tmp_path, "panlock-auditor", {}, {})
        arguments = "audit", "reconcile", "--policy", str(panlock.policy_file), "--json"
        worker = panlock.worker().wait_ready(2)
        for total in (20, 40):
            panlock.produce("quarantine.payments.checkout", [(n % 2, b"k", b'{"n":%d}' % n) for n in range(20)])
            until("a round with all of them", lambda: follower.stands().get("clean") == total)  # noqa: B023
        until("their events", lambda: follower.stands()["released"] == 40)
        assert worker.stop() == 0
        ended = auditor(*arguments)
        assert (ended.code, ended.json["released"], ended.json["clean"]) == (0, 40, 40), ended.json

        copied = panlock.read("clean.payments")[0]
        panlock.produce("clean.payments", [(1, b"k", b"{}")], "admin")
        panlock.produce(
            "clean.payments", [(copied.partition, copied.key, copied.value)], "admin", headers=copied.headers
        )
        ended = auditor(*arguments)
        assert (ended.code, ended.json["counts"]) == (1, {"stranger": 1, "repeated": 1})
        assert ended.json["stranger"][0]["record"].startswith("clean.payments/1/")
        until("both, as they came", lambda: follower.found() == ["repeated", "stranger"])

        cut = [TopicPartition("clean.payments", 0, 11), TopicPartition("clean.payments", 1, 11)]
        for future in panlock.admin.delete_records(cut).values():
            future.result(30)
        ended = auditor(*arguments)
        assert ended.json["counts"] == {"stranger": 1, "repeated": 1}, "what retention has cut is not missing"
        assert ended.json["excused"] == 40 - (ended.json["clean"] - 1), "the copy of the first one finds its event"

        panlock.recreate("clean.payments")
        ended = auditor(*arguments)
        assert (ended.code, ended.json["counts"]) == (1, {"missing": 40})
        until("that it was recreated", lambda: follower.found()[:2] == ["recreated", "recreated"])
        assert follower.found()[2:] == ["repeated", "stranger"], "each is told once"
        assert follower.end() == 1
