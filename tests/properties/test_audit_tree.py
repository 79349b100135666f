"""Whatever the tree: its proofs hold, and with one bit changed they do not."""

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.audit.merkle import (
    Tree,
    consistency_path,
    inclusion_path,
    leaf_hash,
    root_from,
    root_of,
    roots_from,
    roots_of,
)

HASHES = [leaf_hash(n.to_bytes(4, "big")) for n in range(300)]
ALL = b"".join(HASHES)
ROOTS = roots_of(ALL)
SIZES = st.integers(1, len(HASHES))


def flipped(path: list[bytes], bit: int) -> list[bytes]:
    raw = bytearray(b"".join(path))
    raw[bit // 8 % len(raw)] ^= 1 << bit % 8
    return [bytes(raw[at : at + 32]) for at in range(0, len(raw), 32)]


@settings(max_examples=300)
@given(SIZES, st.data())
def test_each_leaf_is_proven_at_its_place_alone(size: int, data: st.DataObject) -> None:
    index, other = (data.draw(st.integers(0, size - 1)) for _ in "ab")
    path, root = inclusion_path(index, size, ROOTS), root_of(ALL[: 32 * size])
    assert root_from(HASHES[index], index, size, path) == root
    if other != index:
        assert root_from(HASHES[other], index, size, path) != root
    if path:
        assert root_from(HASHES[index], index, size, flipped(path, data.draw(st.integers(0, 10_000)))) != root


@settings(max_examples=300)
@given(SIZES, SIZES, st.data())
def test_a_tree_is_proven_to_go_on_where_it_was(one: int, two: int, data: st.DataObject) -> None:
    first, second = sorted((one, two))
    old, new = root_of(ALL[: 32 * first]), root_of(ALL[: 32 * second])
    path = consistency_path(first, second, ROOTS)
    assert roots_from(first, second, old, path) == (old, new)
    if path:
        assert roots_from(first, second, old, flipped(path, data.draw(st.integers(0, 10_000)))) != (old, new)


@given(st.lists(st.integers(0, 40), max_size=8))
def test_a_tree_does_not_know_in_which_steps_it_grew(steps: list[int]) -> None:
    tree, at = Tree(), 0
    for step in steps:
        tree, at = tree.append(ALL[32 * at : 32 * (at + step)]), min(at + step, len(HASHES))
    assert tree == Tree().append(ALL[: 32 * at])
