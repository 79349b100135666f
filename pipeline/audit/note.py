"""Signed notes (C2SP signed-note), Ed25519: a text that somebody answers for, with any number of signatures.

    <text, one or more lines, each ending with a line feed>
    <empty line>
    — <key name> <base64 of u32 key id | signature over the text>

The key id is the first 32 bits of SHA-256(name | 0x0A | 0x01 | public key). A verifier is written as
`<name>+<key id in hex>+<base64 of 0x01 | public key>`, as Go's sumdb/note and Tessera read it.
"""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pipeline.errors import PanlockError

ED25519 = b"\x01"
LARGEST = 1 << 20  # bytes; a manifest of 512 lanes has 60 KB
MOST = 100  # signatures of one note
MARK = "— "  # U+2014, a space


class NoteError(PanlockError):
    """No signed note, or none that one of the known keys signed."""


def note_name(application: str) -> str:
    """Of the sealer's key in its notes."""
    return f"{application}-sealer"


@dataclass(frozen=True, slots=True)
class Verifier:
    """Whose signature counts."""

    name: str
    key: Ed25519PublicKey

    @property
    def id(self) -> bytes:
        return sha256(self.name.encode() + b"\n" + ED25519 + _raw(self.key)).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{b64encode(ED25519 + _raw(self.key)).decode()}"

    @classmethod
    def parse(cls, vkey: str) -> "Verifier":
        """Raises NoteError."""
        name, _, rest = vkey.partition("+")
        try:
            raw = b64decode(rest.partition("+")[2], validate=True)
            verifier = cls(name, Ed25519PublicKey.from_public_bytes(raw[1:]))
        except (binascii.Error, ValueError):
            raise NoteError("not a public key of notes: <name>+<key id>+<key>") from None
        if str(verifier) != vkey:
            raise NoteError("not a public key of notes: its key id is another")
        return verifier


def sign(text: str, name: str, key: Ed25519PrivateKey) -> str:
    """The note. `text` ends with a line feed and has no empty last line; `name` has neither spaces nor `+`."""
    verifier = Verifier(name, key.public_key())
    signature = b64encode(verifier.id + key.sign(text.encode())).decode()
    return f"{text}\n{MARK}{name} {signature}\n"


def open_note(note: bytes, verifiers: Sequence[Verifier]) -> str:
    """The text, where one of them signed it. Signatures of others are passed over. Raises NoteError."""
    text, signatures = parts(note)
    found = False
    for name, raw in signatures:
        for verifier in verifiers:
            if (verifier.name, verifier.id) == (name, raw[:4]):
                found |= _holds(verifier, text, raw[4:])
    if not found:
        raise NoteError("the note is signed by none of the keys that count")
    return text


def _holds(verifier: Verifier, text: str, signature: bytes) -> bool:
    """Raises NoteError: who uses a known key's name and id, and cannot sign, is no stranger to be passed over."""
    try:
        verifier.key.verify(signature, text.encode())
    except InvalidSignature:
        raise NoteError(f"the signature of {verifier.name} is not one of this note") from None
    return True


def parts(note: bytes) -> tuple[str, list[tuple[str, bytes]]]:
    """The text, and of each signature the name and what is signed with it: u32 key id and more. Raises NoteError."""
    wrong = NoteError("not a signed note: it has no text, an empty line and signatures of their form")
    if len(note) > LARGEST:
        raise NoteError(f"a note of more than {LARGEST} bytes")
    try:
        whole = note.decode()
    except UnicodeDecodeError:
        raise wrong from None
    text, found, lines = whole.rpartition("\n\n")
    if not found or not text or not lines.endswith("\n") or any(c < " " and c != "\n" for c in whole):
        raise wrong
    signatures: list[tuple[str, bytes]] = []
    for line in lines[:-1].split("\n"):
        name, _, encoded = line.removeprefix(MARK).partition(" ")
        try:
            raw = b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            raise wrong from None
        if (
            b64encode(raw).decode() != encoded
            or not line.startswith(MARK)
            or not name
            or "+" in name
            or len(raw) < 5
            or len(signatures) == MOST
        ):
            raise wrong
        signatures.append((name, raw))
    return text + "\n", signatures


def _raw(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)
