"""Whatever arrives in whatever batches: one outcome for every record, in order within its key, and a whole chain."""

from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import holds, turn
from pipeline.audit.verify import Verifier
from tests.lane import HOUR, NOW, TOPIC, MemoryLane

VALUES = {
    "small": b'{"amount":1}',
    "large": b'{"amount":9000}',
    "odd": b'{"amount":"?"}',
    "malformed": b'{"amount"',
    "tombstone": None,
}
records = st.lists(
    st.tuples(st.sampled_from([b"a", b"b", None]), st.sampled_from(sorted(VALUES))), min_size=1, max_size=6
)
decisions = st.tuples(st.sampled_from(["ana", "ben", "cem"]), st.integers(0, 30), st.sampled_from(["approve", "deny"]))
steps = st.lists(
    st.one_of(
        records.map(lambda chunk: ("records", chunk)),
        decisions.map(lambda decision: ("decision", decision)),
        st.just(("tick", None)),
    ),
    max_size=25,
)


def run(lane: MemoryLane, script: list[tuple[str, object]]) -> None:
    """Each step ten minutes after the one before; then time goes on until nothing waits."""
    now = NOW
    for kind, what in script:
        now += HOUR // 6
        if kind == "records":
            lane.chunk([(key, VALUES[value]) for key, value in what], at=now, now=now)  # type: ignore[attr-defined]
        elif kind == "decision":
            name, offset, decision = what  # type: ignore[misc]
            lane.messages(lane.sign(name, offset, decision), at=now)
        else:
            lane.tick(now)
    for _ in range(400):
        if not lane.state.waiting():
            return
        now += HOUR
        lane.tick(now)
    raise AssertionError("something waits for good")


@given(steps)
@settings(max_examples=150, deadline=None)
def test_every_record_has_exactly_one_end(script: list[tuple[str, object]]) -> None:
    lane = MemoryLane()
    run(lane, script)
    ends = Counter(
        event["resource"]["record"]
        for event in lane.events()
        if event["type"] in ("record.released", "record.rejected")
    )
    assert ends == Counter({f"{TOPIC}/0/{offset}": 1 for offset in range(lane.offsets.get(TOPIC, 0))})
    released = [event for event in lane.events() if event["type"] == "record.released"]
    assert len(released) == len(lane.clean())
    assert not any(key.startswith((b"pending/", b"queue/", b"drain/")) for key in lane.state.content)


@given(steps)
@settings(max_examples=150, deadline=None)
def test_what_is_released_of_one_key_is_in_the_order_in_which_it_was_written(script: list[tuple[str, object]]) -> None:
    lane = MemoryLane()
    run(lane, script)
    order = defaultdict(list)
    for out in lane.out.get("clean.payments", []):
        order[out.key].append(int(dict(out.headers)["panlock-record-id"].rsplit(b"/", 1)[1]))
    assert all(order[key] == sorted(order[key]) for key in (b"a", b"b"))


@given(steps)
@settings(max_examples=60, deadline=None)
def test_the_chain_is_whole(script: list[tuple[str, object]]) -> None:
    lane = MemoryLane()
    run(lane, script)
    verifier = Verifier(1)
    verifier.first_offsets({0: 0})
    for offset, out in enumerate(lane.out.get("panlock.audit", [])):
        verifier.add(0, offset, out.key, out.value)
    assert verifier.report().ok or not lane.events()


@given(steps)
@settings(max_examples=100, deadline=None)
def test_small_transactions_come_to_the_same_as_large_ones(script: list[tuple[str, object]]) -> None:
    lanes = []
    for bound in (1, 500):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(turn, "STEPS", bound)
            patch.setattr(holds, "STEPS", bound)
            lane = MemoryLane()
            run(lane, script)
            lanes.append(lane)
    few, many = ({event["resource"]["record"]: event["outcome"] for event in lane.events() if "outcome" in event}
                 for lane in lanes)  # fmt: skip
    assert few.keys() == many.keys()
