"""Signing a batch, as a producer does it: one signature, and an inclusion path for each record.

Salts, stream ids and the time come from the caller: this package has neither chance nor clock.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.identity.certificates import parse_certificate
from pipeline.identity.envelope import (
    ENVELOPE,
    SALT,
    Algorithm,
    Envelope,
    Head,
    Headers,
    Place,
    content_hash,
    encode,
    leaf_hash,
)
from pipeline.identity.keys import algorithm_of
from pipeline.identity.merkle import root_and_paths
from pipeline.identity.signature import PrivateKey, SigningError, sign


@dataclass(frozen=True, slots=True)
class Draft:
    """A record about to be written, in the bytes that Kafka will hold. `salt`: 16 random bytes, never used twice."""

    place: Place
    stream: bytes
    sequence: int
    time: int
    salt: bytes
    key: bytes | None
    value: bytes | None
    headers: Headers
    sealed_key: bytes | None = None


class Signer:
    """`chain`: DER, the leaf first. Raises SigningError unless the key is the leaf's and can sign records."""

    def __init__(self, key: PrivateKey, chain: Sequence[bytes], principal: str) -> None:
        leaf = parse_certificate(chain[0])
        algorithm = algorithm_of(leaf.public_key())
        if algorithm is None:
            raise SigningError("this certificate's key signs no records: use Ed25519, P-256, or RSA of 2,048 bits")
        if leaf.public_key() != key.public_key():
            raise SigningError("the private key is not that of the certificate: name the two that belong together")
        self._key, self._algorithm, self._principal = key, algorithm, principal
        self._certificate = hashlib.sha256(chain[0]).digest()

    @property
    def algorithm(self) -> Algorithm:
        return self._algorithm

    def head(self, draft: Draft) -> Head:
        """What the envelope will say of the record; sealing authenticates it."""
        return Head(self._algorithm, self._certificate, draft.stream, draft.sequence, draft.time, draft.sealed_key)

    def sign_batch(self, drafts: Sequence[Draft]) -> list[list[tuple[str, bytes]]]:
        """The headers that each record gets behind its own. Raises MerkleError for none or more than 1,024."""
        heads = [self.head(draft) for draft in drafts]
        leaves = [
            leaf_hash(
                draft.place,
                self._principal,
                head.encode(),
                content_hash(draft.salt, draft.key, draft.value, draft.headers),
            )
            for draft, head in zip(drafts, heads, strict=True)
        ]
        root, paths = root_and_paths(leaves)
        signature, size = sign(self._key, len(leaves), root), len(leaves)
        return [
            [(ENVELOPE, encode(Envelope(head, size, index, paths[index], signature))), (SALT, drafts[index].salt)]
            for index, head in enumerate(heads)
        ]
