"""Ways to lose, double or block a record that a review found; each stays shut."""

from dataclasses import replace

from pipeline.audit.events import EventType
from pipeline.enforce import enforce
from pipeline.opening import Bounds, lost, opened
from pipeline.state import STOPPED, Loss, decode_position, decode_stopped, next_key
from tests.lane import HOUR, NOW, TOPIC, MemoryLane

SMALL, LARGE = b'{"amount":1}', b'{"amount":9000}'


def position(lane: MemoryLane) -> int | None:
    return decode_position(lane.state.get(next_key(TOPIC, 0)))


def test_a_position_never_goes_back() -> None:
    lane = MemoryLane()
    lane.records(SMALL, SMALL, SMALL)
    lane.batch([enforce(lane.context.sources[TOPIC], 0, [], 1)])
    assert position(lane) == 3


def test_a_held_record_whose_id_comes_again_from_a_recreated_topic_stays_held() -> None:
    lane = MemoryLane()
    lane.records(LARGE, SMALL, key=b"a")
    lane.context = replace(lane.context, topic_ids={**lane.context.topic_ids, TOPIC: "another"})
    lane.state.content.pop(next_key(TOPIC, 0))
    lane.offsets[TOPIC] = 0
    lane.records(LARGE, key=b"b")
    assert lane.told()[-1] == ("record.rejected", "internal-error")
    lane.messages(lane.sign("ana"), lane.sign("cem"))
    assert lane.clean() == [LARGE, SMALL]
    assert not lane.state.waiting()


def test_one_that_waited_keeps_the_topic_it_came_from() -> None:
    lane = MemoryLane()
    lane.records(LARGE, LARGE, key=b"a")
    lane.context = replace(lane.context, topic_ids={})
    lane.tick(NOW + HOUR)
    lane.messages(lane.sign("ana", 1), lane.sign("cem", 1), at=NOW + HOUR + 1)
    assert lane.clean() == [LARGE]


def test_a_log_cut_off_below_the_position_is_told_once_and_goes_on_where_it_ended_first() -> None:
    lane = MemoryLane()
    lane.records(*[SMALL] * 10)
    alarms = []
    for end in (4, 6, 8):
        inputs = {(TOPIC, 0): Bounds(0, end)}
        effects = opened(lane.state, lane.context, NOW, inputs, None)
        lane.state.apply(effects)
        alarms += [out for out in effects.sends[("panlock.audit", 0)] if b"records.lost" in (out.value or b"")]
    stopped = decode_stopped(lane.state.get(STOPPED))
    assert len(alarms) == 1
    assert stopped is not None
    assert stopped.losses == (Loss(TOPIC, 0, 10, 4),)


def test_what_is_removed_later_still_adds_to_the_alarm() -> None:
    lane = MemoryLane()
    lane.records(SMALL)
    for to in (5, 5, 9):
        lane.state.apply(lost(lane.state, lane.context, NOW, [Loss(TOPIC, 0, 1, to)]))
    stopped = decode_stopped(lane.state.get(STOPPED))
    assert stopped is not None
    assert [loss.to for loss in stopped.losses] == [5, 9]


def test_a_kernel_that_fails_on_one_that_waited_rejects_that_one() -> None:
    class Failing:
        def assess(self, *_: object) -> object:
            raise RuntimeError("4111111111111111")

    lane = MemoryLane()
    lane.records(LARGE, SMALL)
    source = replace(lane.context.sources[TOPIC], masker=Failing())  # type: ignore[arg-type]
    lane.context = replace(lane.context, sources={**lane.context.sources, TOPIC: source})
    lane.tick(NOW + HOUR)
    assert lane.told()[-1] == (EventType.RECORD_REJECTED, "internal-error")
    assert not lane.state.waiting()


def test_a_record_without_a_key_does_not_go_to_a_compacted_topic() -> None:
    lane = MemoryLane()
    lane.context = replace(lane.context, compacted=frozenset({"clean.payments"}))
    lane.chunk([(None, SMALL), (None, LARGE), (b"k", SMALL), (b"k", None)])
    missing = ("record.rejected", "key-missing")
    assert lane.told() == [missing, missing, ("record.released", None), ("record.released", None)]
