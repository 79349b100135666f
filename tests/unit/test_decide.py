"""`decide` as tables: what a batch comes to."""

from dataclasses import replace

import pytest

from pipeline import holds
from pipeline.record import Reason
from tests.lane import HOUR, NOW, TOPIC, MemoryLane

SMALL, LARGE = b'{"amount":1}', b'{"amount":9000}'
RELEASED, HELD, REJECTED = "record.released", "record.held", "record.rejected"


@pytest.fixture
def lane() -> MemoryLane:
    return MemoryLane()


def test_a_record_is_released_with_panlocks_headers_in_its_own_time(lane: MemoryLane) -> None:
    lane.records(SMALL, headers=(("trace", b"1"), ("panlock-principal", b"forged")), at=NOW - 5)
    (out,) = lane.out["clean.payments"]
    assert (out.key, out.value, out.timestamp) == (b"k", SMALL, NOW - 5)
    assert out.headers == (
        ("trace", b"1"),
        ("panlock-record-id", b"quarantine.payments.checkout/0/0"),
        ("panlock-principal", b"checkout"),
        ("panlock-policy", lane.policy.hash.encode()),
    )


@pytest.mark.parametrize(
    ("headers", "topic", "reason"),
    [
        ((("panlock-identity", b"refunds"),), TOPIC, "identity-mismatch"),
        ((("panlock-identity", None),), TOPIC, "identity-mismatch"),
        ((("panlock-identity", b"checkout"),) * 2, TOPIC, "identity-duplicate"),
        ((), "quarantine.payments.strict", "identity-missing"),
        ((("panlock-identity", b"checkout"),), TOPIC, None),
        ((("panlock-identity", b"strict"),), "quarantine.payments.strict", None),
        ((("x\udcff", b"1"),), TOPIC, "invalid-utf8"),
        ((("4111111111111111", b"1"),), TOPIC, "header-name"),
    ],
)
def test_who_wrote_it(lane: MemoryLane, headers, topic: str, reason: str | None) -> None:  # type: ignore[no-untyped-def]
    lane.records(SMALL, headers=headers, topic=topic)
    assert lane.told() == [(RELEASED, None) if reason is None else (REJECTED, reason)]
    assert bool(lane.clean()) == (reason is None)


def test_a_rejection_tells_its_producer_which_why_and_where_but_not_what(lane: MemoryLane) -> None:
    lane.records(b'{"amount": oops}')
    (out,) = lane.out["panlock.rejections.checkout"]
    assert out.key == b"quarantine.payments.checkout/0/0"
    assert out.value == (
        b'{"v":1,"record":"quarantine.payments.checkout/0/0","reason":"malformed-json","place":"byte 11"}'
    )


def test_a_record_too_large_for_its_clean_topic_is_rejected() -> None:
    lane = MemoryLane()
    lane.context = replace(lane.context, limits={**lane.context.limits, "clean.payments": 400})
    lane.records(b'{"x":"%s"}' % (b"a" * 300), SMALL)
    assert lane.told() == [(REJECTED, "too-large"), (RELEASED, None)]


def test_a_held_record_too_large_for_the_pending_topic_is_rejected() -> None:
    lane = MemoryLane()
    lane.context = replace(lane.context, limits={**lane.context.limits, "panlock.pending": 400})
    lane.records(LARGE)
    assert lane.told() == [(REJECTED, "too-large")] and lane.held() == []


def test_a_large_amount_is_held_and_shown_to_approvers_masked(lane: MemoryLane) -> None:
    lane.records(b'{"amount":9000,"card":{"number":"4111111111111111"}}')
    assert lane.told() == [(HELD, "large")] and lane.clean() == [] and lane.held() == [0]
    (preview,) = lane.previews().values()
    assert preview is not None and b"4111111111111111" not in preview


def test_a_tombstone_is_never_held(lane: MemoryLane) -> None:
    lane.records(None)
    assert lane.told() == [(RELEASED, None)] and lane.clean() == [None]


def test_two_people_release_it_in_the_releases_time(lane: MemoryLane) -> None:
    lane.records(LARGE, at=NOW)
    lane.messages(lane.sign("ana"))
    assert lane.clean() == []
    lane.messages(lane.sign("cem"), at=NOW + 7)
    (out,) = lane.out["clean.payments"]
    assert out.timestamp == NOW + 7 and ("panlock-produced-at", b"%d" % NOW) in out.headers
    assert lane.held() == [] and list(lane.previews().values()) == [None]
    accepted = ("decision.accepted", "seen")
    assert lane.told() == [(HELD, "large"), accepted, accepted, (RELEASED, None)]
    assert lane.events()[-1]["approval"]["people"] == ["ana@pay.example", "cem@pay.example"]


def test_one_denial_ends_it_and_its_producer_is_told(lane: MemoryLane) -> None:
    lane.records(LARGE)
    lane.messages(lane.sign("ana"), lane.sign("cem", decision="deny"))
    assert lane.told()[-1] == (REJECTED, "denied") and lane.held() == []
    assert b'"denied"' in (lane.out["panlock.rejections.checkout"][0].value or b"")


@pytest.mark.parametrize(
    ("signer", "changes", "refusal"),
    [
        ("ben", {}, "owner"),
        ("ops", {}, "wrong-role"),
        ("ana", {"sha256": "1" * 64}, "wrong-hash"),
        ("ana", {"topic_id": "other"}, "wrong-topic"),
        ("ana", {"cluster": "other"}, "wrong-cluster"),
        ("ana", {"record": f"{TOPIC}/0/99"}, "unknown-record"),
        ("ana", {"record": "no record"}, "unknown-record"),
        ("ana", {"record": f"{TOPIC}/0/1"}, "already-decided"),
    ],
)
def test_a_decision_that_does_not_count(lane: MemoryLane, signer: str, changes: dict[str, str], refusal: str) -> None:
    lane.chunk([(b"a", LARGE), (b"b", SMALL)])
    lane.messages(lane.sign(signer, **changes))
    assert lane.told()[-1] == ("decision.refused", refusal) and lane.held() == [0]


def test_a_person_counts_once(lane: MemoryLane) -> None:
    lane.records(LARGE)
    lane.messages(lane.sign("ana"), lane.sign("ana"))
    assert lane.told()[-1] == ("decision.refused", "repeated") and lane.held() == [0]


def test_what_is_no_decision_is_refused(lane: MemoryLane) -> None:
    lane.messages(b"", b"\xff", b"{}", b"a.b.c", lane.sign("ana")[:-4] + b"AAAA")
    assert [event for event, _ in lane.told()] == ["decision.refused"] * 5


def test_an_expiry_fires_on_a_tick_past_it_and_not_before(lane: MemoryLane) -> None:
    lane.records(LARGE)
    lane.tick(NOW + HOUR - 1)
    assert lane.held() == [0]
    lane.tick(NOW + HOUR)
    assert lane.held() == [] and lane.told()[-1] == (REJECTED, "expired")


def test_a_decision_stamped_before_the_expiry_counts_however_late_it_is_read(lane: MemoryLane) -> None:
    lane.records(LARGE)
    lane.messages(lane.sign("ana"), lane.sign("cem"), at=NOW + HOUR - 1, now=NOW + 2 * HOUR)
    assert lane.told()[-1] == (RELEASED, None)


def test_a_decision_stamped_at_the_expiry_is_too_late(lane: MemoryLane) -> None:
    lane.records(LARGE)
    lane.messages(lane.sign("ana"), at=NOW + HOUR)
    assert lane.told()[-1] == ("decision.refused", "expired")


def test_a_tick_is_asked_for_once_a_hold_is_due_by_our_clock(lane: MemoryLane) -> None:
    assert not lane.records(LARGE).ticked
    assert not lane.records(SMALL, key=b"x", now=NOW + HOUR - 1).ticked
    assert lane.records(SMALL, key=b"x", now=NOW + HOUR).ticked
    assert lane.out["panlock.decisions"][-1].value == b'{"v":1,"tick":{"lane":0,"due":%d}}' % (NOW + HOUR)


def test_records_of_one_key_wait_behind_a_held_one_and_others_do_not(lane: MemoryLane) -> None:
    lane.chunk([(b"a", LARGE), (b"a", b'{"n":1}'), (b"b", b'{"n":2}'), (None, b'{"n":3}'), (b"a", None)])
    assert lane.clean() == [b'{"n":2}', b'{"n":3}']
    lane.messages(lane.sign("ana"), lane.sign("cem"))
    assert lane.clean() == [b'{"n":2}', b'{"n":3}', LARGE, b'{"n":1}', None]
    assert not lane.state.waiting()


def test_one_that_waited_is_assessed_when_its_turn_comes(lane: MemoryLane) -> None:
    lane.records(LARGE, b'{"n":1}', LARGE, b'{"n":2}', at=NOW)
    assert lane.held() == [0]
    lane.messages(lane.sign("ana", decision="deny"), at=NOW + HOUR // 2)
    assert lane.clean() == [b'{"n":1}'] and lane.held() == [2]
    lane.tick(NOW + HOUR)
    assert lane.held() == [2], "its own hour began with its turn"
    lane.tick(NOW + HOUR + HOUR // 2)
    assert lane.held() == [] and lane.clean() == [b'{"n":1}', b'{"n":2}']


def test_a_queue_is_bounded(lane: MemoryLane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holds, "QUEUE_LIMIT", 2)
    lane.records(LARGE, SMALL, SMALL, SMALL)
    assert lane.told() == [(HELD, "large"), (REJECTED, "queue-full")]


def test_a_long_queue_is_worked_off_over_several_transactions(lane: MemoryLane) -> None:
    lane.records(LARGE, *[b'{"n":%d}' % n for n in range(1200)])
    lane.messages(lane.sign("ana", decision="deny"))
    assert len(lane.clean()) == 500
    lane.records(b'{"last":1}')
    lane.batch([])
    lane.batch([])
    assert lane.clean() == [b'{"n":%d}' % n for n in range(1200)] + [b'{"last":1}']
    assert not lane.state.waiting() and lane.state.keys(b"drain/", 1) == []


def test_what_lies_before_the_position_is_not_decided_again(lane: MemoryLane) -> None:
    lane.records(SMALL)
    lane.offsets[TOPIC] = 0
    lane.records(SMALL, SMALL)
    assert len(lane.clean()) == 2


def test_the_same_batch_gives_the_same_bytes(lane: MemoryLane) -> None:
    other = MemoryLane()
    for each in (lane, other):
        each.records(SMALL, LARGE, b"{", None)
    assert lane.out == other.out and lane.state.content == other.state.content


def test_a_rule_that_cannot_be_evaluated_holds(lane: MemoryLane) -> None:
    lane.records(b'{"amount":"many"}')
    assert lane.told() == [(HELD, "rule-error")]


def test_enforcement_that_raises_rejects_that_record_alone(lane: MemoryLane) -> None:
    class Poisoned:
        def enforce(self, principal: str, keys: list[object], values: list[bytes], headers: list[object]) -> object:
            if any(b"poison" in value for value in values):
                raise RuntimeError("4111111111111111")
            return lane.context.sources["quarantine.payments.strict"].masker.enforce(principal, keys, values, headers)

    source = replace(lane.context.sources[TOPIC], masker=Poisoned())
    lane.context = replace(lane.context, sources={**lane.context.sources, TOPIC: source})
    lane.records(SMALL, b'"poison"', SMALL)
    assert lane.told() == [(RELEASED, None), (REJECTED, Reason.INTERNAL_ERROR), (RELEASED, None)]
    assert all(b"4111" not in (out.value or b"") for outs in lane.out.values() for out in outs)
