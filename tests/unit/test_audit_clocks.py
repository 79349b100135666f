"""Clocks that disagree are named, each with its place; those of a minute's difference are not."""

from datetime import UTC, datetime
from typing import NamedTuple

import pytest

from pipeline.audit.clocks import MAX_LISTED, Clocks
from pipeline.audit.events import Chain, EventType, timestamp

NOON = 1_795_521_600_000  # ms


class Row(NamedTuple):
    offset: int
    timestamp: int
    value: bytes | None


def rows(*times: tuple[int, int], **fields: object) -> list[Row]:
    """(the event's time, the broker's), in seconds after noon."""
    chain = Chain(0, "ab" * 32)
    made = [chain.event(EventType.LANE_OPENED, timestamp(NOON + 1000 * said), **fields)[1] for said, _ in times]
    return [
        Row(n, NOON + 1000 * appended, event) for n, (event, (_, appended)) in enumerate(zip(made, times, strict=True))
    ]


def places(clocks: Clocks) -> list[str]:
    return [each.place for each in clocks.found]


def test_an_event_ahead_of_the_broker_or_behind_it_is_named() -> None:
    clocks = Clocks()
    clocks.events("a/0", rows((0, 1), (0, 59), (100, 101), (300, 200), (300, 999)))
    assert places(clocks) == ["a/0/3", "a/0/4"]
    assert "100 s ahead of the broker's 2026-11-24T12:03:20Z" in clocks.found[0].what
    assert "699 s behind the broker's" in clocks.found[1].what


def test_each_batch_of_the_broker_is_looked_at_once_also_over_fetches() -> None:
    clocks = Clocks()
    clocks.events("a/0", rows((0, 500), (0, 500)))
    clocks.events("a/0", rows((0, 500)))
    clocks.events("a/1", rows((0, 500)))
    assert places(clocks) == ["a/0/0", "a/1/0"]


def test_the_events_own_time_counts_and_none_that_it_tells_of() -> None:
    clocks = Clocks()
    clocks.events("a/0", rows((0, 1), actor={"time": "2020-01-01T00:00:00Z"}, proof={"time": "2020-01-01T00:00:00Z"}))
    assert clocks.found == []


@pytest.mark.parametrize(
    "value", [None, b"", b"{}", b'{"time":"yesterday"}', b'{"time":"\xff', b'{"time":"2026-11-24"}']
)
def test_what_has_no_time_is_passed_over(value: bytes | None) -> None:
    clocks = Clocks()
    clocks.events("a/0", [Row(0, NOON, value)])
    assert clocks.found == []


def test_manifests_have_one_order_and_the_brokers_time() -> None:
    clocks = Clocks()
    for said, appended in ((0, 1), (10, 11), (9, 12), (200, 20), (210, 211)):
        clocks.manifest(timestamp(NOON + 1000 * said).decode(), NOON + 1000 * appended)
    assert [each.what.split(" ")[0] for each in clocks.found] == ["comes", "the"]
    clocks.manifest("never", NOON)
    assert len(clocks.found) == 2


def test_a_manifest_is_not_stamped_before_it_is_made() -> None:
    clocks = Clocks()
    time = timestamp(NOON).decode()
    for seconds in (-59, 0, 10_000):
        clocks.stamp(time, datetime.fromtimestamp(NOON / 1000 + seconds, UTC))
    assert clocks.found == []
    clocks.stamp(time, datetime.fromtimestamp(NOON / 1000 - 61, UTC))
    assert "before it was made" in clocks.found[0].what


def test_a_thousand_are_listed_and_the_others_counted() -> None:
    clocks = Clocks()
    clocks.events("a/0", rows(*((0, 100 + n) for n in range(MAX_LISTED + 7))))
    assert (len(clocks.found), clocks.more) == (MAX_LISTED, 7)
