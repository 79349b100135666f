"""Whole lanes to members of the group: every lane once, balanced, sticky, spares allowed, subscriptions may differ."""

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.coordinator.protocol import ConsumerProtocolMemberMetadata
from faust.assignor.client_assignment import ClientAssignment, ClientMetadata
from hypothesis import given
from hypothesis import strategies as st

from agents.assignor import lane_assignor, share


@pytest.mark.parametrize(
    ("lanes", "owned", "expected"),
    [
        pytest.param(2, {"a": []}, {"a": [0, 1]}, id="one takes all"),
        pytest.param(4, {"a": [0, 1, 2, 3], "b": []}, {"a": [0, 1], "b": [2, 3]}, id="one that joins gets its share"),
        pytest.param(4, {"a": [1, 3], "b": [0, 2]}, {"a": [1, 3], "b": [0, 2]}, id="nothing moves without need"),
        pytest.param(4, {"b": [2, 3], "c": [0]}, {"b": [2, 3], "c": [0, 1]}, id="a dead member's go to the one below"),
        pytest.param(2, {"a": [0], "b": [1], "c": []}, {"a": [0], "b": [1], "c": []}, id="a spare"),
        pytest.param(2, {"a": [0, 1], "b": [0, 1]}, {"a": [0], "b": [1]}, id="two claims of the same lanes"),
        pytest.param(2, {"a": [7, 0], "b": []}, {"a": [0], "b": [1]}, id="a lane that there is not"),
        pytest.param(4, {"a": [0, 1], "b": [2, 3], "c": []}, {"a": [0, 1], "b": [2], "c": [3]}, id="a third of four"),
        pytest.param(3, {"a": [0, 1, 2], "b": []}, {"a": [0, 1], "b": [2]}, id="an odd one stays"),
    ],
)
def test_share(lanes: int, owned: dict[str, list[int]], expected: dict[str, list[int]]) -> None:
    assert share(lanes, owned) == expected


OWNED = st.dictionaries(st.sampled_from("abcdefghij"), st.lists(st.integers(0, 20), max_size=12), min_size=1)


@given(st.integers(1, 16), OWNED)
def test_every_lane_has_one_member_and_no_member_two_more_than_another(lanes: int, owned: dict[str, list[int]]) -> None:
    shares = share(lanes, owned)
    assert sorted(lane for mine in shares.values() for lane in mine) == list(range(lanes))
    assert set(shares) == set(owned)
    assert max(map(len, shares.values())) - min(map(len, shares.values())) <= 1


@given(st.integers(1, 16), OWNED)
def test_a_second_look_moves_nothing(lanes: int, owned: dict[str, list[int]]) -> None:
    shares = share(lanes, owned)
    assert {member: sorted(mine) for member, mine in share(lanes, shares).items()} == {
        member: sorted(mine) for member, mine in shares.items()
    }


@given(st.integers(1, 16), OWNED, st.data())
def test_a_lane_moves_only_from_the_dead_or_above_the_fair_share(
    lanes: int, owned: dict[str, list[int]], data: st.DataObject
) -> None:
    before = share(lanes, owned)
    dead = data.draw(st.sampled_from(sorted(before)))
    living = {member: mine for member, mine in before.items() if member != dead} or {"new": []}
    after = share(lanes, living)
    assert all(set(before.get(member, [])) <= set(after[member]) for member in living)


def _member(subscription: list[str], owned: dict[str, list[int]]) -> ConsumerProtocolMemberMetadata:
    metadata = ClientMetadata(
        assignment=ClientAssignment(actives=owned, standbys={}),
        url="http://host",
        changelog_distribution={},
        external_topic_distribution={},
        topic_groups={},
    )
    return ConsumerProtocolMemberMetadata(0, subscription, metadata.dumps())


def _assign(lanes: int, topics: dict[str, int], members: dict[str, Any]) -> dict[str, dict[str, list[int]]]:
    app = SimpleNamespace(tables=SimpleNamespace(changelog_topics=set()))
    cluster = SimpleNamespace(partitions_for_topic=lambda name: set(range(topics[name])) if name in topics else None)
    assigned = lane_assignor(lanes)(app)._perform_assignment(cluster, members)
    return {member: dict(each.assignment) for member, each in assigned.items()}


def test_a_lane_is_every_partition_that_is_its_number_modulo_the_lanes() -> None:
    assigned = _assign(2, {"q": 5, "d": 2}, {"a": _member(["q", "d"], {}), "b": _member(["q", "d"], {})})
    assert assigned == {"a": {"q": [0, 2, 4], "d": [0]}, "b": {"q": [1, 3], "d": [1]}}


def test_differing_subscriptions_keep_a_lane_whole() -> None:
    """A rolling policy change: one member knows a topic more. Its partitions of the other's lane wait."""
    members = {"new": _member(["q", "q2", "d"], {}), "old": _member(["q", "d"], {"q": [1, 3], "d": [1]})}
    assigned = _assign(2, {"q": 4, "q2": 4, "d": 2}, members)
    assert assigned["old"] == {"q": [1, 3], "d": [1]}
    assert assigned["new"] == {"q": [0, 2], "q2": [0, 2], "d": [0]}


def test_a_topic_that_is_not_there_yet_is_no_obstacle() -> None:
    assert _assign(2, {"q": 2}, {"a": _member(["q", "missing"], {})})["a"] == {"q": [0, 1], "missing": []}
