"""What witnesses have cosigned is compared with the events, wherever between two checkpoints it lies."""

import pytest

from pipeline.audit.checkpoint import Checkpoint
from pipeline.audit.merkle import Tree, leaf_hash
from pipeline.audit.verify import Report, Verifier
from tests.unit.test_audit_verify import Row, chain

EVENTS = chain(0, 9)


def checkpoint(size: int) -> Checkpoint:
    leaves = b"".join(leaf_hash(event or b"") for _, event in EVENTS[:size])
    return Checkpoint("c/panlock.audit/0", size, Tree().append(leaves).root)


def replayed(cosigned: Checkpoint, sealed: int, fetch: int) -> tuple[Report, int]:
    """The log in fetches of so many events."""
    verifier = Verifier(1, None, {0: checkpoint(sealed)}, {0: cosigned})
    verifier.first_offsets({0: 0})
    rows = [Row(n, key, value) for n, (key, value) in enumerate(EVENTS)]
    for at in range(0, len(rows), fetch):
        verifier.add_all(0, rows[at : at + fetch])
    return verifier.report(), verifier.witnessed


@pytest.mark.parametrize("fetch", [1, 2, 4, 9])
@pytest.mark.parametrize("size", [1, 4, 7, 8])
def test_what_witnesses_know_is_proven_up_to_there(size: int, fetch: int) -> None:
    report, witnessed = replayed(checkpoint(size), 8, fetch)
    assert (report.ok, report.sealed, witnessed) == (True, 8, size)


@pytest.mark.parametrize("fetch", [1, 4, 9])
def test_another_history_than_the_witnesses_is_named(fetch: int) -> None:
    other = Checkpoint("c/panlock.audit/0", 5, bytes(32))
    report, witnessed = replayed(other, 8, fetch)
    assert (report.ok, witnessed) == (False, 0)
    (trouble,) = report.troubles["seals"]
    assert (trouble.seq, "two histories: the first 5 events" in trouble.what) == (4, True)


def test_a_log_that_was_rolled_back_behind_its_witnesses_is_named() -> None:
    report, witnessed = replayed(checkpoint(9), 8, 4)
    assert (report.ok, witnessed) == (False, 0)
    assert "rolled back: witnesses have cosigned 9 events" in report.troubles["seals"][0].what
