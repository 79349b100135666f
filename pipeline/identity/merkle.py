"""The Merkle tree of a signed batch: that of RFC 6962, section 2.1, over at most 1,024 leaves.

A leaf's hash begins with 0x00 (pipeline.identity.envelope makes it), an inner node's with 0x01, so that neither can
stand for the other. The path of a leaf is its siblings from the bottom up; where the tree is not full, a node without
a sibling goes up as it is and gives the path nothing.
"""

from collections.abc import Sequence

from pipeline.audit import merkle
from pipeline.audit.merkle import node_hash
from pipeline.errors import PanlockError

MAX_LEAVES = 1_024  # a path of at most 10 hashes: what one record carries stays small, whatever a producer batches


class MerkleError(PanlockError):
    """A tree that cannot be: its size, a leaf's place in it, or the length of a path."""


def path_length(index: int, size: int) -> int:
    """Hashes on the path of leaf `index`. Raises MerkleError unless 0 <= index < size <= 1,024."""
    if not 0 <= index < size <= MAX_LEAVES:
        raise MerkleError(f"no leaf {index} in a tree of {size}: sizes are 1 to {MAX_LEAVES}")
    return merkle.path_length(index, size)


def root_from(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root that `path` leads to (RFC 9162, section 2.1.3.2). Raises MerkleError for a path of another length."""
    if len(path) != path_length(index, size):
        raise MerkleError(f"leaf {index} of {size} has a path of {path_length(index, size)} hashes, not {len(path)}")
    return merkle.root_from(leaf, index, size, path)


def root_and_paths(leaves: Sequence[bytes]) -> tuple[bytes, list[tuple[bytes, ...]]]:
    """The root, and each leaf's path. Raises MerkleError for no leaf, or more than 1,024."""
    path_length(0, len(leaves))
    paths: list[list[bytes]] = [[] for _ in leaves]
    level, height = list(leaves), 0
    while len(level) > 1:
        for leaf, path in enumerate(paths):
            sibling = leaf >> height ^ 1
            if sibling < len(level):
                path.append(level[sibling])
        pairs = [node_hash(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
        level, height = pairs + level[2 * len(pairs) :], height + 1
    return level[0], [tuple(path) for path in paths]
