"""The tree and its proofs, against vectors made with transparency-dev/merkle and golang.org/x/mod/sumdb/note."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pipeline.audit.checkpoint import Checkpoint
from pipeline.audit.merkle import (
    ProofError,
    Tree,
    consistency_path,
    inclusion_path,
    leaf_hash,
    root_from,
    root_of,
    roots_from,
    roots_of,
)
from pipeline.audit.note import NoteError, Verifier, open_note, sign

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/audit/merkle.json").read_text())
HASHES = [leaf_hash(n.to_bytes(8, "big")) for n in range(1_300)]
LEAVES = b"".join(HASHES)
ROOTS = roots_of(LEAVES)
NOTE = VECTORS["note"]
KEY = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(NOTE["private"]))
VERIFIER = Verifier(NOTE["name"], KEY.public_key())


def hashes(texts: list[str]) -> list[bytes]:
    return [bytes.fromhex(text) for text in texts]


@pytest.mark.parametrize("size", VECTORS["roots"])
def test_a_root_is_what_go_says(size: str) -> None:
    assert root_of(LEAVES[: 32 * int(size)]).hex() == VECTORS["roots"][size]


@pytest.mark.parametrize("vector", VECTORS["inclusion"], ids=lambda v: f"{v['index']} of {v['size']}")
def test_an_inclusion_proof_is_what_go_says(vector: dict) -> None:
    index, size, path = vector["index"], vector["size"], hashes(vector["path"])
    assert inclusion_path(index, size, ROOTS) == path
    assert root_from(HASHES[index], index, size, path) == root_of(LEAVES[: 32 * size])


@pytest.mark.parametrize("vector", VECTORS["consistency"], ids=lambda v: f"{v['first']} to {v['second']}")
def test_a_consistency_proof_is_what_go_says(vector: dict) -> None:
    first, second, path = vector["first"], vector["second"], hashes(vector["path"])
    assert consistency_path(first, second, ROOTS) == path
    old, new = (root_of(LEAVES[: 32 * size]) for size in (first, second))
    assert roots_from(first, second, old, path) == (old, new)


def test_a_note_is_what_go_says() -> None:
    assert str(VERIFIER) == NOTE["verifier"]
    assert sign(NOTE["text"], NOTE["name"], KEY) == NOTE["note"]
    assert open_note(NOTE["note"].encode(), [VERIFIER]) == NOTE["text"]
    checkpoint = Checkpoint.parse(NOTE["text"])
    assert (checkpoint.size, checkpoint.root) == (1_300, root_of(LEAVES))
    assert checkpoint.text() == NOTE["text"]


@pytest.mark.parametrize("size", [0, 1, 6, 255, 256, 1_299])
def test_a_tree_grows_in_any_steps_to_the_same(size: int) -> None:
    grown = Tree().append(LEAVES[: 32 * size])
    assert grown.fits
    assert grown.append(LEAVES[32 * size :]) == Tree().append(LEAVES)


@pytest.mark.parametrize("peaks", [b"", b"x" * 32, b"x" * 95])
def test_peaks_of_another_size_are_no_tree(peaks: bytes) -> None:
    assert not Tree(3, peaks).fits
    with pytest.raises(ValueError, match="no compact range"):
        Tree(3, peaks).append(HASHES[0])


@pytest.mark.parametrize(("index", "size"), [(0, 0), (-1, 3), (3, 3)])
def test_there_is_no_proof_for_what_is_not_there(index: int, size: int) -> None:
    for ask in (lambda: inclusion_path(index, size, ROOTS), lambda: root_from(HASHES[0], index, size, [])):
        with pytest.raises(ProofError, match="is not in a tree"):
            ask()


@pytest.mark.parametrize("path", [[], [b"x" * 32], [b"x" * 32] * 4, [b"x" * 31] * 3])
def test_a_path_of_another_length_proves_nothing(path: list[bytes]) -> None:
    with pytest.raises(ProofError):
        root_from(HASHES[2], 2, 5, path)


@pytest.mark.parametrize(("first", "second"), [(0, 3), (4, 3), (-1, 3)])
def test_no_tree_grows_from_nothing_or_shrinks(first: int, second: int) -> None:
    with pytest.raises(ProofError):
        consistency_path(first, second, ROOTS)
    with pytest.raises(ProofError):
        roots_from(first, second, b"", [])


@pytest.mark.parametrize(("first", "second"), [(3, 7), (4, 7), (6, 7), (7, 7), (1, 2)])
def test_a_consistency_proof_of_another_length_proves_nothing(first: int, second: int) -> None:
    path, old = consistency_path(first, second, ROOTS), root_of(LEAVES[: 32 * first])
    for wrong in (path[:-1], [*path, HASHES[0]]):
        if wrong != path:
            with pytest.raises(ProofError):
                roots_from(first, second, old, wrong)


BAD_NOTES = {
    "empty": b"",
    "no signature": NOTE["text"].encode(),
    "no empty line": NOTE["note"].replace("\n\n", "\n").encode(),
    "another dash": NOTE["note"].replace("— ", "- ").encode(),
    "no line feed at the end": NOTE["note"].rstrip("\n").encode(),
    "not UTF-8": b"\xff" + NOTE["note"].encode(),
    "a control character": NOTE["note"].replace("1300", "1300\r").encode(),
    "no base64": NOTE["note"][:-3].encode() + b"!\n",
    "too long": sign("x" * (1 << 20) + "\n", NOTE["name"], KEY).encode(),
    "another text": NOTE["note"].replace("1300", "1301").encode(),
    "text behind the signatures": NOTE["note"].encode() + b"more\n",
    "a thousand signatures": NOTE["text"].encode() + b"\n" + 1_000 * NOTE["note"].encode().splitlines(True)[-1],
}


@pytest.mark.parametrize("name", BAD_NOTES)
def test_what_is_no_note_of_ours_does_not_open(name: str) -> None:
    with pytest.raises(NoteError):
        open_note(BAD_NOTES[name], [VERIFIER])


def test_others_signatures_are_passed_over_but_never_suffice() -> None:
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    cosigned = NOTE["note"].encode() + sign(NOTE["text"], "witness", other).encode().splitlines(True)[-1]
    assert open_note(cosigned, [VERIFIER]) == NOTE["text"]
    with pytest.raises(NoteError, match="none of the keys"):
        open_note(cosigned, [Verifier("third", other.public_key())])


def test_a_name_does_not_stand_for_its_key() -> None:
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    with pytest.raises(NoteError, match="none of the keys"):
        open_note(sign(NOTE["text"], NOTE["name"], other).encode(), [VERIFIER])


@pytest.mark.parametrize(
    "text", ["", "a\n", "a\n1\n", "\n1\nAA==\n", "a\n01\n" + 44 * "A" + "\n", "a\n-1\n\n", "a\n1\nAAAA\n", "a\n1\n*\n"]
)
def test_what_is_no_checkpoint_does_not_parse(text: str) -> None:
    with pytest.raises(NoteError):
        Checkpoint.parse(text)
