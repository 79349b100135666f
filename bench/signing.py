"""A producer for measurements: certificates of each algorithm by an authority of its own, and the producer kit."""

import datetime
import time
from collections.abc import Callable, Sequence
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from panlock_producer import Identity, Recipient
from panlock_producer.codec import Place as KitPlace
from panlock_producer.stream import Stream, Unsigned
from pipeline.identity.envelope import Place
from pipeline.identity.sealing_keys import Kem, key_id, private_key, public_text
from pipeline.record import Headers

PRINCIPAL, SPIFFE = "checkout", "spiffe://pay.example/checkout"
PLACE = Place("bench-cluster", bytes(range(16)), 0)
Key = Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
ALGORITHMS: dict[str, Callable[[], Key]] = {
    "ed25519": Ed25519PrivateKey.generate,
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "rsa2048": lambda: rsa.generate_private_key(65_537, 2_048),
}
WORKER_SEED = bytes(range(32))
WORKER = private_key(Kem.MLKEM768_X25519, WORKER_SEED)
_DAY = datetime.timedelta(days=1)


class Signing:
    """One stream. `now` in ms: when all its records are written."""

    def __init__(self, algorithm: str, sealed: bool) -> None:
        leaf, key, root = _certificates(algorithm)
        self.now = time.time_ns() // 1_000_000
        self.authorities, self.seal_keys = [root], {key_id(WORKER.public): WORKER}
        recipient = Recipient(public_text(WORKER.public)) if sealed else None
        self._stream = Stream(Identity([leaf], key), recipient, now=lambda: self.now)

    def batch(self, pairs: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes | None, bytes | None, Headers]]:
        """(key, value) as they are written: one signature for all."""
        signed = self._stream.sign([Unsigned(KitPlace(*PLACE), key, value) for key, value in pairs])
        self._stream.delivered(signed[0])
        return [(record.key, record.value, tuple(record.headers)) for record in signed]


@cache
def _certificates(algorithm: str) -> tuple[x509.Certificate, Key, x509.Certificate]:
    """Leaf, its key, root."""
    authority, key = ec.generate_private_key(ec.SECP256R1()), ALGORITHMS[algorithm]()
    root = _certificate("bench authority", "bench authority", authority, authority, None)
    return _certificate(PRINCIPAL, "bench authority", key, authority, SPIFFE), key, root


def _certificate(
    name: str, issuer: str, key: Key, authority: ec.EllipticCurvePrivateKey, uri: str | None
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + _DAY)
        .add_extension(x509.BasicConstraints(ca=uri is None, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(uri is not None, False, False, False, False, uri is None, uri is None, False, False), True
        )
    )
    if uri is not None:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)]), critical=False
        )
    return builder.sign(authority, hashes.SHA256())
