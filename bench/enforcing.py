"""Panlock itself, as a user runs it: a policy, a worker's certificate and ACLs, `panlock worker`."""

import asyncio
import os
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bench.bed import PARTITIONS, Bed
from bench.copying import Run
from bench.count import committed_records
from bench.latency import latency
from bench.payments import Access, preload
from bench.progress import Ends
from bench.throughput import PeerError, measure
from deploy.dev.guarded import Guarded
from deploy.provision import provision
from pipeline.audit.signature import Signer, public_jwk
from pipeline.policy import load_policy

AUDIT = "panlock.audit"
_WORKER = "panlock-worker"
_OPEN = 60.0  # seconds until all lanes are open


def _public_key() -> dict[str, str]:
    """Of an approver who is never asked."""
    raw = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    return {"kty": "OKP", "crv": "Ed25519", "x": urlsafe_b64encode(raw).rstrip(b"=").decode()}


_WHEN = 'has(record.type) && record.type == "refund" && has(record.amount) && record.amount > 5000.0'
# one field rule, the scan of all else, a hold rule that reads every record and never matches, audit as always
_RULES: dict[str, object] = {
    "partitions": PARTITIONS,
    "format": "json",
    "fields": [{"path": "$.card.number", "class": "pan", "strategy": "token"}],
    "scan": {"pan": "partial"},
    "hold": [
        {
            "id": "large-refund",
            "when": _WHEN,
            "reason": "refunds over 5,000 need a second look",
            "approvers": ["approvers"],
            "expires": "4h",
        }
    ],
}


@dataclass(frozen=True, slots=True)
class Flow:
    """One flow with one principal; `identity`, `quarantine`, `recording` as the policy has them, `write` fills it."""

    name: str
    principal: str
    identity: str = "broker"
    quarantine: str = "clear"
    recording: str = "off"
    write: Callable[[Access, str, int, int], Coroutine[None, None, None]] = preload

    @property
    def source(self) -> str:
        return f"quarantine.{self.name}.{self.principal}"

    @property
    def clean(self) -> str:
        return f"clean.{self.name}"


PLAIN = Flow("payments", "checkout")


Signers = tuple[Signer, Signer]  # a worker's, the sealer's


def _policy(flows: Sequence[Flow], audit: Signers | None) -> dict[str, object]:
    principals = {
        flow.principal: {"spiffe": f"spiffe://dev.panlock/{flow.principal}", "identity": flow.identity}
        for flow in flows
    }
    return {
        "version": 1,
        **({} if audit is None else {"audit": _audit(audit)}),
        "application": "panlock-bench",
        "lanes": PARTITIONS,
        "principals": principals,
        "people": {"ana": {"certificate": "ana", "roles": ["approvers"], "keys": [_public_key()]}},
        "flows": {
            flow.name: {
                "producers": [flow.principal],
                "quarantine": flow.quarantine,
                "recording": flow.recording,
                **deepcopy(_RULES),
            }
            for flow in flows  # copies: a policy takes no aliases of YAML
        },
    }


def _audit(signers: Signers) -> dict[str, object]:
    worker, sealer = ([public_jwk(each.key.public_key())] for each in signers)
    return {"worker_keys": worker, "sealer_keys": sealer}


class Panlock:
    """Provisioned once; each run adds records to the same flow, so a run starts where the former ended."""

    def __init__(
        self, bed: Bed, flows: Sequence[Flow] = (PLAIN,), seal_key: str | None = None, audit: Signers | None = None
    ) -> None:
        """`audit`: who signs it; `sealer_key` is then the sealer's, in a file."""
        self._bed, self._seal_key, self._audit = bed, seal_key, audit
        directory = bed.directory_of("panlock")
        self.policy, self._config = directory / "policy.yaml", directory / "worker.yaml"
        self.sealer_key = directory / "sealer.audit.pem"
        self._log = directory / "worker.log"
        self.policy.write_text(yaml.safe_dump(_policy(flows, audit), sort_keys=False))
        self._configure(directory)
        provision(bed.cluster.config("admin"), load_policy(self.policy))

    def _configure(self, directory: Path) -> None:
        key = _secret(directory / "k1.key", os.urandom(32))
        config: dict[str, object] = {
            "kafka": self._bed.cluster.config(_WORKER),
            "store": str(directory / "store"),
            "token_keys": {"k1": str(key)},
            "token_key": "k1",
        }
        if self._seal_key is not None:
            config["seal_keys"] = {"s1": str(_secret(directory / "s1.key", self._seal_key.encode()))}
        if self._audit is not None:
            worker, sealer = self._audit
            config["audit_key"] = str(_secret(directory / "worker.audit.pem", _pem(worker)))
            _secret(self.sealer_key, _pem(sealer))
        self._config.write_text(yaml.safe_dump(config, sort_keys=False))

    def throughput(self, records: int, limit: float, flow: Flow = PLAIN) -> Run:
        """Raises PeerError."""
        access = self._bed.access
        clean, audit = Ends(access, flow.clean, PARTITIONS), Ends(access, AUDIT, PARTITIONS)
        asyncio.run(flow.write(self._bed.access_of(flow.principal), flow.source, PARTITIONS, records))
        before = {flow.clean: clean.committed(), AUDIT: audit.committed()}
        with self.running() as process:
            throughput = measure(process, clean, sum(before[flow.clean].values()), records, limit)
        counts = [committed_records(access, topic, since) for topic, since in before.items()]
        return Run(throughput, *counts)

    def latency(self, rates: list[float]) -> list[dict[str, float]]:
        """Of a running worker, one rate after the other. Raises PeerError."""
        producer = self._bed.access_of(PLAIN.principal)
        with self.running() as process:
            self._warm(process)
            return [latency(producer, self._bed.access, PLAIN.source, PLAIN.clean, PARTITIONS, rate) for rate in rates]

    def _warm(self, process: Guarded) -> None:
        """Until every lane has released something: a worker that still opens its lanes has no latency yet."""
        clean = Ends(self._bed.access, PLAIN.clean, PARTITIONS)
        before = clean.committed()
        asyncio.run(preload(self._bed.access_of(PLAIN.principal), PLAIN.source, PARTITIONS, PARTITIONS))
        deadline = time.monotonic() + _OPEN
        while any(clean.committed()[partition] == offset for partition, offset in before.items()):
            if process.code is not None or time.monotonic() > deadline:
                raise PeerError(f"the worker released nothing on some lane: see {self._log}")
            time.sleep(0.1)

    @contextmanager
    def running(self) -> Iterator[Guarded]:
        files = ["--policy", str(self.policy), "--config", str(self._config)]
        command = [sys.executable, "-m", "cli", "worker", *files, "--development"]
        process = Guarded(command, self._log, os.environ)
        try:
            yield process
        finally:
            process.stop()


def _pem(signer: Signer) -> bytes:
    return signer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _secret(path: Path, content: bytes) -> Path:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    return path
