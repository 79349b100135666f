"""Keys that people sign with: Ed25519 (RFC 8037) or P-256, named by their RFC 7638 thumbprint."""

from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, import_key

from pipeline.errors import PanlockError

SigningKey = OKPKey | ECKey
ALGORITHMS = {"Ed25519": ("Ed25519", "EdDSA"), "P-256": ("ES256",)}  # by curve; the first is the one we sign with
_PUBLIC = ("kty", "crv", "x", "y")


class SigningKeyError(PanlockError):
    """A key that cannot sign decisions."""


def private_key(pem: bytes, passphrase: bytes | None) -> SigningKey:
    """Raises SigningKeyError."""
    try:
        key = load_pem_private_key(pem, passphrase)
    except (ValueError, TypeError) as error:
        raise SigningKeyError("the private key cannot be read: wrong or missing passphrase, or not a PEM") from error
    if isinstance(key, Ed25519PrivateKey):
        return OKPKey.import_key(pem, password=passphrase)
    if isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1):
        return ECKey.import_key(pem, password=passphrase)
    raise SigningKeyError("this kind of key signs no decisions: use Ed25519 or P-256 (panlock person key)")


def public_jwk(key: SigningKey) -> dict[str, str]:
    """What the policy's `people.X.keys` takes."""
    jwk = key.as_dict(private=False)
    return {name: str(jwk[name]) for name in _PUBLIC if name in jwk}


def registered_key(jwk: Mapping[str, object]) -> SigningKey | None:
    """The key of a public JWK; None where it is neither Ed25519 nor P-256."""
    if (jwk.get("kty"), jwk.get("crv")) not in (("OKP", "Ed25519"), ("EC", "P-256")):
        return None
    try:
        key = import_key({name: str(jwk[name]) for name in _PUBLIC if name in jwk})
    except (JoseError, ValueError, TypeError):
        return None
    return key if isinstance(key, OKPKey | ECKey) else None
