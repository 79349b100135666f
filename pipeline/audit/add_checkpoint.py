"""What a witness is asked, and what it answers (C2SP tlog-witness, `POST <prefix>/add-checkpoint`). Pure: no HTTP here.

    old <size that the witness is known to have cosigned>
    <consistency proof, a hash in base64 a line>
    <empty line>
    <checkpoint, a signed note>

200: cosignature lines; 400 malformed; 403 no signature of a known key; 404 an unknown log; 409 another old size, which
the body has (or the same size with another root); 422 the proof does not hold.
"""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import NamedTuple

from pipeline.audit.merkle import HASH
from pipeline.errors import PanlockError

PATH = "add-checkpoint"
SIZE_TYPE = "text/x.tlog.size"
LONGEST = 63  # hashes of a proof
LARGEST = 64 << 10  # bytes of a request or an answer


class AddCheckpointError(PanlockError):
    """Not a request to a witness."""


class AddCheckpoint(NamedTuple):
    old: int
    proof: Sequence[bytes]
    note: bytes

    def encode(self) -> bytes:
        lines = [f"old {self.old}", *(b64encode(each).decode() for each in self.proof), ""]
        return "".join(f"{line}\n" for line in lines).encode() + self.note

    @classmethod
    def parse(cls, body: bytes) -> "AddCheckpoint":
        """Raises AddCheckpointError."""
        head, found, note = body.partition(b"\n\n")
        first, *rest = head.decode(errors="replace").split("\n")
        size = first.removeprefix("old ")
        try:
            proof = [b64decode(line, validate=True) for line in rest]
        except (binascii.Error, ValueError):
            proof = [b""]
        known = first.startswith("old ") and size.isascii() and size.isdigit() and len(size) < 20
        if not found or not known or str(int(size)) != size or len(proof) > LONGEST or len(body) > LARGEST:
            raise AddCheckpointError("it begins with `old <size>`, a proof and an empty line, then comes a checkpoint")
        if any(len(each) != HASH for each in proof):
            raise AddCheckpointError("a proof is hashes of 32 bytes in base64, a line each")
        return cls(int(size), proof, note)
