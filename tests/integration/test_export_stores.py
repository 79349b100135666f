"""An exporter that goes on, to an S3 bucket with object lock over HTTP (moto's server): what is locked cannot be
deleted, and /metrics say how far it is behind while the store does not answer."""

import logging
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest
import yaml
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer

from deploy.dev.cluster import DevCluster
from pipeline.policy.topics import AUDIT
from tests.audit_keys import POLICY as AUDIT_KEYS
from tests.deployment import Deployment, until
from tests.integration.cli_runner import run

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
KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIATESTTESTTESTTEST",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_DEFAULT_REGION": "eu-central-1",
}


@contextmanager
def s3(port: int = 0) -> Iterator[int]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", port, verbose=False)
    server.start()
    try:
        yield server.get_host_and_port()[1]
    finally:
        server.stop()


@pytest.fixture
def panlock(cluster: DevCluster, tmp_path: Path) -> Iterator[Deployment]:
    with Deployment(cluster, tmp_path, POLICY) as deployed:
        yield deployed


def seal(panlock: Deployment, count: int) -> int:
    """Traffic through a worker, sealed to its end; returns how many events the lanes have."""
    before = len(panlock.read(AUDIT))
    worker = panlock.worker().wait_ready(2)
    panlock.produce("quarantine.payments.checkout", [(n % 2, b"k", b"{}") for n in range(count)])
    until("the events", lambda: len(panlock.read(AUDIT)) >= before + count)
    assert worker.stop() == 0
    end = len(panlock.read(AUDIT))
    sealer = panlock.sealer().wait_ready()

    def read() -> bool:
        logs = (sealer.get("/logs") or (0, {"logs": []}))[1]["logs"]
        return sum(each["sealed"] + each["unsealed"] for each in logs if "panlock.audit/" in each["log"]) == end

    until("all read", read)
    assert sealer.stop() == 0
    return end


class Exporter:
    """`panlock audit export s3://… --follow`, its own process."""

    def __init__(self, panlock: Deployment, to: str, environment: dict[str, str]) -> None:
        self.directory = panlock.directory / "exporter"
        self.directory.mkdir()
        config = {"kafka": panlock.cluster.config("panlock-auditor"), "store": "web", "web": {"port": 0}}
        file = self.directory / "panlock.yaml"
        file.write_text(yaml.safe_dump(config))
        words = ("audit", "export", to, "--follow", "--policy", str(panlock.policy_file), "--config", str(file))
        with (self.directory / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cli", *words], stdout=log, stderr=log, env={**os.environ, **environment}
            )

    def metrics(self) -> dict[str, float]:
        """By name and log, as `panlock_export_events panlock.audit/0`."""
        try:
            port = int((self.directory / "web" / "web.port").read_text())
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                lines = answer.read().decode().splitlines()
        except (OSError, ValueError):
            return {}
        parts = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return {name.replace('{log="', " ").removesuffix('"}'): float(value) for name, value in parts}

    def events(self, name: str) -> float:
        """Of both lanes."""
        found = self.metrics()
        return sum(found.get(f"{name} panlock.audit/{lane}", 0) for lane in (0, 1))

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(60)


def test_what_is_exported_to_a_locked_bucket_stays_and_metrics_tell_what_is_not_there_yet(panlock: Deployment) -> None:
    first = seal(panlock, 600)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in KEYS.items():
            patch.setenv(name, value)
        with s3() as port:
            client = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}")
            client.create_bucket(
                Bucket="audit", ObjectLockEnabledForBucket=True,
                CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
            )  # fmt: skip
            environment = {**KEYS, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}
            exporter = Exporter(panlock, "s3://audit/panlock", environment)
            until("the first export", lambda: exporter.metrics().get("panlock_export_last_success_timestamp_seconds"))
            assert exporter.events("panlock_export_events") == first
            versions = client.list_object_versions(Bucket="audit")["Versions"]
        until("a store that does not answer", lambda: b"tried again" in (exporter.directory / "log").read_bytes())
        second = seal(panlock, 50)
        behind = until("what waits", lambda: exporter.events("panlock_export_unexported_events"))
        assert behind == second - first
        assert exporter.events("panlock_export_unexported_seconds") > 0
        with s3(port):
            until("the second export", lambda: exporter.events("panlock_export_events") == second)
            assert exporter.events("panlock_export_unexported_events") == 0
            assert exporter.stop() == 0
            whole = run("audit", "verify", "--export", "s3://audit/panlock", "--policy", str(panlock.policy_file),
                        "--json", environment=environment)  # fmt: skip
            assert (whole.code, whole.json["ok"]) == (0, True)
            assert sum(each["events"] for each in whole.json["logs"][:2]) == second
            _stays(client, versions)


def _stays(client: object, versions: list[dict[str, object]]) -> None:
    names = {str(each["Key"]).removeprefix("panlock/") for each in versions}
    assert {"manifest", "keys/emitters.json", "panlock.audit/0/checkpoint", "panlock.audit/0/tile/entries/000"} <= names
    assert any(name.startswith("policies/") for name in names) and any(name.endswith(".vkey") for name in names)
    for each in versions:
        wanted = {"Bucket": "audit", "Key": each["Key"], "VersionId": each["VersionId"]}
        kept = client.head_object(**wanted)  # type: ignore[attr-defined]
        assert kept["ObjectLockMode"] == "COMPLIANCE"
        assert kept["ObjectLockRetainUntilDate"] - datetime.now(UTC) > timedelta(days=399)
        with pytest.raises(ClientError, match="AccessDenied"):
            client.delete_object(**wanted)  # type: ignore[attr-defined]
