"""Panlock itself, as a user runs it: a policy, a worker's certificate and ACLs, `panlock worker`."""

import asyncio
import json
import os
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bench.bed import PARTITIONS, Bed
from bench.copying import Run
from bench.count import committed_records
from bench.flows import PLAIN, Flow, Signers, policy
from bench.latency import latency
from bench.payments import preload
from bench.progress import Ends
from bench.throughput import PeerError, measure
from deploy.dev.guarded import Guarded
from deploy.provision import provision
from pipeline.audit.signature import Signer
from pipeline.policy import load_policy

AUDIT = "panlock.audit"
_WORKER = "panlock-worker"
_OPEN = 240.0  # seconds until all lanes are open


class Panlock:
    """Provisioned once; each run adds records to the same flow, so a run starts where the former ended."""

    def __init__(
        self,
        bed: Bed,
        flows: Sequence[Flow] = (PLAIN,),
        seal_key: str | None = None,
        audit: Signers | None = None,
        lanes: int = PARTITIONS,
    ) -> None:
        """`audit`: who signs it; `sealer_key` is then the sealer's, in a file."""
        self._bed, self._seal_key, self._audit, self._lanes = bed, seal_key, audit, lanes
        self._directory = bed.directory_of("panlock")
        self.policy = self._directory / "policy.yaml"
        self.sealer_key = self._directory / "sealer.audit.pem"
        self.policy.write_text(yaml.safe_dump(policy(flows, lanes, audit), sort_keys=False))
        self._config = self._configure()
        provision(bed.cluster.config("admin"), load_policy(self.policy))

    def _configure(self) -> dict[str, object]:
        directory = self._directory
        key = _secret(directory / "k1.key", os.urandom(32))
        config: dict[str, object] = {
            "kafka": self._bed.cluster.config(_WORKER),
            "token_keys": {"k1": str(key)},
            "token_key": "k1",
        }
        if self._seal_key is not None:
            config["seal_keys"] = {"s1": str(_secret(directory / "s1.key", self._seal_key.encode()))}
        if self._audit is not None:
            worker, sealer = self._audit
            config["audit_key"] = str(_secret(directory / "worker.audit.pem", _pem(worker)))
            _secret(self.sealer_key, _pem(sealer))
        return config

    def store(self, worker: str = "worker") -> Path:
        return self._directory / worker

    def write(self, records: int, flow: Flow = PLAIN) -> None:
        """The same number by each principal to each partition."""
        for principal in flow.principals:
            access, source = self._bed.access_of(principal), flow.source_of(principal)
            asyncio.run(flow.write(access, source, flow.partitions, records // flow.producers))

    def throughput(self, records: int, limit: float, flow: Flow = PLAIN) -> Run:
        """Of a worker that starts before a full topic. Raises PeerError."""
        access = self._bed.access
        clean, audit = Ends(access, flow.clean, flow.partitions), Ends(access, AUDIT, self._lanes)
        self.write(records, flow)
        before = {flow.clean: clean.committed(), AUDIT: audit.committed()}
        with self.running() as process:
            written = sum(before[flow.clean].values())
            throughput = measure([process], self._bed.broker, clean, written, records, limit)
        counts = [committed_records(access, topic, since) for topic, since in before.items()]
        return Run(throughput, *counts)

    def latency(self, rates: list[float], flow: Flow = PLAIN) -> list[dict[str, float]]:
        """Of a running worker, one rate after the other. Raises PeerError."""
        producer = self._bed.access_of(flow.principal)
        with self.running() as process:
            self._warm(process, flow)
            ends = flow.source, flow.clean, flow.partitions
            return [latency(producer, self._bed.access, *ends, rate) for rate in rates]

    def _warm(self, process: Guarded, flow: Flow) -> None:
        """Until every lane has released something: a worker that still opens its lanes has no latency yet."""
        clean = Ends(self._bed.access, flow.clean, flow.partitions)
        before = clean.committed()
        producer = self._bed.access_of(flow.principal)
        asyncio.run(preload(producer, flow.source, flow.partitions, flow.partitions))
        deadline = time.monotonic() + _OPEN
        while any(clean.committed()[partition] == offset for partition, offset in before.items()):
            if process.code is not None or time.monotonic() > deadline:
                raise PeerError(f"the worker released nothing on some lane: see {self._directory}")
            time.sleep(0.1)

    @contextmanager
    def running(self, worker: str = "worker") -> Iterator[Guarded]:
        config, log = self._directory / f"{worker}.yaml", self._directory / f"{worker}.log"
        config.write_text(yaml.safe_dump({**self._config, "store": str(self.store(worker))}, sort_keys=False))
        (self.store(worker) / "web.port").unlink(missing_ok=True)
        files = ["--policy", str(self.policy), "--config", str(config)]
        process = Guarded([sys.executable, "-m", "cli", "worker", *files, "--development"], log, os.environ)
        try:
            yield process
        finally:
            process.stop()

    def opened(self, process: Guarded, workers: Sequence[str] = ("worker",)) -> float:
        """Seconds until all lanes are open, an equal share with each of `workers`. Raises PeerError."""
        began = time.monotonic()
        while any(not self.opens(worker, self._lanes // len(workers)) for worker in workers):
            if process.code is not None or time.monotonic() - began > _OPEN:
                raise PeerError(f"not all lanes are open after {time.monotonic() - began:.0f} s: {self._directory}")
            time.sleep(0.05)
        return time.monotonic() - began

    def opens(self, worker: str, lanes: int) -> bool:
        held = self.lanes(worker)
        return len(held) == lanes and all(each["why"] is None for each in held)

    def lanes(self, worker: str = "worker") -> list[dict[str, Any]]:
        """What a worker says of its lanes; nothing before it answers."""
        try:
            port = int((self.store(worker) / "web.port").read_text())
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/lanes", timeout=30) as answer:
                return list(json.load(answer)["lanes"])
        except (OSError, ValueError):
            return []


def _pem(signer: Signer) -> bytes:
    return signer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _secret(path: Path, content: bytes) -> Path:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    return path
