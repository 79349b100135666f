"""The key that an emitter signs its audit events with: its file, and that the policy names it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from agents.config import WorkerConfigError
from agents.keys.plain import read_secret
from pipeline.audit.signature import Signer, keys_of


def signer_of(jwks: Sequence[Mapping[str, str]], file: Path | None) -> Signer | None:
    """None where the policy names no keys. `jwks`: those that count. Raises WorkerConfigError."""
    if not jwks and file is None:
        return None
    if file is None:
        raise WorkerConfigError("audit_key: the policy's audit is signed, and the configuration names no key: add one")
    signer = Signer(_private(file))
    if signer.kid not in keys_of(jwks):
        raise WorkerConfigError(
            f"audit_key: {file} is the key {signer.kid}, which the policy's `audit` does not name: put the line that "
            "`panlock audit key` printed for it there, and let people approve that"
        )
    return signer


def _private(file: Path) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(read_secret("audit_key", file), None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise WorkerConfigError(
            f"audit_key: {file} is no private Ed25519 key in PEM: make one with `panlock audit key`"
        )
    return key
