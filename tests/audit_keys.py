"""Keys that sign the audit, the same at every run, as policies and processes need them."""

import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pipeline.audit.signature import Signer, public_jwk

WORKER, SEALER, STRANGER, BROKERS = (
    Signer(Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32)) for n in (101, 102, 103, 104)
)


def jwk(signer: Signer) -> str:
    """As a policy's flow mapping."""
    return json.dumps(public_jwk(signer.key.public_key()))


def key_file(directory: Path, name: str, signer: Signer) -> Path:
    """Private, in PEM, for its owner to read."""
    path = directory / f"{name}.audit.pem"
    path.write_bytes(signer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(0o600)
    return path


POLICY = f"audit: {{worker_keys: [{jwk(WORKER)}], sealer_keys: [{jwk(SEALER)}]}}\n"
