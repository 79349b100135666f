"""Every log of a cluster as it was at one time: none can be left out without it showing.

A signed note (pipeline.audit.note) of the sealer's:

    panlock-manifest-v1
    <cluster id>
    <time of the sealer, RFC 3339, UTC>
    <origin> <size> <root, base64>           a line a log, ordered by topic and partition
"""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.audit.checkpoint import Checkpoint
from pipeline.audit.note import NoteError

KEY_PREFIX = b"manifest/"
_VERSION = "panlock-manifest-v1"


@dataclass(frozen=True, slots=True)
class Manifest:
    """`time`: as pipeline.audit.events.timestamp writes it."""

    cluster: str
    time: str
    logs: Sequence[Checkpoint]

    @property
    def key(self) -> bytes:
        """Of its record in panlock.checkpoints."""
        return KEY_PREFIX + self.time.encode()

    def text(self) -> str:
        lines = [_VERSION, self.cluster, self.time]
        lines += [f"{log.origin} {log.size} {b64encode(log.root).decode()}" for log in self.logs]
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def parse(cls, text: str) -> "Manifest":
        """Raises NoteError."""
        version, cluster, time, *lines = [*text.split("\n")[:-1], "", "", ""][: max(3, text.count("\n"))]
        if version != _VERSION:
            raise NoteError("not a manifest")
        return cls(cluster, time, tuple(Checkpoint.parse(line.replace(" ", "\n") + "\n") for line in lines))
