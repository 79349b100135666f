"""Keys that certificates may hold, and what each signs with."""

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from pipeline.identity.envelope import Algorithm

PublicKey = Ed25519PublicKey | EllipticCurvePublicKey | RSAPublicKey

RSA_BITS = range(2_048, 4_097)  # below: too weak (PCI DSS 4.2.1, NIST SP 800-57); above: a signature costs too much


def algorithm_of(key: object) -> Algorithm | None:
    """What a key signs roots with; None for a key that signs no records."""
    if isinstance(key, Ed25519PublicKey):
        return Algorithm.ED25519
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return Algorithm.ECDSA_P256
    return Algorithm.RSA_PSS if isinstance(key, RSAPublicKey) and key.key_size in RSA_BITS else None
