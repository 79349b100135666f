"""The tree of a log: RFC 6962, section 2.1. Leaves and inner nodes are hashed in the kernel; here is what is proven.

A `Tree` is what a log's writer has to know of it: its size, and its peaks. A proof needs more: the roots of parts of
the log, from whoever has them (`Roots`): leaves in memory, or the tiles of an export.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import panlock_kernel

from pipeline.errors import PanlockError

HASH = 32  # bytes
EMPTY_ROOT = hashlib.sha256(b"").digest()

Roots = Callable[[int, int], bytes]  # root of the tree over leaves [start, end); start is a multiple of its width


class ProofError(PanlockError):
    """A place that is not in the tree, or a proof of another form than its tree asks for."""


@dataclass(frozen=True, slots=True)
class Tree:
    """`peaks`: roots of the largest complete trees over all leaves, the largest first, one behind the other."""

    size: int = 0
    peaks: bytes = b""

    def append(self, leaves: bytes) -> "Tree":
        """`leaves`: hashes, one behind the other."""
        return Tree(self.size + len(leaves) // HASH, panlock_kernel.append_leaves(self.size, self.peaks, leaves))

    @property
    def fits(self) -> bool:
        """Whether a tree of this size has as many peaks."""
        return self.size >= 0 and len(self.peaks) == HASH * self.size.bit_count()

    @property
    def root(self) -> bytes:
        if not self.size:
            return EMPTY_ROOT
        peaks = [self.peaks[at : at + HASH] for at in range(0, len(self.peaks), HASH)]
        root = peaks.pop()
        while peaks:
            root = node_hash(peaks.pop(), root)
        return root


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def leaf_hashes(values: Sequence[bytes]) -> bytes:
    """Of many at once, one behind the other."""
    return panlock_kernel.leaf_hashes(values)


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(leaves: bytes) -> bytes:
    """Of hashes, one behind the other."""
    return Tree().append(leaves).root


def roots_of(leaves: bytes) -> Roots:
    return lambda start, end: root_of(leaves[HASH * start : HASH * end])


def inclusion_path(index: int, size: int, roots: Roots) -> list[bytes]:
    """Siblings of leaf `index`, from the bottom up. Raises ProofError."""
    if not 0 <= index < size:
        raise ProofError(f"leaf {index} is not in a tree of {size}")
    return [roots(start, end) for start, end in reversed(list(_beside(index, size)))]


def _beside(index: int, size: int) -> Iterator[tuple[int, int]]:
    """What each split of the tree leaves out, from the top down."""
    start, end = 0, size
    while end - start > 1:
        split = start + _split(end - start)
        if index < split:
            yield split, end
            end = split
        else:
            yield start, split
            start = split


def path_length(index: int, size: int) -> int:
    """Hashes on the path of leaf `index`. Raises ProofError."""
    if not 0 <= index < size:
        raise ProofError(f"leaf {index} is not in a tree of {size}")
    length, last = 0, size - 1
    while last:
        length += index & 1 or index != last
        index, last = index >> 1, last >> 1
    return length


def root_from(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root that `path` leads to (RFC 9162, section 2.1.3.2). Raises ProofError for a path of another length."""
    if len(path) != path_length(index, size) or any(len(each) != HASH for each in path):
        raise ProofError(f"leaf {index} of {size} has a path of {path_length(index, size)} hashes of {HASH} bytes")
    siblings, last = iter(path), size - 1
    while last:
        if index & 1:
            leaf = node_hash(next(siblings), leaf)
        elif index != last:
            leaf = node_hash(leaf, next(siblings))
        index, last = index >> 1, last >> 1
    return leaf


def consistency_path(first: int, second: int, roots: Roots) -> list[bytes]:
    """Proof that the tree of `second` leaves begins with that of `first` (RFC 6962, 2.1.2). Raises ProofError."""
    if not 0 < first <= second:
        raise ProofError(f"a tree of {second} leaves does not grow from one of {first}")
    path: list[bytes] = []
    start, end, whole = 0, second, True
    while first < end:
        split = start + _split(end - start)
        if first <= split:
            path.append(roots(split, end))
            end = split
        else:
            path.append(roots(start, split))
            start, whole = split, False
    if not whole:
        path.append(roots(start, end))
    return path[::-1]


def roots_from(first: int, second: int, old: bytes, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    """The roots of both trees that `path` leads to (RFC 9162, 2.1.4.2); `old` is the root the smaller one should have.

    Raises ProofError for a path of another length.
    """
    if not 0 < first <= second:
        raise ProofError(f"a tree of {second} leaves does not grow from one of {first}")
    wrong = ProofError(f"the proof from {first} to {second} leaves has another length")
    hashes = list(path) if first & (first - 1) else [old, *path]
    if first == second:
        if path:
            raise wrong
        return old, old
    at, last = first - 1, second - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    if not hashes:
        raise wrong
    small = large = hashes.pop(0)
    while hashes and last:
        each = hashes.pop(0)
        if at & 1 or at == last:
            small, large = node_hash(each, small), node_hash(each, large)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            large = node_hash(large, each)
        at, last = at >> 1, last >> 1
    if hashes or last:
        raise wrong
    return small, large


def _split(width: int) -> int:
    """The largest power of two below `width`."""
    return int(1 << (width - 1).bit_length() - 1)
