"""Sealed records: HPKE (RFC 9180) wraps a data key to the workers' public key, AES-256-GCM seals key and value.

    header panlock-sealed-key   u8 version 1 | u16 KEM | key id (32) | HPKE: encapsulated key, encrypted data key (48)
    info                        "panlock-seal-v1" | u8 length, cluster id | topic UUID (16) | u8 length, principal |
                                stream (16) | u32 hour
    nonce                       u8 part (0 key, 1 value) | u24 partition | u64 sequence
    associated data             the leaf's, before the content: whose record, which, and where

A data key is of one stream on one topic in one hour of the records' own time; docs/envelope.md specifies all of it.
"""

import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, Suite
from cryptography.hazmat.primitives.hpke import KEM as HpkeKem

from pipeline.errors import PanlockError
from pipeline.identity.envelope import HASH_BYTES, Head, Place, associated_data
from pipeline.identity.sealing_keys import Kem, PrivateKey, PublicKey, key_id

VERSION = 1
DATA_KEY_BYTES = 32
HOUR_MS = 3_600_000
MAX_SEALED_PARTITION = 2**24 - 1
TAG_BYTES = 16
_FIXED = 3 + HASH_BYTES
_KEY, _VALUE = 0, 1
_SUITES = {
    Kem.X25519: Suite(HpkeKem.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM),
    Kem.MLKEM768_X25519: Suite(HpkeKem.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM),
}
_WRAPPED = {Kem.X25519: 32 + 48, Kem.MLKEM768_X25519: 1_120 + 48}


class SealError(PanlockError):
    """A record or data key that cannot be sealed or does not open."""


@dataclass(frozen=True, slots=True)
class SealedKey:
    """The header `panlock-sealed-key`, read. `recipient`: key id of the worker's key that opens it."""

    kem: Kem
    recipient: bytes
    wrapped: bytes


@dataclass(frozen=True, slots=True)
class Scope:
    """What one data key is good for."""

    cluster: str
    topic_id: bytes
    principal: str
    stream: bytes
    hour: int

    @classmethod
    def of(cls, place: Place, principal: str, head: Head) -> "Scope":
        return cls(place.cluster, place.topic_id, principal, head.stream, head.time // HOUR_MS)

    def info(self) -> bytes:
        """Raises SealError."""
        cluster, principal = self.cluster.encode(), self.principal.encode()
        if len(cluster) > 255 or len(principal) > 255 or not 0 <= self.hour < 2**32:
            raise SealError("cluster id and principal have at most 255 bytes; the hour since 1970 has 32 bits")
        named = (bytes([len(cluster)]), cluster, self.topic_id, bytes([len(principal)]), principal)
        return b"".join((b"panlock-seal-v1", *named, self.stream, self.hour.to_bytes(4, "big")))


def parse_sealed_key(raw: bytes) -> SealedKey:
    """Raises SealError."""
    if len(raw) < _FIXED or raw[0] != VERSION:
        raise SealError(f"no sealed data key of version {VERSION}")
    number = int.from_bytes(raw[1:3], "big")
    kem = next((known for known in Kem if known == number), None)
    if kem is None or len(raw) != _FIXED + _WRAPPED[kem]:
        raise SealError("a sealed data key of an unknown kind, or of the wrong length")
    return SealedKey(kem, raw[3:_FIXED], raw[_FIXED:])


def wrap_data_key(data_key: bytes, recipient: PublicKey, scope: Scope) -> bytes:
    """The header `panlock-sealed-key`; its SHA-256 is what heads name. Raises SealError."""
    if len(data_key) != DATA_KEY_BYTES:
        raise SealError(f"a data key has {DATA_KEY_BYTES} bytes, not {len(data_key)}")
    kem = recipient.kem
    wrapped = _SUITES[kem].encrypt(data_key, recipient.hpke, info=scope.info())
    return bytes([VERSION]) + kem.to_bytes(2, "big") + key_id(recipient) + wrapped


def unwrap_data_key(sealed: SealedKey, private: PrivateKey, scope: Scope) -> bytes:
    """Raises SealError: another recipient's, altered, or of another scope."""
    if sealed.kem is not private.kem:
        raise SealError("the data key is sealed to another kind of key")
    try:
        data_key = _SUITES[sealed.kem].decrypt(sealed.wrapped, private.hpke, info=scope.info())
    except (InvalidTag, ValueError) as error:
        raise SealError("the data key does not open: another recipient's, altered, or for other records") from error
    if len(data_key) != DATA_KEY_BYTES:
        raise SealError(f"a data key has {DATA_KEY_BYTES} bytes, not {len(data_key)}")
    return data_key


def seal(
    data_key: bytes, place: Place, principal: str, head: Head, key: bytes | None, value: bytes | None
) -> tuple[bytes | None, bytes | None]:
    """Key and value as they are written; a null stays null. Raises SealError. No two records may have the same
    stream, topic, partition and sequence: the nonce is made of them."""
    cipher, associated = AESGCM(data_key), _associated(place, principal, head)

    def sealed(part: int, clear: bytes | None) -> bytes | None:
        return None if clear is None else cipher.encrypt(_nonce(part, place, head), clear, associated)

    return sealed(_KEY, key), sealed(_VALUE, value)


def unseal(
    data_key: bytes, place: Place, principal: str, head: Head, key: bytes | None, value: bytes | None
) -> tuple[bytes | None, bytes | None]:
    """Key and value as the producer had them. Raises SealError."""
    cipher, associated = AESGCM(data_key), _associated(place, principal, head)

    def opened(part: int, sealed: bytes | None) -> bytes | None:
        return None if sealed is None else cipher.decrypt(_nonce(part, place, head), sealed, associated)

    try:
        return opened(_KEY, key), opened(_VALUE, value)
    except (InvalidTag, ValueError) as error:
        raise SealError("the record does not open with its data key") from error


def sealed_key_hash(header: bytes) -> bytes:
    return hashlib.sha256(header).digest()


def _associated(place: Place, principal: str, head: Head) -> bytes:
    if head.sealed_key is None:
        raise SealError("this head says that its record is not sealed")
    if place.partition > MAX_SEALED_PARTITION:
        raise SealError(f"partition {place.partition} cannot be sealed: the nonce holds 24 bits of it")
    return associated_data(place, principal, head.encode())


def _nonce(part: int, place: Place, head: Head) -> bytes:
    return bytes([part]) + place.partition.to_bytes(3, "big") + head.sequence.to_bytes(8, "big")
