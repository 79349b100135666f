"""Cosignatures and what witnesses are asked, beside transparency-dev's formats/note (vectors) and RFC 6962's proofs."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pipeline.audit.add_checkpoint import LONGEST, AddCheckpoint, AddCheckpointError
from pipeline.audit.cosignature import Witness, cosign, cosigners
from pipeline.audit.growth import Growth
from pipeline.audit.merkle import ProofError, Tree, leaf_hash, roots_from
from pipeline.audit.note import NoteError, parts, sign

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/audit/cosignature.json").read_text())["cosigned"]
KEY = Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32)
LEAVES = b"".join(leaf_hash(b"%d" % n) for n in range(70))
NOTE = sign("c/panlock.audit/0\n5\n" + "A" * 43 + "=\n", "panlock-sealer", KEY)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["vkey"].partition("+")[0])
def test_gos_cosignatures_are_read_and_the_same_bytes_are_made(vector: dict) -> None:
    witness = Witness.parse(vector["vkey"])
    note = vector["note"].encode()
    assert cosigners(note, [witness]) == {witness.name: vector["time"]}
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(vector["seed"]))
    assert str(Witness(witness.name, key.public_key())) == vector["vkey"]
    text, _ = parts(note)
    assert note.decode().endswith(cosign(text, witness.name, key, vector["time"]))


def test_a_cosignature_counts_for_its_note_its_time_and_its_witness_alone() -> None:
    witness, stranger = Witness("w.example", KEY.public_key()), Witness("x.example", KEY.public_key())
    text, _ = parts(NOTE.encode())
    line = cosign(text, "w.example", KEY, 1_700_000_000)
    note = (NOTE + line).encode()
    assert cosigners(note, [witness, stranger]) == {"w.example": 1_700_000_000}
    assert cosigners(NOTE.encode(), [witness]) == {}
    with pytest.raises(NoteError, match="is not one of this note"):
        cosigners(note.replace(b"\n5\n", b"\n6\n"), [witness])
    with pytest.raises(NoteError, match="is not one of this note"):
        cosigners((NOTE + cosign(text, "w.example", KEY, 1)[:-9] + "AAAAAAA=\n").encode(), [witness])


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "w+00000000+BA==",
        VECTORS[0]["vkey"][:-4],
        VECTORS[0]["vkey"].replace("3a7c4813", "3a7c4814"),
        VECTORS[0]["log_vkey"],
        VECTORS[0]["vkey"].replace("witness.example/w1", "another"),
    ],
)
def test_what_is_no_witnesss_key_is_refused(vkey: str) -> None:
    with pytest.raises(NoteError):
        Witness.parse(vkey)


def test_growth_between_any_two_sizes_proves_that_a_log_goes_on() -> None:
    for first in range(71):
        old = Tree().append(LEAVES[: 32 * first])
        growth, size = Growth.after(first), first
        for step in (1, 2, 3, 5, 8, 13, 21, 70):
            if size == 70:
                break
            end = min(70, size + step)
            piece = Growth.after(size).append(LEAVES[32 * size : 32 * end])
            growth, size = growth.extend(Growth.parse(piece.encode(), end)), end
            new = Tree().append(LEAVES[: 32 * size])
            path = growth.path(old)
            if first:
                assert roots_from(first, size, old.root, path) == (old.root, new.root)
            else:
                assert path == []
            assert len(growth.nodes) // 32 <= 2 * size.bit_length()


def test_growth_does_not_go_on_from_elsewhere() -> None:
    growth = Growth.after(3).append(LEAVES[32 * 3 : 32 * 9])
    with pytest.raises(ProofError):
        growth.extend(Growth.after(10).append(LEAVES[:32]))
    with pytest.raises(ProofError):
        growth.path(Tree().append(LEAVES[: 32 * 4]))
    for raw in (b"", growth.encode()[:-1], growth.encode() + bytes(32)):
        with pytest.raises(ProofError):
            Growth.parse(raw, 9)


def test_a_request_to_a_witness_reads_back() -> None:
    request = AddCheckpoint(3, [bytes([n]) * 32 for n in range(5)], NOTE.encode())
    assert AddCheckpoint.parse(request.encode()) == request
    first = AddCheckpoint(0, [], NOTE.encode())
    assert first.encode().startswith(b"old 0\n\nc/panlock.audit/0\n5\n")
    assert AddCheckpoint.parse(first.encode()) == first


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 3\n",
        b"old 03\n\nx\n",
        b"old -1\n\nx\n",
        b"new 3\n\nx\n",
        b"old 3\nAAAA\n\nx\n",
        b"old 3\n!\n\nx\n",
        b"old \xff\n\nx\n",
        AddCheckpoint(3, [bytes(32)] * (LONGEST + 1), b"x\n").encode(),
    ],
)
def test_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(AddCheckpointError):
        AddCheckpoint.parse(body)
