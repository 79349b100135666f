"""What the dashboard and the alert rules name is what some component exports, and what docs/metrics.md explains."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from deploy.dev.cluster import DevCluster
from tests.audit_keys import BROKERS, SEALER, STRANGER, WORKER, jwk
from tests.deployment import Deployment, WorkerProcess
from tests.scraping import Scrape, needs_promtool, promtool

ROOT = Path(__file__).parents[2]
KEYS = {"worker_keys": WORKER, "sealer_keys": SEALER, "broker_keys": BROKERS, "access_keys": STRANGER}
POLICY = f"""
version: 1
lanes: 1
principals:
  checkout: {{spiffe: spiffe://pay.example/checkout}}
audit: {{{", ".join(f"{name}: [{jwk(key)}]" for name, key in KEYS.items())}}}
flows:
  payments: {{producers: [checkout], partitions: 1}}
"""
OWN = re.compile(r"\b(?:panlock|process)_[a-z_]+\b")


class Exporter(WorkerProcess):
    """`panlock audit export --follow`: its arguments are its own."""

    def __init__(self, panlock: Deployment, directory: Path) -> None:
        self.store, self.log = directory / "store", directory / "export.log"
        config = {"kafka": panlock.cluster.config("panlock-auditor"), "web": {}, "store": str(self.store)}
        (directory / "auditor.yaml").write_text(yaml.safe_dump(config))
        files = ["--policy", str(panlock.policy_file), "--config", str(directory / "auditor.yaml")]
        command = [sys.executable, "-m", "cli", "audit", "export", str(directory / "out"), "--follow", *files]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)


@pytest.fixture(scope="module")
def scrapes(cluster: DevCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Scrape]]:
    directory = tmp_path_factory.mktemp("every-metric")
    with Deployment(cluster, directory, POLICY) as panlock:
        found = {"worker": panlock.worker(), "sealer": panlock.sealer(), "broker-audit": panlock.broker_audit()}
        panlock.workers.append(exporter := Exporter(panlock, directory))
        yield {name: Scrape(process) for name, process in {**found, "export": exporter}.items()}


@pytest.fixture(scope="module")
def exported(scrapes: dict[str, Scrape]) -> set[str]:
    return {name for scrape in scrapes.values() for name in scrape.names}


def named(expressions: list[str]) -> set[str]:
    return {name for expression in expressions for name in OWN.findall(expression)}


def test_the_alert_rules_name_what_is_exported(exported: set[str]) -> None:
    groups = yaml.safe_load((ROOT / "deploy/metrics/panlock.rules.yaml").read_text())["groups"]
    names = named([rule["expr"] for group in groups for rule in group["rules"]])
    assert len(names) > 20 and names <= exported, names - exported


def test_the_dashboard_names_what_is_exported_and_takes_its_data_source_from_a_variable(exported: set[str]) -> None:
    dashboard = json.loads((ROOT / "deploy/metrics/panlock.dashboard.json").read_text())
    targets = [target for panel in dashboard["panels"] for target in panel.get("targets", [])]
    names = named([target["expr"] for target in targets])
    assert len(names) > 20 and names <= exported, names - exported
    assert {target["datasource"]["uid"] for target in targets} == {"${datasource}"}
    variables = {each["name"]: each for each in dashboard["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    assert named([variable["definition"] for name, variable in variables.items() if name != "datasource"]) <= exported


def test_the_docs_have_every_metric(exported: set[str]) -> None:
    text = (ROOT / "docs/metrics.md").read_text() + (ROOT / "docs/operations.md").read_text()
    parts = re.compile(r"_(bucket|count|sum)$")
    missing = {parts.sub("", name) for name in exported if name.startswith("panlock_")} - set(OWN.findall(text))
    assert not missing, missing


@needs_promtool
def test_promtool_finds_nothing_to_mend_in_any_of_them(scrapes: dict[str, Scrape]) -> None:
    for scrape in scrapes.values():
        promtool("check", "metrics", given=scrape.text)
