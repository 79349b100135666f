"""How a log grew: the nodes between two sizes of its tree, for whoever knows the smaller one to be shown the larger.

A sealer keeps no leaves. It publishes the growth beside each checkpoint, since the one before: from them alone a
consistency proof (RFC 6962, 2.1.2) between any two checkpoints is made, however long a witness was away.

    u64 first | nodes, 32 bytes each           header `panlock-growth` of a checkpoint, big-endian

The nodes are the roots of the fewest complete subtrees that cover leaves [first, size), from left to right.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.audit.merkle import HASH, ProofError, Tree, consistency_path, node_hash, root_of

HEADER = "panlock-growth"


@dataclass(frozen=True, slots=True)
class Growth:
    """Leaves [first, size)."""

    first: int
    size: int
    nodes: bytes = b""

    @classmethod
    def after(cls, size: int) -> "Growth":
        """None yet."""
        return cls(size, size)

    def append(self, leaves: bytes) -> "Growth":
        """`leaves`: hashes, one behind the other."""
        end = self.size + len(leaves) // HASH
        at = self.size
        found = [root_of(leaves[HASH * (start - at) :][: HASH * width]) for start, width in _parts(at, end)]
        return self.extend(Growth(at, end, b"".join(found)))

    def extend(self, more: "Growth") -> "Growth":
        """With what came behind it. Raises ProofError where that is something else."""
        if more.first != self.size or not more.fits:
            raise ProofError(f"a log that grew to {self.size} does not go on at {more.first}")
        stack = [*self._nodes()]
        for start, width, node in more._nodes():
            while stack and stack[-1][1] == width and stack[-1][0] % (2 * width) == 0:
                start, _, left = stack.pop()
                width, node = 2 * width, node_hash(left, node)
            stack.append((start, width, node))
        return Growth(self.first, more.size, b"".join(node for _, _, node in stack))

    @property
    def fits(self) -> bool:
        """Whether it has as many nodes as it must."""
        return 0 <= self.first <= self.size and len(self.nodes) == HASH * sum(1 for _ in _parts(self.first, self.size))

    def path(self, old: Tree) -> list[bytes]:
        """The consistency proof from `old`, of `first` leaves; empty from an empty tree. Raises ProofError."""
        if old.size != self.first:
            raise ProofError(f"a tree of {old.size} leaves did not grow from {self.first}")
        if not old.size:
            return []
        peaks = zip(_parts(0, old.size), range(0, len(old.peaks), HASH), strict=True)
        before = {(start, start + width): old.peaks[at : at + HASH] for (start, width), at in peaks}

        def root(start: int, end: int) -> bytes:
            return before.get((start, end)) or self._root(start, end)

        return consistency_path(old.size, self.size, root)

    def encode(self) -> bytes:
        return self.first.to_bytes(8, "big") + self.nodes

    @classmethod
    def parse(cls, raw: bytes, size: int) -> "Growth":
        """`size`: of its checkpoint. Raises ProofError."""
        growth = cls(int.from_bytes(raw[:8], "big"), size, raw[8:])
        if len(raw) < 8 or not growth.fits:
            raise ProofError(f"not how a log grew to {size}")
        return growth

    def _root(self, start: int, end: int) -> bytes:
        inside = [node for at, width, node in self._nodes() if start <= at and at + width <= end]
        root = inside.pop()
        while inside:
            root = node_hash(inside.pop(), root)
        return root

    def _nodes(self) -> Iterator[tuple[int, int, bytes]]:
        for number, (start, width) in enumerate(_parts(self.first, self.size)):
            yield start, width, self.nodes[HASH * number : HASH * (number + 1)]


def _parts(first: int, size: int) -> Iterator[tuple[int, int]]:
    """(start, width) of the fewest complete subtrees over [first, size)."""
    while first < size:
        width = 1 << (size - first).bit_length() - 1
        if first:
            width = min(width, first & -first)
        yield first, width
        first += width
