"""`panlock audit tail`, `search` and `sql` over the topics of a deployed Panlock."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
import yaml

from deploy.dev.cluster import DevCluster
from pipeline.policy.topics import AUDIT
from tests.approving import Person
from tests.audit_keys import POLICY as AUDIT_KEYS
from tests.deployment import Deployment, until
from tests.integration.cli_runner import Cli

CARLA = Person("carla")
POLICY = (
    f"""
version: 1
lanes: 2
principals:
  checkout: {{spiffe: spiffe://pay.example/checkout}}
people:
  carla@pay.example: {{certificate: carla, roles: [auditors], keys: [{CARLA.jwk}]}}
flows:
  payments: {{producers: [checkout], partitions: 2}}
"""
    + AUDIT_KEYS
)
TOPIC = "quarantine.payments.checkout"


@pytest.fixture(scope="module")
def panlock(fresh_cluster: DevCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with Deployment(fresh_cluster, tmp_path_factory.mktemp("panlock"), POLICY) as deployed:
        worker = deployed.worker().wait_ready(2)
        deployed.produce(TOPIC, [(n % 2, b"k", b"{}" if n else b"{") for n in range(20)])
        until("the events", lambda: len(deployed.read(AUDIT)) >= 22)
        assert worker.stop() == 0
        yield deployed


@pytest.fixture(scope="module")
def auditor(panlock: Deployment) -> Cli:
    index = {"PANLOCK_AUDIT_INDEX": str(panlock.directory / "index")}
    return Cli(panlock.cluster, panlock.directory, "panlock-auditor", {}, index)


def test_tail_shows_the_last_events_in_the_order_of_time(panlock: Deployment, auditor: Cli) -> None:
    ended = auditor("audit", "tail", "--no-follow", "--lines", "3", "--json")
    assert ended.code == 0, ended.err
    lines = [json.loads(each) for each in ended.out.splitlines()]
    assert [each["event"]["type"] for each in lines][1:] == ["lane.closed"] * 2
    assert lines[0]["log"].startswith("panlock.audit/")
    ended = auditor("audit", "tail", "--no-follow", "--lines", "100")
    assert f"{TOPIC}/0/0" in ended.out and "rejected: malformed-json" in ended.out
    assert len(ended.out.splitlines()) == len(panlock.read(AUDIT))


def test_tail_shows_what_comes_as_it_comes_and_ends_in_order(panlock: Deployment, auditor: Cli) -> None:
    file = panlock.directory / "tail.yaml"
    file.write_text(yaml.safe_dump({"kafka": panlock.cluster.config("panlock-auditor")}))
    command = [sys.executable, "-m", "cli", "audit", "tail", "-n", "1", "--json", "--config", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ}) as tailing:
        assert tailing.stdout is not None
        assert b"lane.closed" in tailing.stdout.readline()
        worker = panlock.worker().wait_ready(2)
        seen = [json.loads(tailing.stdout.readline())["event"]["type"] for _ in range(2)]
        assert seen == ["lane.opened"] * 2
        tailing.send_signal(signal.SIGINT)
        assert tailing.wait(20) == 0
        assert worker.stop() == 0


def test_search_needs_a_seal_and_then_finds_what_is_sealed(panlock: Deployment, auditor: Cli) -> None:
    policy = "--policy", str(panlock.policy_file)
    ended = auditor("audit", "search", *policy)
    assert ended.code == 2 and "only what a sealer has sealed is searched" in ended.err
    end = len(panlock.read(AUDIT))
    sealer = panlock.sealer().wait_ready()
    until("all is read", lambda: _read(sealer.get("/logs")) == end)
    assert sealer.stop() == 0
    ended = auditor("audit", "search", "--outcome", "rejected", "--json", *policy)
    (line,) = ended.out.splitlines()
    assert json.loads(line)["event"]["resource"]["record"] == f"{TOPIC}/0/0"
    assert "of 3 logs, each verified to be what was sealed" in ended.err
    ended = auditor(
        "audit", "sql", "SELECT count(*) AS n FROM events WHERE log LIKE 'panlock.audit/%'", "--json", *policy
    )
    assert ended.json == {"n": end}


def test_a_finding_is_open_until_a_person_with_the_role_has_acknowledged_it(panlock: Deployment, auditor: Cli) -> None:
    policy = "--policy", str(panlock.policy_file)
    ended = auditor("audit", "review", "--json", *policy)
    assert ended.code == 1
    finding = ended.json["findings"][0]
    assert finding["rule"] == "key-new" and finding["acknowledged"] is None
    (panlock.directory / "carla.pem").write_bytes(CARLA.pem())
    carla = Cli(panlock.cluster, panlock.directory, "carla", {"person": {"key": "carla.pem"}}, {})
    ended = carla("audit", "review", "acknowledge", finding["finding"], "--reason", "our first key")
    assert ended.code == 0, ended.err
    worker, sealer = panlock.worker().wait_ready(2), panlock.sealer().wait_ready()
    panlock.wait_events(1, "review.acknowledged")
    assert worker.stop() == 0
    end = len(panlock.read(AUDIT))
    until("all is read", lambda: _read(sealer.get("/logs")) == end)
    assert sealer.stop() == 0
    ended = auditor("audit", "review", "--all", "--json", *policy)
    (closed,) = (each for each in ended.json["findings"] if each["finding"] == finding["finding"])
    assert (closed["acknowledged"]["person"], closed["acknowledged"]["reason"]) == (
        "carla@pay.example",
        "our first key",
    )
    ended = auditor("evidence", "--out", str(panlock.directory / "pack"), "--from", "1d", "--json", *policy)
    assert (ended.code, ended.json["proofs"]) == (0, 3), ended.err
    assert "our first key" in (panlock.directory / "pack/report.html").read_text()


def _read(answer: tuple[int, dict] | None) -> int:
    logs = [] if answer is None else [each for each in answer[1]["logs"] if "panlock.audit/" in each["log"]]
    return sum(each["sealed"] + each["unsealed"] for each in logs)
