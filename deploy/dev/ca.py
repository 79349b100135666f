"""A certificate authority for development: P-256, leaves of 24 hours with CN (Kafka principal) and SPIFFE URI.

Not for production: its key lies beside its certificates, without a passphrase.
"""

import datetime
import ipaddress
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pipeline.errors import PanlockError

LEAF_LIFE = datetime.timedelta(hours=24)
CA_LIFE = datetime.timedelta(days=30)
SKEW = datetime.timedelta(minutes=5)  # clocks of containers and hosts differ
TRUST_DOMAIN = "spiffe://dev.panlock/"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # becomes a file name


class CertificateNameError(PanlockError):
    """A name that cannot be a development certificate's."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """PEM files of one identity; the key's file has mode 0600."""

    certificate: Path
    key: Path


class DevelopmentCA:
    """Issues leaves into `directory`; made there on first use and kept for the directory's later runs."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.certificate = directory / "ca.pem"
        key_file = directory / "ca.key"
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self._usable():
            key = serialization.load_pem_private_key(key_file.read_bytes(), None)
            assert isinstance(key, ec.EllipticCurvePrivateKey)  # noqa: S101 - this class wrote it
            self._key = key
        else:
            self._key = ec.generate_private_key(ec.SECP256R1())
            _write_key(key_file, self._key)
            self.certificate.write_bytes(self._self_signed().public_bytes(serialization.Encoding.PEM))
        self._issuer = x509.load_pem_x509_certificate(self.certificate.read_bytes())

    def issue(
        self,
        name: str,
        spiffe: str | None = None,
        *,
        host: bool = False,
        dns: Sequence[str] = (),
        stem: str | None = None,
    ) -> Credentials:
        """A new leaf CN=`name`, SAN URI `spiffe` (default spiffe://dev.panlock/<name>), in files `stem` (`name`).

        `host` makes it a server's, for 127.0.0.1, localhost and the names `dns`. Raises CertificateNameError.
        """
        if not _NAME.fullmatch(name):
            raise CertificateNameError(f"no certificate can be named {name!r}: use letters, digits, '.', '_' and '-'")
        key = ec.generate_private_key(ec.SECP256R1())
        names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(spiffe or TRUST_DOMAIN + name)]
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH]
        if host:
            names += [x509.DNSName(each) for each in ("localhost", *dns)]
            names += [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            usages.append(ExtendedKeyUsageOID.SERVER_AUTH)
        leaf = (
            self._builder(name, key.public_key(), LEAF_LIFE)
            .issuer_name(self._issuer.subject)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(_usage(signs="records"), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        stem = stem or name
        credentials = Credentials(self.directory / f"{stem}.pem", self.directory / f"{stem}.key")
        _write_key(credentials.key, key)
        credentials.certificate.write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
        return credentials

    def _usable(self) -> bool:
        if not (self.certificate.exists() and (self.directory / "ca.key").exists()):
            return False
        ends = x509.load_pem_x509_certificate(self.certificate.read_bytes()).not_valid_after_utc
        return ends > datetime.datetime.now(datetime.UTC) + LEAF_LIFE

    def _self_signed(self) -> x509.Certificate:
        name = "Panlock development CA"
        return (
            self._builder(name, self._key.public_key(), CA_LIFE)
            .issuer_name(_common_name(name))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs="certificates"), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )

    @staticmethod
    def _builder(name: str, key: ec.EllipticCurvePublicKey, life: datetime.timedelta) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(_common_name(name))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - SKEW)
            .not_valid_after(now + life)
        )


def _usage(signs: Literal["records", "certificates"]) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs == "records",
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs == "certificates",
        crl_sign=signs == "certificates",
        encipher_only=False,
        decipher_only=False,
    )


def _common_name(name: str) -> x509.Name:
    """The CN alone: Kafka's mapping rule makes the principal of the whole DN."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    """Never readable by others, not even between open and chmod."""
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(text)
