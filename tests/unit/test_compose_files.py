"""The compose file on a machine without Docker: it parses, and what it names is there."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from agents.config import load_worker_config
from agents.settings import Kafka
from deploy.compose import prepare
from deploy.compose.prepare import CLIENTS, PUBLISHED, WEB, brokers, everything
from pipeline.policy import load_policy

HERE = Path(prepare.__file__).parent


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    text = re.sub(r"\$\{[A-Z_0-9]+:-([^}]*)\}", r"\1", (HERE / "compose.yaml").read_text())
    found: dict[str, Any] = yaml.safe_load(text)
    return found


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("etc")
    everything(directory)
    return directory


def words(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield from value.split()
    elif isinstance(value, list | dict):
        for each in value.values() if isinstance(value, dict) else value:
            yield from words(each)


def test_every_file_that_a_service_names_is_prepared(compose: dict[str, Any], prepared: Path) -> None:
    named = {word for each in compose["services"].values() for word in words(each) if word.startswith("/etc/panlock/")}
    assert len(named) > 8
    missing = [word for word in named if not (prepared / word.removeprefix("/etc/panlock/")).exists()]
    assert missing == []


def test_every_file_that_is_mounted_is_here(compose: dict[str, Any]) -> None:
    mounts = [volume.split(":")[0] for each in compose["services"].values() for volume in each.get("volumes", ())]
    assert [path for path in mounts if path.startswith("./") and not (HERE / path).exists()] == []
    assert {name for name in mounts if not name.startswith(".")} <= set(compose["volumes"])


def test_services_wait_for_services_that_are_there(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert [other for each in services.values() for other in each.get("depends_on", {}) if other not in services] == []


def test_brokers_listen_where_compose_publishes_them(compose: dict[str, Any], prepared: Path) -> None:
    for number, port in enumerate(PUBLISHED, 1):
        told = (prepared / "kafka" / f"broker-{number}" / "server.properties").read_text()
        assert f"advertised.listeners=CLIENT://kafka-{number}:9092,LOCAL://127.0.0.1:{port}\n" in told
        assert compose["services"][f"kafka-{number}"]["ports"] == [f"127.0.0.1:{port}:{port}"]


def test_prometheus_asks_every_worker_at_its_port(compose: dict[str, Any]) -> None:
    told = yaml.safe_load((HERE / "prometheus.yml").read_text())
    workers = {name for name in compose["services"] if name.startswith("worker-")}
    (targets,) = [each["targets"] for job in told["scrape_configs"] for each in job["static_configs"]]
    assert set(targets) == {f"{name}:{WEB}" for name in workers}


def test_the_prepared_configurations_and_the_policy_are_fine(prepared: Path) -> None:
    assert load_policy(prepared / "policy.yaml").lanes == 2
    assert load_worker_config(prepared / "worker.yaml").web.port == WEB
    for client in CLIENTS:
        Kafka.model_validate(yaml.safe_load((prepared / f"{client}.yaml").read_text())["kafka"]).context()


def test_preparing_again_changes_nothing(prepared: Path) -> None:
    before = {path: path.read_bytes() for path in prepared.rglob("*") if path.is_file()}
    everything(prepared)
    assert {path: path.read_bytes() for path in prepared.rglob("*") if path.is_file()} == before


def test_brokers_are_published_at_other_ports(tmp_path: Path) -> None:
    brokers(tmp_path, [1001, 1002, 1003])
    assert "LOCAL://127.0.0.1:1003" in (tmp_path / "broker-3" / "server.properties").read_text()
