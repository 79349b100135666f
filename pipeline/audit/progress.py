"""Where a sealer stands in a log, beside its checkpoint: what it needs to go on without reading the log again.

Header `panlock-progress` of a checkpoint's record, a signed note (pipeline.audit.note) of the sealer's:

    panlock-progress-v1
    <origin>
    <size>
    <offset behind the last event that is sealed>
    <SHA-256 of that event, hex>
    <peaks, base64>
"""

import binascii
from base64 import b64decode, b64encode
from dataclasses import dataclass

from pipeline.audit.checkpoint import Checkpoint
from pipeline.audit.merkle import Tree
from pipeline.audit.note import NoteError

HEADER = "panlock-progress"
_VERSION = "panlock-progress-v1"


@dataclass(frozen=True, slots=True)
class Progress:
    """`head`: hash of the last sealed event, whose number is `tree.size` - 1; `offset`: the next to read behind it."""

    origin: str
    tree: Tree
    offset: int
    head: bytes

    @classmethod
    def nowhere(cls, origin: str) -> "Progress":
        """Of a log of which nothing is sealed."""
        return cls(origin, Tree(), 0, bytes(32))

    @property
    def checkpoint(self) -> Checkpoint:
        return Checkpoint(self.origin, self.tree.size, self.tree.root)

    def text(self) -> str:
        peaks = b64encode(self.tree.peaks).decode()
        return f"{_VERSION}\n{self.origin}\n{self.tree.size}\n{self.offset}\n{self.head.hex()}\n{peaks}\n"

    @classmethod
    def parse(cls, text: str) -> "Progress":
        """Raises NoteError."""
        wrong = NoteError("not a sealer's progress")
        lines = text.split("\n")
        if len(lines) != 7 or lines[0] != _VERSION or not (lines[2] + lines[3]).isdigit():
            raise wrong
        try:
            tree = Tree(int(lines[2]), b64decode(lines[5], validate=True))
            progress = cls(lines[1], tree, int(lines[3]), bytes.fromhex(lines[4]))
        except (ValueError, binascii.Error):
            raise wrong from None
        if not tree.fits or len(progress.head) != 32 or progress.text() != text:
            raise wrong
        return progress
