"""Development brokers that report accesses: with deploy/kafka/authorizer, which wraps Kafka's own authorizer."""

import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from deploy.dev.ca import DevelopmentCA
from pipeline.audit.signature import public_jwk

PRINCIPAL = "panlock-broker"  # of the policy's `roles.brokers`


def access_jwk(file: Path) -> dict[str, str]:
    """The public key, for the policy's `audit.access_keys`; the private one is made where it is missing."""
    if not file.exists():
        made = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as private:
            private.write(made)
    key = load_pem_private_key(file.read_bytes(), None)
    assert isinstance(key, Ed25519PrivateKey)  # noqa: S101  # made above
    return public_jwk(key.public_key())


@dataclass(frozen=True, slots=True)
class AccessReports:
    """`plugin`: the jar; `key`: private, of all brokers here, made where it is missing; `window`: in ms; `bound` as
    the authorizer has it."""

    plugin: Path
    key: Path
    window: int = 1_000
    bound: int = 4_000

    def properties(self, ca: DevelopmentCA, bootstrap: str) -> dict[str, object]:
        """For server.properties; the producer of the reports gets a certificate of its own."""
        access_jwk(self.key)
        leaf = ca.issue(PRINCIPAL)
        store = _store(ca)
        with os.fdopen(os.open(store, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(leaf.key.read_bytes() + leaf.certificate.read_bytes())
        producer = {
            "bootstrap.servers": bootstrap,
            "security.protocol": "SSL",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": store,
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": ca.certificate,
        }
        return {
            "authorizer.class.name": "panlock.authorizer.PanlockAuthorizer",
            "panlock.access.key": self.key,
            "panlock.access.window.ms": self.window,
            "panlock.access.bound": self.bound,
            **{f"panlock.access.producer.{name}": value for name, value in producer.items()},
        }

    def files(self, ca: DevelopmentCA) -> list[Path]:
        """What its properties name: private keys, which the broker reads."""
        return [self.key, _store(ca)]


def _store(ca: DevelopmentCA) -> Path:
    return ca.directory / f"{PRINCIPAL}-store.pem"
