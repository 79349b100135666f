"""Who signs: a certificate, what is above it, and its private key."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import NameOID

from panlock_producer.errors import IdentityError

_PSS = padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=32)
_MAX_CHAIN = 4
_ALGORITHMS: dict[type, int] = {Ed25519PrivateKey: 1, ec.EllipticCurvePrivateKey: 2, rsa.RSAPrivateKey: 3}


class Identity:
    """`chain`: the leaf first; the root may be left out. Raises IdentityError."""

    def __init__(self, chain: Sequence[x509.Certificate], key: object) -> None:
        if not 1 <= len(chain) <= _MAX_CHAIN:
            raise IdentityError(f"a chain has 1 to {_MAX_CHAIN} certificates, the producer's own first")
        self._key = _signing(key)
        if chain[0].public_key() != self._key.public_key():
            raise IdentityError(
                "the private key is not that of the first certificate: name the two that belong together"
            )
        names = chain[0].subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        if len(names) != 1:
            raise IdentityError("the certificate must have one CN: it is the principal's name")
        ders = [certificate.public_bytes(Encoding.DER) for certificate in chain]
        self.principal = str(names[0].value)
        self.x5t = hashlib.sha256(ders[0]).digest()
        self.header = b"\x01" + b"".join(len(der).to_bytes(2, "big") + der for der in ders)
        self.algorithm = next(number for kind, number in _ALGORITHMS.items() if isinstance(self._key, kind))

    @classmethod
    def from_files(cls, certificate: Path | str, key: Path | str, password: bytes | None = None) -> "Identity":
        """PEM files; the first may hold the whole chain. Raises IdentityError, which never quotes a file."""
        try:
            chain = x509.load_pem_x509_certificates(Path(certificate).read_bytes())
            private = load_pem_private_key(Path(key).read_bytes(), password)
        except (OSError, ValueError, TypeError) as error:
            raise IdentityError(f"cannot use {certificate} and {key}: PEM of a certificate and its key") from error
        return cls(chain, private)

    def sign(self, message: bytes) -> bytes:
        if isinstance(self._key, Ed25519PrivateKey):
            return self._key.sign(message)
        if isinstance(self._key, ec.EllipticCurvePrivateKey):
            return self._key.sign(message, ec.ECDSA(SHA256()))
        return self._key.sign(message, _PSS, SHA256())


def _signing(key: object) -> Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    if (
        isinstance(key, Ed25519PrivateKey)
        or (isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1))
        or (isinstance(key, rsa.RSAPrivateKey) and 2_048 <= key.key_size <= 4_096)
    ):
        return key
    raise IdentityError("this kind of key signs no records: use Ed25519, P-256, or RSA of 2,048 to 4,096 bits")
