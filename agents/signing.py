"""The key that an emitter signs its audit events with must be one that the policy names."""

from collections.abc import Mapping, Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agents.config import WorkerConfigError
from pipeline.audit.signature import Signer, keys_of


def signer_of(jwks: Sequence[Mapping[str, str]], key: Ed25519PrivateKey | None) -> Signer | None:
    """None where the policy names no keys. `jwks`: those that count. Raises WorkerConfigError."""
    if not jwks and key is None:
        return None
    if key is None:
        raise WorkerConfigError("audit_key: the policy's audit is signed, and the configuration names no key: add one")
    signer = Signer(key)
    if signer.kid not in keys_of(jwks):
        raise WorkerConfigError(
            f"audit_key: it is the key {signer.kid}, which the policy's `audit` does not name: put the line that "
            "`panlock audit key`, or `panlock keys`, gave for it there, and let people approve that"
        )
    return signer
