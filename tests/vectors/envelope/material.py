"""Keys and certificates of the vectors. All of it is public: never trust any of it.

Keys are fixed, and the authority signs with Ed25519, so that the same certificates come out each time.
"""

import datetime
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pipeline.identity.signature import PrivateKey

HERE = Path(__file__).parent
BEGIN = datetime.datetime(2026, 11, 24, tzinfo=datetime.UTC)
END = BEGIN + datetime.timedelta(days=365)
DAY = datetime.timedelta(days=1)


@cache
def key(name: str) -> PrivateKey:
    if name.startswith("rsa"):
        loaded = serialization.load_pem_private_key((HERE / "rsa.pem").read_bytes(), None)
        return loaded  # type: ignore[return-value]
    if name.startswith("p256"):
        return ec.derive_private_key(int.from_bytes(name.encode() * 4, "big") % 2**255, ec.SECP256R1())
    return Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"."))


def issue(
    name: str,
    issuer: str | None = "root",
    *,
    common: tuple[str, ...] = ("checkout",),
    uris: tuple[str, ...] = ("spiffe://pay.example/checkout",),
    begin: datetime.datetime = BEGIN,
    end: datetime.datetime = END,
    signs: bool = True,
    purposes: tuple[x509.ObjectIdentifier, ...] = (ExtendedKeyUsageOID.CLIENT_AUTH,),
    extension: x509.ExtensionType | None = None,
) -> x509.Certificate:
    """A producer's leaf for `key(name)`, by `key(issuer)`."""
    names = [x509.UniformResourceIdentifier(uri) for uri in uris]
    builder = (
        _builder(name, issuer or name, [*common], begin, end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(leaf=signs, authority=False), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    if extension is not None:
        builder = builder.add_extension(extension, critical=True)
    return _sign(builder, issuer or name)


def authority(
    name: str, issuer: str | None = None, *, ca: bool = True, path_length: int | None = None, signs: bool = True
) -> x509.Certificate:
    builder = _builder(name, issuer or name, [name], BEGIN - DAY, END + 9 * DAY)
    return _sign(
        builder.add_extension(
            x509.BasicConstraints(ca=ca, path_length=path_length if ca else None), critical=True
        ).add_extension(_usage(leaf=False, authority=signs), critical=True),
        issuer or name,
    )


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


def pem(name: str) -> str:
    return (
        key(name)
        .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        .decode()
    )


def _builder(
    name: str, issuer: str, common: list[str], begin: datetime.datetime, end: datetime.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(common))
        .issuer_name(_name([issuer]))
        .public_key(key(name).public_key())
        .serial_number(int.from_bytes(name.encode()[:19], "big") >> 1)
        .not_valid_before(begin)
        .not_valid_after(end)
    )


def _sign(builder: x509.CertificateBuilder, issuer: str) -> x509.Certificate:
    signer = key(issuer)
    assert isinstance(signer, Ed25519PrivateKey)
    return builder.sign(signer, None)


def _name(common: list[str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, each) for each in common])


def _usage(leaf: bool, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=leaf,
        content_commitment=not (leaf or authority),
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
