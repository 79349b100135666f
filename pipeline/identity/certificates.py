"""Certificates of producers: a chain to a CA that the policy trusts, checked at the broker's time of a record.

    header panlock-certificates   u8 version 1 | certificates in DER, the leaf first, each with a u16 length in front

The root may be left out. A certificate is named by its x5t#S256: the SHA-256 of its DER (RFC 8705, 3.1).
"""

import datetime
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pipeline.errors import PanlockError
from pipeline.identity.envelope import Algorithm
from pipeline.identity.keys import RSA_BITS, PublicKey, algorithm_of
from pipeline.record import Reason

VERSION = 1
MAX_CHAIN = 4  # a leaf and three above it; every one costs a signature check
MAX_BYTES = 16_384

E = TypeVar("E", bound=x509.ExtensionType)

# What a path check must understand (RFC 5280, 4.2). Name constraints and policies are not among them: a chain that
# depends on one is refused rather than half understood.
_UNDERSTOOD = (x509.BasicConstraints, x509.KeyUsage, x509.ExtendedKeyUsage, x509.SubjectAlternativeName)
_HASHES = ("sha256", "sha384", "sha512")
_BROKEN = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.ExtensionNotFound,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


class CertificateError(PanlockError):
    """Bytes that are no certificate, or no chain of them."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A producer's certificate whose chain holds. Times in ms; it is valid while every certificate above it is."""

    x5t: bytes
    serial: int
    principal: str
    spiffe: str
    not_before: int
    not_after: int
    public_key: PublicKey
    algorithm: Algorithm

    def valid_at(self, time: int) -> bool:
        return self.not_before <= time <= self.not_after


class _RefusedError(Exception):
    """Why a chain does not hold, on its way to the caller."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason


def encode_chain(chain: Sequence[bytes]) -> bytes:
    """Raises CertificateError."""
    if not 1 <= len(chain) <= MAX_CHAIN or any(len(der) > 0xFFFF for der in chain):
        raise CertificateError(f"a chain has 1 to {MAX_CHAIN} certificates, of at most 65,535 bytes")
    return bytes([VERSION]) + b"".join(len(der).to_bytes(2, "big") + der for der in chain)


def parse_chain(raw: bytes) -> tuple[bytes, ...]:
    """The certificates in DER, the leaf first; unchecked. Raises CertificateError."""
    if len(raw) > MAX_BYTES or raw[:1] != bytes([VERSION]):
        raise CertificateError(f"no chain of version {VERSION} with at most {MAX_BYTES} bytes")
    chain, at = [], 1
    while at < len(raw):
        length = int.from_bytes(raw[at : at + 2], "big")
        chain.append(raw[at + 2 : at + 2 + length])
        at += 2 + length
    if at != len(raw) or not 1 <= len(chain) <= MAX_CHAIN or not all(chain):
        raise CertificateError(f"a chain that is cut off, or not of 1 to {MAX_CHAIN} certificates")
    return tuple(chain)


def parse_certificate(der: bytes) -> x509.Certificate:
    """Raises CertificateError."""
    try:
        found = x509.load_der_x509_certificate(der)
        spare = der[-len(found.signature) - 1]  # bits of the signature's BIT STRING that do not count
    except (IndexError, *_BROKEN) as error:
        raise CertificateError("not an X.509 certificate in DER") from error
    if spare:
        raise CertificateError("a certificate written otherwise than DER does: it would have two names (x5t#S256)")
    return found


def check_chain(chain: Sequence[bytes], roots: Sequence[x509.Certificate], at_ms: int) -> Certificate | Reason:
    """The leaf of `chain` (DER, leaf first), if it leads to one of `roots` and is a producer's. Never raises,
    whatever the bytes: certificate-invalid, or certificate-expired if all that is wrong is the time."""
    try:
        if not 1 <= len(chain) <= MAX_CHAIN:
            raise _RefusedError(Reason.CERTIFICATE_INVALID)
        parsed = [parse_certificate(der) for der in chain]
        path = _path(parsed, roots)
        found = _producer(chain[0], path)
    except _RefusedError as refused:
        return refused.reason
    except (CertificateError, InvalidSignature, *_BROKEN):
        return Reason.CERTIFICATE_INVALID
    return found if found.valid_at(at_ms) else Reason.CERTIFICATE_EXPIRED


def _path(chain: Sequence[x509.Certificate], roots: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """From the leaf to a root, both included. Every step is signed by the next; raises what does not hold."""
    path = list(chain)
    if path[-1] not in roots:
        path.append(_root(path[-1], roots))
    for depth, (certificate, issuer) in enumerate(pairwise(path)):
        _check_issuer(issuer, below=depth)
        _check_signature(certificate, issuer)
    for certificate in path:
        for extension in certificate.extensions:
            constrained = isinstance(extension.value, x509.NameConstraints)
            if constrained or (extension.critical and not isinstance(extension.value, _UNDERSTOOD)):
                raise _RefusedError(Reason.CERTIFICATE_INVALID)
    return path


def _root(last: x509.Certificate, roots: Sequence[x509.Certificate]) -> x509.Certificate:
    for root in roots:
        if root.subject == last.issuer:
            try:
                last.verify_directly_issued_by(root)
            except (InvalidSignature, *_BROKEN):
                continue  # another CA may have the same name: a rollover
            return root
    raise _RefusedError(Reason.CERTIFICATE_INVALID)


def _check_issuer(issuer: x509.Certificate, below: int) -> None:
    """`below`: certificates between it and the leaf."""
    constraints = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
    usage = _extension(issuer, x509.KeyUsage)
    if (
        not constraints.ca
        or (constraints.path_length is not None and constraints.path_length < below)
        or (usage is not None and not usage.key_cert_sign)
    ):
        raise _RefusedError(Reason.CERTIFICATE_INVALID)


def _check_signature(certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    digest = certificate.signature_hash_algorithm  # None for Ed25519, which brings its own
    key = issuer.public_key()
    weak = isinstance(key, RSAPublicKey) and key.key_size < RSA_BITS.start
    if weak or (digest is not None and digest.name not in _HASHES):
        raise _RefusedError(Reason.CERTIFICATE_INVALID)
    certificate.verify_directly_issued_by(issuer)


def _producer(der: bytes, path: Sequence[x509.Certificate]) -> Certificate:
    """What a producer's leaf must have: a key that signs, one CN, one URI, and leave to make signatures."""
    leaf = path[0]
    key = leaf.public_key()
    algorithm = algorithm_of(key)
    usage, purposes = _extension(leaf, x509.KeyUsage), _extension(leaf, x509.ExtendedKeyUsage)
    constraints, names = _extension(leaf, x509.BasicConstraints), _extension(leaf, x509.SubjectAlternativeName)
    uris = names.get_values_for_type(x509.UniformResourceIdentifier) if names is not None else []
    common = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if (
        algorithm is None
        or len(uris) != 1
        or len(common) != 1
        or (constraints is not None and constraints.ca)
        or usage is None
        or not usage.digital_signature
        or (purposes is not None and ExtendedKeyUsageOID.CLIENT_AUTH not in purposes)
    ):
        raise _RefusedError(Reason.CERTIFICATE_INVALID)
    return Certificate(
        hashlib.sha256(der).digest(),
        leaf.serial_number,
        str(common[0].value),
        uris[0],
        max(_ms(certificate.not_valid_before_utc) for certificate in path),
        min(_ms(certificate.not_valid_after_utc) for certificate in path),
        key,  # type: ignore[arg-type]  # algorithm_of knows it
        algorithm,
    )


def _extension(certificate: x509.Certificate, kind: type[E]) -> E | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _ms(moment: datetime.datetime) -> int:
    return int(moment.timestamp() * 1_000)
