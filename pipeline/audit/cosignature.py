"""Cosignatures of a checkpoint (C2SP tlog-cosignature, cosignature/v1): a witness saw no other history of this log.

A witness signs a checkpoint only where it goes on from the last one that it signed of the log. So two histories that a
sealer shows to two readers cannot both have the cosignatures of the same honest witness. A line of the signed note:

    — <witness's name> <base64 of u32 key id | u64 time, seconds since 1970 | Ed25519 signature>

over "cosignature/v1\\ntime <time>\\n" and the note's text. The key id is the first 32 bits of SHA-256(name | 0x0A |
0x04 | public key); a witness is written as `<name>+<key id in hex>+<base64 of 0x04 | public key>`.
"""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pipeline.audit.note import MARK, NoteError, parts

COSIGNATURE = b"\x04"
_TIME = 8  # bytes
_LATEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Witness:
    """Whose cosignatures count."""

    name: str
    key: Ed25519PublicKey

    @property
    def id(self) -> bytes:
        return sha256(self.name.encode() + b"\n" + COSIGNATURE + self._raw).digest()[:4]

    @property
    def _raw(self) -> bytes:
        return self.key.public_bytes(Encoding.Raw, PublicFormat.Raw)

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{b64encode(COSIGNATURE + self._raw).decode()}"

    @classmethod
    def parse(cls, vkey: str) -> "Witness":
        """Raises NoteError."""
        name, _, rest = vkey.partition("+")
        try:
            raw = b64decode(rest.partition("+")[2], validate=True)
            witness = cls(name, Ed25519PublicKey.from_public_bytes(raw[1:]))
        except (binascii.Error, ValueError):
            raise NoteError("not a witness's public key: <name>+<key id>+<key>, as its operator publishes it") from None
        if str(witness) != vkey or not name or any(c.isspace() or not c.isprintable() for c in name):
            raise NoteError("not a witness's public key: its key id is another, or it is not of cosignature/v1")
        return witness


def cosign(text: str, name: str, key: Ed25519PrivateKey, time: int) -> str:
    """The line that is added to the note, with its line feed. `time`: seconds since 1970."""
    raw = Witness(name, key.public_key()).id + time.to_bytes(_TIME, "big") + key.sign(_signed(text, time))
    return f"{MARK}{name} {b64encode(raw).decode()}\n"


def cosigners(note: bytes, witnesses: Sequence[Witness]) -> dict[str, int]:
    """Which of them cosigned, and when, in seconds since 1970. Others' lines are passed over.

    Raises NoteError for what is no note, or where a line of one of them is not of this note.
    """
    text, lines = parts(note)
    found: dict[str, int] = {}
    for name, raw in lines:
        for witness in witnesses:
            if (witness.name, witness.id) == (name, raw[:4]):
                found[name] = _time_of(witness, text, raw[4:])
    return found


def _time_of(witness: Witness, text: str, raw: bytes) -> int:
    time = int.from_bytes(raw[:_TIME], "big")
    try:
        witness.key.verify(raw[_TIME:], _signed(text, time))
    except InvalidSignature:
        raise NoteError(f"the cosignature of {witness.name} is not one of this note") from None
    if time > _LATEST:
        raise NoteError(f"the cosignature of {witness.name} has no time")
    return time


def _signed(text: str, time: int) -> bytes:
    return f"cosignature/v1\ntime {time}\n{text}".encode()
