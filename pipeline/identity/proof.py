"""What verification leaves of a signed record's envelope: for replay marks, for the audit, for what is passed on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pipeline.identity.certificates import Certificate
from pipeline.record import Headers


class Proof(NamedTuple):
    """Of one record whose signature holds. The kernel gives plain tuples of this shape: they cost less.

    `certificate`: x5t#S256; `sealed_key`: its number among the chunk's, -1 for a clear record; `evidence`: the members
    "content" and "envelope" of an audit event, canonical JSON; `headers`: those that may leave quarantine.
    """

    certificate: bytes
    stream: bytes
    sequence: int
    sealed_key: int
    evidence: bytes
    headers: Headers


@dataclass(frozen=True, slots=True)
class Known:
    """A certificate whose chain holds, and the header that brought it."""

    certificate: Certificate
    chain: bytes


@dataclass(frozen=True, slots=True)
class Sealed:
    """A header `panlock-sealed-key`; the stream and time (ms) of the envelope it came with say what it is bound to."""

    stream: bytes
    time: int
    header: bytes


@dataclass(frozen=True, slots=True)
class Proofs:
    """Of a chunk: one for each record, None where it was refused; and the certificates and sealed keys they name."""

    proofs: Sequence[Proof | None]
    certificates: Mapping[bytes, Known]
    sealed_keys: Sequence[tuple[bytes, Sealed] | None]


def told(proof: Proof | None) -> bytes | None:
    """What events tell of a proof, as one canonical JSON object: pending records keep it. None for None."""
    return None if proof is None else b'{"certificate":"%b",%b}' % (proof[0].hex().encode(), proof[4])
