"""What a sealer says of a log: `origin` has `size` events, and their tree this root (C2SP tlog-checkpoint).

    <origin>
    <size, decimal>
    <root, base64>

as a signed note (pipeline.audit.note). Lines behind these are others' extensions: signed, and not looked at.
"""

import binascii
from base64 import b64decode, b64encode
from dataclasses import dataclass

from pipeline.audit.note import NoteError

LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """`origin`: pipeline.audit.origin; `root`: 32 bytes."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"

    @property
    def key(self) -> bytes:
        """Of its record in panlock.checkpoints."""
        return f"{self.origin}/{self.size}".encode()

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Raises NoteError."""
        origin, size, root = [*text.split("\n"), "", "", ""][:3]
        try:
            raw = b64decode(root, validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        number = int(size) if size.isascii() and size.isdigit() and len(size) < 20 else -1
        if not origin or str(number) != size or number > LARGEST or len(raw) != 32:
            raise NoteError("not a checkpoint: it begins with an origin, a size and a root, a line each")
        return cls(origin, number, raw)
