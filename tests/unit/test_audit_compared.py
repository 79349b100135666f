"""A topic's log beside its export: the first difference is named, whatever somebody did to the topic."""

import pytest

from pipeline.audit.compared import Compared
from pipeline.audit.merkle import leaf_hashes
from tests.lane import fetched

EVENTS = [b"event %d" % number for number in range(600)]
LEAVES = leaf_hashes(EVENTS)


def rows(*numbers: int, first: int = 0) -> list:
    return [fetched(first + at, 0, b"3/%d" % number, EVENTS[number], ()) for at, number in enumerate(numbers)]


def compared(records: list, size: int = 500, first: int = 0) -> Compared:
    made = Compared(3, size, first, lambda tile: LEAVES[32 * 256 * tile : 32 * 256 * (tile + 1)])
    made.take(records[:300])
    made.take(records[300:])
    made.end()
    return made


def test_the_same_events_do_not_differ_and_what_is_not_exported_yet_is_counted() -> None:
    found = compared(rows(*range(600)))
    assert (found.differs, found.beyond) == (None, 100)


def test_what_retention_has_cut_is_not_missed() -> None:
    assert compared(rows(*range(400, 600)), first=400).differs is None


def test_a_topic_of_which_nothing_is_left_is_told() -> None:
    found = compared([], first=500)
    assert found.differs is not None and "none of the 500 events left" in found.differs


CHANGED = rows(*range(600))
CHANGED[299] = fetched(299, 0, b"3/299", b"another", ())
TOMBSTONE = rows(*range(600))
TOMBSTONE.append(fetched(600, 0, b"3/7", None, ()))
STRANGER = rows(*range(600))
STRANGER[4] = fetched(4, 0, b"mine", EVENTS[4], ())


@pytest.mark.parametrize(
    ("what", "records"),
    [
        ("event 299 of the topic is not the one", CHANGED),
        ("event 8 comes where 7 is due", rows(*range(7), *range(8, 600))),  # compaction, or somebody, removed one
        ("event 7 is there again", TOMBSTONE),
        ("no event where event 4 is due", STRANGER),
        ("ends before event 450", rows(*range(450))),  # cut off, rolled back
        ("ends before event 0", []),  # made anew
        ("event 5 comes where 0 is due", rows(*range(5, 600))),
    ],
)
def test_the_first_difference_is_named(what: str, records: list) -> None:
    found = compared(records)
    assert found.differs is not None and what in found.differs
