"""The development witness cosigns what goes on from what it cosigned, over restarts, and nothing else."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.dev.witness import Cosigner, Reply, witness_vkey
from pipeline.audit.add_checkpoint import SIZE_TYPE, AddCheckpoint
from pipeline.audit.checkpoint import Checkpoint
from pipeline.audit.cosignature import Witness, cosigners
from pipeline.audit.growth import Growth
from pipeline.audit.merkle import Tree, leaf_hash
from pipeline.audit.note import Verifier, sign

KEY = Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32)
STRANGER = Ed25519PrivateKey.from_private_bytes(bytes([8]) * 32)
LOG = "c/panlock.audit/0"


def leaves(count: int, seed: str = "") -> bytes:
    return b"".join(leaf_hash(f"{seed}{n}".encode()) for n in range(count))


def request(old: int, size: int, *, seed: str = "", key: Ed25519PrivateKey = KEY, log: str = LOG) -> AddCheckpoint:
    every = leaves(size, seed)
    tree = Tree().append(every)
    proof = Growth.after(old).append(every[32 * old :]).path(Tree().append(every[: 32 * old])) if old <= size else []
    note = sign(Checkpoint(log, size, tree.root).text(), "panlock-sealer", key).encode()
    return AddCheckpoint(old, proof, note)


@pytest.fixture
def ask(tmp_path: Path) -> Callable[[AddCheckpoint], Reply]:
    """Each time another process's witness, that remembers by its directory alone."""

    def asked(request: AddCheckpoint) -> Reply:
        reply = Cosigner(tmp_path, "w1", [Verifier("panlock-sealer", KEY.public_key())]).add(request.encode(), 1_700)
        if reply.status == 200:
            witness = Witness.parse(witness_vkey(tmp_path, "w1"))
            assert cosigners(request.note + reply.body, [witness]) == {"w1": 1_700}
        return reply

    return asked


def test_a_log_that_grows_is_cosigned_and_the_same_again(ask: Callable[[AddCheckpoint], Reply]) -> None:
    assert [ask(each).status for each in (request(0, 5), request(5, 9), request(9, 9), request(9, 70))] == [200] * 4
    assert ask(request(0, 3, log="c/panlock.audit/1")).status == 200


def test_another_history_is_refused(ask: Callable[[AddCheckpoint], Reply]) -> None:
    assert ask(request(0, 9)).status == 200
    assert ask(request(9, 12, seed="x")).status == 422
    assert ask(request(9, 9, seed="x")).status == 409
    assert ask(request(9, 12)._replace(proof=[])).status == 422
    assert ask(request(0, 4, log="other")._replace(proof=[bytes(32)])).status == 422
    assert ask(request(9, 12)).status == 200


def test_a_rollback_is_answered_with_the_size_that_it_knows(ask: Callable[[AddCheckpoint], Reply]) -> None:
    assert ask(request(0, 9)).status == 200
    for each in (request(0, 5), request(5, 12), request(0, 20, seed="x")):
        reply = ask(each)
        assert (reply.status, reply.type, reply.body) == (409, SIZE_TYPE, b"9\n")


def test_who_is_not_the_sealer_and_what_is_no_request_are_refused(ask: Callable[[AddCheckpoint], Reply]) -> None:
    assert ask(request(0, 5, key=STRANGER)).status == 403
    assert ask(request(7, 5)).status == 400
    assert ask(AddCheckpoint(0, [], b"no note\n")).status == 403
