"""A checkpoint that witnesses have cosigned, as the sealer publishes it: once as many have as the policy asks for.

Record of panlock.checkpoints, key `cosigned/<origin>/<size>`; the value is the checkpoint's note with their lines.
"""

from typing import NamedTuple

from pipeline.audit.checkpoint import Checkpoint

KEY_PREFIX = b"cosigned/"


class Cosigned(NamedTuple):
    """`note`: with the witnesses' lines (pipeline.audit.cosignature)."""

    checkpoint: Checkpoint
    note: bytes

    @property
    def key(self) -> bytes:
        return KEY_PREFIX + self.checkpoint.key
