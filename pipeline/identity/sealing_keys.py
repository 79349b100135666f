"""Keys that records are sealed to: the workers' private ones, and the public one that producers are given.

    public    panlock-seal-key-v1:<base64 of u16 KEM | public key>
    private   panlock-seal-private-v1:<base64 of u16 KEM | seed (32)>
    key id    SHA-256("panlock-seal-key-v1" | u16 KEM | public key)

X-Wing's seed expands as draft-connolly-cfrg-xwing-kem says (SHAKE256: 64 bytes for ML-KEM-768, 32 for X25519);
X25519's is the key itself.
"""

import hashlib
from base64 import b64decode, b64encode
from dataclasses import dataclass
from enum import IntEnum

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey, MLKEM768X25519PublicKey

from pipeline.errors import PanlockError

SEED_BYTES = 32
_PUBLIC, _PRIVATE = "panlock-seal-key-v1:", "panlock-seal-private-v1:"
_MLKEM_BYTES = 1_184


class SealKeyError(PanlockError):
    """Text that is no key to seal to, or none to open with."""


class Kem(IntEnum):
    """HPKE's registered numbers (IANA)."""

    X25519 = 0x0020
    MLKEM768_X25519 = 0x647A


@dataclass(frozen=True, slots=True)
class PublicKey:
    kem: Kem
    raw: bytes
    hpke: X25519PublicKey | MLKEM768X25519PublicKey


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """Never shown: its seed is not kept, and it has no text."""

    kem: Kem
    hpke: X25519PrivateKey | MLKEM768X25519PrivateKey
    public: PublicKey


def key_id(public: PublicKey) -> bytes:
    return hashlib.sha256(b"panlock-seal-key-v1" + public.kem.to_bytes(2, "big") + public.raw).digest()


def private_key(kem: Kem, seed: bytes) -> PrivateKey:
    """From 32 random bytes. Raises SealKeyError."""
    if len(seed) != SEED_BYTES:
        raise SealKeyError(f"a key to open with is made of {SEED_BYTES} random bytes, not {len(seed)}")
    if kem is Kem.X25519:
        key = X25519PrivateKey.from_private_bytes(seed)
        return PrivateKey(kem, key, public_key(kem, key.public_key().public_bytes_raw()))
    expanded = hashlib.shake_256(seed).digest(96)
    mlkem = MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
    curve = X25519PrivateKey.from_private_bytes(expanded[64:])
    raw = mlkem.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw()
    return PrivateKey(kem, MLKEM768X25519PrivateKey(mlkem, curve), public_key(kem, raw))


def public_key(kem: Kem, raw: bytes) -> PublicKey:
    """Raises SealKeyError."""
    try:
        if kem is Kem.X25519:
            return PublicKey(kem, raw, X25519PublicKey.from_public_bytes(raw))
        mlkem = MLKEM768PublicKey.from_public_bytes(raw[:_MLKEM_BYTES])
        curve = X25519PublicKey.from_public_bytes(raw[_MLKEM_BYTES:])
    except ValueError as error:
        raise SealKeyError("a public key of the wrong length, or not one of its kind") from error
    return PublicKey(kem, raw, MLKEM768X25519PublicKey(mlkem, curve))


def public_text(public: PublicKey) -> str:
    """What producers are given: one line, without its end."""
    return _PUBLIC + b64encode(public.kem.to_bytes(2, "big") + public.raw).decode()


def private_text(kem: Kem, seed: bytes) -> str:
    """Secret: what a worker's key provider keeps."""
    return _PRIVATE + b64encode(kem.to_bytes(2, "big") + seed).decode()


def read_public(text: str) -> PublicKey:
    """Raises SealKeyError."""
    return public_key(*_read(text, _PUBLIC))


def read_private(text: str) -> PrivateKey:
    """Raises SealKeyError, which never quotes the text."""
    return private_key(*read_seed(text))


def read_seed(text: str) -> tuple[Kem, bytes]:
    """What `private_text` was given. Raises SealKeyError, as above."""
    return _read(text, _PRIVATE)


def _read(text: str, prefix: str) -> tuple[Kem, bytes]:
    try:
        raw = b64decode(text.strip().removeprefix(prefix), validate=True) if text.startswith(prefix) else b""
        return Kem(int.from_bytes(raw[:2], "big")), raw[2:]
    except ValueError as error:
        raise SealKeyError(f"not a key of this kind: a line that begins {prefix}") from error
