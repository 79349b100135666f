"""What a worker verifies signed records with: producers' authorities, and its own keys to open sealed ones."""

from pathlib import Path

from cryptography import x509

from agents.config import WorkerConfig, WorkerConfigError
from pipeline.identity.verifier import Verifier
from pipeline.keys.opened import Keys
from pipeline.policy.models import Policy


def verifier_of(policy: Policy, config: WorkerConfig, keys: Keys) -> Verifier | None:
    """None where no principal signs. Raises WorkerConfigError."""
    if all(principal.identity != "signed" for principal in policy.principals.values()):
        return None
    pems = policy.authority_pems or {str(config.kafka.ca): _read(config.kafka.ca)}
    authorities = [root for name, pem in pems.items() for root in _certificates(name, pem)]
    if not keys.seals and any(flow.quarantine == "sealed" for flow in policy.flows.values()):
        raise WorkerConfigError("seal_keys: the policy has sealed flows, and the worker no key to open them: name one")
    return Verifier(authorities, keys.seals)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise WorkerConfigError(f"authorities: cannot read {file}: {error.strerror}") from error


def _certificates(name: str, pem: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise WorkerConfigError(f"authorities: {name} holds no certificate in PEM") from error
