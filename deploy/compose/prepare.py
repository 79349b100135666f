"""`python -m deploy.compose.prepare DIRECTORY`: certificates, keys and configurations of the compose file's services.

In DIRECTORY: kafka/broker-N (as a development cluster has them), kafka/ca, kafka/cluster-id; policy.yaml, worker.yaml,
ops.yaml, checkout.yaml and those of people; issuer/. Once: what is there already stays. For development, as everything
lies in one place.
"""

import argparse
import base64
import os
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path

import yaml

from deploy.dev.ca import DevelopmentCA
from deploy.dev.clients import Cluster
from deploy.dev.configured import configure
from deploy.dev.reports import AccessReports
from deploy.dev.settings import Node, name

CLIENT, CONTROLLER, ISSUER, WEB = 9092, 9093, 8443, 6066
PUBLISHED = (19092, 19093, 19094)
GROUP = "payments-approvers"
PEOPLE = ("ana", "ben", "carla")
ACCOUNTS = {person: {"email": f"{person}@pay.example", "groups": [GROUP]} for person in PEOPLE}
CLIENTS = ("admin", "ops", "checkout", "refunds", "ledger", "panlock-auditor", *PEOPLE)
INSIDE = ",".join(f"kafka-{n}:{CLIENT}" for n, _ in enumerate(PUBLISHED, 1))


def brokers(directory: Path, published: Sequence[int], reports: AccessReports | None = None) -> DevelopmentCA:
    """The brokers' part, in `directory`, which they see under the same path; returns their authority.

    `published`: a port of 127.0.0.1 for each, which leads to it.
    """
    ca = DevelopmentCA(directory / "ca")
    nodes = [Node(n, CLIENT, CONTROLLER, host=f"kafka-{n}", published=port) for n, port in enumerate(published, 1)]
    for node in nodes:
        configure(node, nodes, directory / name(node), ca, None, reports)
    known = directory / "cluster-id"
    if not known.exists():
        known.write_text("A" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:])
    return ca


def everything(directory: Path) -> None:
    if (directory / "worker.yaml").exists():
        return
    ca = brokers(directory / "kafka", PUBLISHED)
    cluster = Cluster(INSIDE, ca.certificate, ca.issue)
    shutil.copyfile(Path(__file__).with_name("policy.yaml"), directory / "policy.yaml")
    _secret(directory / "k1.key", os.urandom(32))
    issuer = directory / "issuer"
    issuer.mkdir()
    (issuer / "accounts.yaml").write_text(yaml.safe_dump(ACCOUNTS))
    (issuer / "services.yaml").write_text("{}\n")
    ca.issue("issuer", host=True, dns=("issuer",))
    told = {"url": f"https://issuer:{ISSUER}", "ca": str(ca.certificate)}
    for client in CLIENTS:
        _write(directory / f"{client}.yaml", kafka=cluster.config(client), **_person(client, told))
    _write(
        directory / "worker.yaml",
        kafka=cluster.config("panlock-worker"),
        store="/var/lib/panlock",
        web={"host": "0.0.0.0", "port": WEB},  # noqa: S104 - Prometheus asks from beside it
        token_keys={"k1": str(directory / "k1.key")},
        token_key="k1",  # noqa: S106 - a key's name
        issuer_ca=told["ca"],
    )


def _person(client: str, issuer: dict[str, str]) -> dict[str, object]:
    if client not in PEOPLE:
        return {}
    known = {"issuer": issuer["url"], "client_id": "panlock", "acr": ["mfa"]}
    return {"person": {"issuer": known, "ca": issuer["ca"], "session": "agent"}}


def _write(file: Path, **sections: object) -> None:
    file.write_text(yaml.safe_dump(sections))


def _secret(file: Path, content: bytes) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        opened.write(content)


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("directory", type=Path)
    everything(options.parse_args().directory)


if __name__ == "__main__":
    main()
