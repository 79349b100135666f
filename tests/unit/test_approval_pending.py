"""Pending records: pinned bytes, and back again."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.approval.pending import VOTE_BYTES, Broken, Pending, PendingError, Vote
from pipeline.record import record_sha256
from tests.vectors.decision.people import pending

VECTOR = (Path(__file__).parents[1] / "vectors/decision/pending.json").read_bytes().strip()
VOTE = Vote("ana@pay.example", "checked with the customer", "5f0c9f0e", 1_795_493_000_000, "ab" * 32)


def test_its_bytes_never_change() -> None:
    assert pending(votes=(VOTE,), more=b'{"pan":3}').encode() == VECTOR


def test_it_reads_back_whole() -> None:
    held = pending(votes=(VOTE,), more=b'{"pan":3}')
    assert Pending.decode(VECTOR) == held
    assert record_sha256(held.key, held.value, held.headers) == held.sha256


@pytest.mark.parametrize("changes", [{"key": None}, {"value": None}, {"headers": ()}, {"masking": b"[]"}])
def test_null_and_empty_are_told_apart(changes: dict) -> None:
    assert Pending.decode(pending(**changes).encode()) == pending(**changes)


def _without(name: str) -> bytes:
    return json.dumps({key: value for key, value in json.loads(VECTOR).items() if key != name}).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{", b"[]", b"null", b'"x"', b"\xff",
        VECTOR.replace(b'"v":1', b'"v":2'),
        VECTOR.replace(b'"votes":[{', b'"votes":[{"extra":1,'),
        VECTOR.replace(b'"key":"', b'"key":"!'),
        *[_without(name) for name in ("v", "record", "headers", "votes", "masking_more")],
    ],
)  # fmt: skip
def test_anything_else_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(PendingError):
        Pending.decode(data)


def test_the_largest_form_has_room_for_every_vote() -> None:
    held = pending(quorum=100)
    vote = Vote("\N{GRINNING FACE}" * 254, '\N{GRINNING FACE}"' * 250, "\N{GRINNING FACE}" * 64, 2**52, "a" * 64)
    voted = replace(held, votes=(vote,) * 100)
    assert len(voted.encode()) <= held.largest() == len(held.encode()) + 101 * VOTE_BYTES
    broken = replace(voted, glass=Broken(vote.person, vote.reason, vote.jti, 2**52, "511/9007199254740991"))
    assert len(broken.encode()) <= held.largest() and Pending.decode(broken.encode()) == broken
