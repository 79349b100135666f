"""The one signature of a batch: over "panlock-root-v1" | u32 tree size | root, by the certificate's own key."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from pipeline.errors import PanlockError
from pipeline.identity.certificates import Certificate
from pipeline.identity.envelope import Algorithm, Envelope, Place, leaf_hash
from pipeline.identity.keys import PublicKey, algorithm_of
from pipeline.identity.merkle import root_from
from pipeline.record import Reason

PrivateKey = Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

_ECDSA = ec.ECDSA(SHA256())
_PSS = padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=SHA256.digest_size)


class SigningError(PanlockError):
    """A key that cannot sign records."""


def signed_bytes(size: int, root: bytes) -> bytes:
    return b"panlock-root-v1" + size.to_bytes(4, "big") + root


def sign(key: PrivateKey, size: int, root: bytes) -> bytes:
    message = signed_bytes(size, root)
    if isinstance(key, Ed25519PrivateKey):
        return key.sign(message)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(message, _ECDSA)
    return key.sign(message, _PSS, SHA256())


def verify_signature(key: PublicKey, algorithm: Algorithm, size: int, root: bytes, signature: bytes) -> bool:
    """False also where `algorithm` is not that of the key: what signs is decided by the certificate."""
    if algorithm_of(key) is not algorithm:
        return False
    message = signed_bytes(size, root)
    try:
        if isinstance(key, Ed25519PublicKey):
            key.verify(signature, message)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, message, _ECDSA)
        else:
            key.verify(signature, message, _PSS, SHA256())
    except InvalidSignature:
        return False
    return True


def verify_envelope(
    envelope: Envelope, certificate: Certificate, place: Place, principal: str, content: bytes
) -> Reason | None:
    """None if the certificate's owner signed a record of this content for this place. An auditor needs no more than
    the event and the certificate: `content` stands there, and the record and its salt may be gone.

    Whether the certificate was good at that time is `check_chain`'s to say.
    """
    if envelope.head.certificate != certificate.x5t:
        return Reason.CERTIFICATE_UNKNOWN
    if certificate.principal != principal:
        return Reason.PRINCIPAL_MISMATCH
    leaf = leaf_hash(place, principal, envelope.head.encode(), content)
    root = root_from(leaf, envelope.index, envelope.size, envelope.path)
    holds = verify_signature(certificate.public_key, envelope.head.algorithm, envelope.size, root, envelope.signature)
    return None if holds else Reason.SIGNATURE_INVALID
