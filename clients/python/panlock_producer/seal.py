"""Sealing: HPKE (RFC 9180) wraps a data key to the workers' public key, AES-256-GCM seals key and value with it.

public key              one line, panlock-seal-key-v1:<base64 of u16 KEM | public key>
panlock-sealed-key      u8 version 1 | u16 KEM | key id (32) | encapsulated key | encrypted data key
nonce                   u8 part (0 key, 1 value) | u24 partition | u64 sequence
"""

import hashlib
import os
from base64 import b64decode
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PublicKey, Suite

from panlock_producer.codec import Place, short
from panlock_producer.errors import IdentityError, RecordError

HOUR_MS = 3_600_000
_LINE = "panlock-seal-key-v1:"
_X25519, _X_WING = 0x0020, 0x647A
_MLKEM_BYTES = 1_184


class Recipient:
    """The workers' public key, as they publish it. Raises IdentityError."""

    def __init__(self, line: str) -> None:
        try:
            raw = b64decode(line.strip().removeprefix(_LINE), validate=True) if line.startswith(_LINE) else b""
            kem, public = int.from_bytes(raw[:2], "big"), raw[2:]
            if kem == _X_WING:
                mlkem = MLKEM768PublicKey.from_public_bytes(public[:_MLKEM_BYTES])
                curve = X25519PublicKey.from_public_bytes(public[_MLKEM_BYTES:])
                self._key: X25519PublicKey | MLKEM768X25519PublicKey = MLKEM768X25519PublicKey(mlkem, curve)
            elif kem == _X25519:
                self._key = X25519PublicKey.from_public_bytes(public)
            else:
                raise ValueError("unknown KEM")
        except ValueError as error:
            raise IdentityError(f"not a public key of Panlock's workers: a line that begins {_LINE}") from error
        self._suite = Suite(KEM.X25519 if kem == _X25519 else KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
        self._prefix = b"\x01" + raw[:2] + hashlib.sha256(b"panlock-seal-key-v1" + raw).digest()

    @classmethod
    def from_file(cls, path: Path | str) -> "Recipient":
        """Raises IdentityError."""
        try:
            return cls(Path(path).read_text())
        except (OSError, UnicodeDecodeError) as error:
            raise IdentityError(f"cannot read {path}: the public key of Panlock's workers") from error

    def wrap(self, data_key: bytes, info: bytes) -> bytes:
        """The header panlock-sealed-key."""
        return self._prefix + self._suite.encrypt(data_key, self._key, info=info)


class DataKey(NamedTuple):
    """Of one stream, one topic and one hour."""

    cipher: AESGCM
    header: bytes
    digest: bytes


def data_key(recipient: Recipient, place: Place, principal: str, stream: bytes, hour: int) -> DataKey:
    secret = os.urandom(32)
    named = (short(place.cluster), place.topic_id, short(principal), stream, hour.to_bytes(4, "big"))
    header = recipient.wrap(secret, b"".join((b"panlock-seal-v1", *named)))
    return DataKey(AESGCM(secret), header, hashlib.sha256(header).digest())


def seal(
    cipher: AESGCM, place: Place, sequence: int, associated: bytes, key: bytes | None, value: bytes | None
) -> tuple[bytes | None, bytes | None]:
    """A null stays null. Raises RecordError."""
    if place.partition >= 2**24:
        raise RecordError(f"partition {place.partition} cannot be sealed: the nonce holds 24 bits of it")
    rest = place.partition.to_bytes(3, "big") + sequence.to_bytes(8, "big")
    sealed_key = None if key is None else cipher.encrypt(b"\x00" + rest, key, associated)
    return sealed_key, None if value is None else cipher.encrypt(b"\x01" + rest, value, associated)
