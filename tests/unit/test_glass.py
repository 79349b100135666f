"""Break-glass in a lane: two hardware-held keys, one record and its bytes, an alarm until a third person's review."""

import copy
import time
import uuid
from typing import Any

import pytest

from pipeline.approval.decision import Denial, sign_message
from pipeline.approval.glass import ALARM_PREFIX, Alarm, AlarmError, GlassBreak, GlassReview
from pipeline.approval.pending import Pending
from pipeline.policy import PolicyError, parse_policy
from pipeline.policy.explain import explain
from pipeline.state import payload
from tests.lane import HOUR, KEYS, NOW, POLICY, TOPIC, MemoryLane, jwk
from tests.sessions import OBSERVED, session
from tests.sessions import POLICY as SESSION_POLICY

LARGE = b'{"amount":9000.0}'
REFUSED = "decision.refused"


def hardware(policy: str, *names: str) -> str:
    for name in names:
        policy = policy.replace(jwk(name), jwk(name).replace("{", '{"hardware": true, ', 1))
    return policy


PEOPLE = f"""
  dee@pay.example: {{certificate: dee, roles: [duty], keys: [{jwk("dee")}]}}
  eve@pay.example: {{certificate: eve, roles: [duty, reviewers], keys: [{jwk("eve")}]}}
break_glass: {{roles: [duty], reviewers: [reviewers]}}
flows:
"""
BASE = (
    POLICY.replace("\nflows:\n", PEOPLE)
    .replace("certificate: opal, roles: [operators]", "certificate: opal, roles: [operators, reviewers]")
    .replace(
        "certificate: ana, roles: [payments-approvers]", "certificate: ana, roles: [payments-approvers, reviewers]"
    )
    .replace("certificate: ben, roles: [payments-approvers]", "certificate: ben, roles: [payments-approvers, duty]")
    .replace("certificate: cem, roles: [payments-approvers]", "certificate: cem, roles: [payments-approvers, duty]")
)
GLASS = hardware(BASE, "ben", "dee", "eve", "ana")  # cem's key is in no hardware


def lane_of(policy: str = GLASS, value: bytes = LARGE) -> MemoryLane:
    lane = MemoryLane(policy)
    lane.records(value)
    return lane


def signature(lane: MemoryLane, name: Any, at: int = NOW, **changes: Any) -> bytes:
    record = f"{TOPIC}/0/0"
    value = lane.state.get(b"pending/" + record.encode())
    sha256 = Pending.decode(payload(value)).sha256 if value else "0" * 64
    good = {"cluster": "cluster", "topic_id": "uuid", "record": record, "sha256": sha256, "reason": "the till is down",
            "jti": uuid.uuid4().hex, "iat": at // 1000, **changes}  # fmt: skip
    return sign_message(KEYS[name] if isinstance(name, str) else name, GlassBreak(**good))


def say(lane: MemoryLane, raw: bytes, at: int = NOW, observed: Any = None) -> list[tuple[str, str | None]]:
    before = len(lane.events())
    lane.messages(raw, at=at, observed=observed)
    return lane.told()[before:]


def reviewed(lane: MemoryLane, name: Any, /, **changes: Any) -> list[tuple[str, str | None]]:
    alarm = next(each for each in lane.events() if each["type"] == "break-glass.used")
    good = {"cluster": "cluster", "lane": 0, "record": f"{TOPIC}/0/0", "event": alarm["id"], "reason": "was right",
            "jti": uuid.uuid4().hex, "iat": int(time.time()), **changes}  # fmt: skip
    key = KEYS[name] if isinstance(name, str) else name
    return say(lane, sign_message(key, GlassReview(**good)), observed=OBSERVED)


def alarm_of(lane: MemoryLane) -> Alarm | None:
    shown = lane.previews().get(ALARM_PREFIX + f"{TOPIC}/0/0".encode())
    return None if shown is None else Alarm.decode(shown)


def test_two_hardware_held_keys_release_one_record_and_open_an_alarm() -> None:
    lane = lane_of()
    assert say(lane, signature(lane, "dee")) == [("break-glass.signed", "the till is down")]
    assert lane.clean() == [] and lane.held() == [0]
    told = say(lane, signature(lane, "eve"), at=NOW + HOUR // 2 - 1)
    assert told == [(REFUSED, "expired")]  # signed half an hour before it came
    at = NOW + HOUR // 2
    told = say(lane, signature(lane, "eve", at), at=at)
    assert told == [("break-glass.signed", "the till is down"), ("break-glass.used", None),
                    ("record.released", "released-by-break-glass")]  # fmt: skip
    assert lane.clean() == [LARGE] and lane.held() == []
    events = lane.events()
    people = ["dee@pay.example", "eve@pay.example"]
    assert events[-1]["approval"] == {"rule": "large", "people": people, "alarm": events[-2]["id"]}
    signed = [each for each in events if each["type"] == "break-glass.signed"]
    assert events[-2]["approval"] == {"rule": "large", "people": people, "signed": [each["id"] for each in signed]}
    assert all(each["proof"]["message"].count(".") == 2 for each in signed)
    alarm = alarm_of(lane)
    assert alarm is not None and (alarm.people, alarm.event, alarm.time) == (tuple(people), events[-2]["id"], at)
    assert lane.effects.outcomes["payments", "released", "released-by-break-glass"] == 1


@pytest.mark.parametrize(
    ("who", "changes", "reason"),
    [
        ("eve", {"cluster": "another"}, "wrong-cluster"),
        ("eve", {"topic_id": "another"}, "wrong-topic"),
        ("eve", {"sha256": "0" * 64}, "wrong-hash"),
        ("eve", {"record": f"{TOPIC}/0/7"}, "unknown-record"),
        ("eve", {"record": "nonsense"}, "unknown-record"),
        ("eve", {"at": NOW - 15 * 60_000 - 1000}, "expired"),
        ("eve", {"at": NOW + 61_000}, "expired"),
        ("ana", {}, "wrong-role"),
        ("cem", {}, "key-not-hardware"),
        ("ben", {}, "owner"),
        ("dee", {}, "repeated"),
    ],
    ids=str,
)
def test_a_second_signature_that_does_not_count_says_why(who: str, changes: dict[str, Any], reason: str) -> None:
    lane = lane_of()
    say(lane, signature(lane, "dee"))
    assert say(lane, signature(lane, who, **changes)) == [(REFUSED, reason)]
    assert lane.held() == [0] and lane.clean() == []


def test_an_unregistered_key_and_a_replay_count_for_nothing() -> None:
    lane = lane_of()
    first = signature(lane, "dee")
    say(lane, first)
    assert say(lane, first) == [(REFUSED, "repeated")]
    assert say(MemoryLane(POLICY), signature(lane, "eve")) == [(REFUSED, "unknown-key")]
    say(lane, signature(lane, "eve"))
    assert say(lane, first) == [(REFUSED, "already-decided")]


def test_a_session_is_no_hardware_held_key() -> None:
    issuers = SESSION_POLICY[SESSION_POLICY.index("issuers:") : SESSION_POLICY.index("flows:")]
    policy = GLASS.replace("\nflows:\n", f"\n{issuers}flows:\n")
    policy = policy.replace("        quorum: 2\n", "        quorum: 2\n        requester: $.by\n")
    lane = lane_of(policy, b'{"amount":9000.0,"by":"zoe@pay.example"}')
    someone = session("dee@pay.example", groups=["duty"])
    assert say(lane, signature(lane, someone), observed=OBSERVED)[-1] == (REFUSED, "key-not-hardware")


def test_without_break_glass_in_the_policy_nobody_breaks_it() -> None:
    lane = lane_of(GLASS.replace("break_glass: {roles: [duty], reviewers: [reviewers]}\n", ""))
    assert say(lane, signature(lane, "dee")) == [(REFUSED, "wrong-role")]


@pytest.mark.parametrize(("by", "reason"), [(b'"EVE@pay.example"', "requester"), (b'""', "requester")])
def test_who_asked_for_it_does_not_count(by: bytes, reason: str) -> None:
    policy = GLASS.replace("        quorum: 2\n", "        quorum: 2\n        requester: $.by\n")
    lane = lane_of(policy, b'{"amount":9000.0,"by":%s}' % by)
    assert say(lane, signature(lane, "eve")) == [(REFUSED, reason)]


def test_after_an_hour_the_first_signature_is_none_and_the_second_is_a_first() -> None:
    lane = lane_of(GLASS.replace("expires: 1h", "expires: 4h"))
    say(lane, signature(lane, "dee"))
    late = NOW + HOUR
    assert say(lane, signature(lane, "eve", late), at=late)[0][0] == "break-glass.signed"
    assert lane.held() == [0]
    assert say(lane, signature(lane, "dee", late), at=late)[-1] == ("record.released", "released-by-break-glass")


def test_after_the_holds_end_nobody_breaks_it() -> None:
    lane = lane_of(GLASS.replace("expires: 1h", "expires: 30m"))
    late = NOW + HOUR // 2
    assert say(lane, signature(lane, "dee", late), at=late) == [(REFUSED, "expired")]


def test_a_denied_persons_signature_is_no_part_of_it() -> None:
    lane = lane_of()
    say(lane, signature(lane, "dee"))
    denial = Denial("cluster", 0, "person", "dee@pay.example", "deny", "a test", "jti-a", NOW // 1000)
    say(lane, sign_message(KEYS["ops"], denial))
    assert [kind for kind, _ in say(lane, signature(lane, "eve"))] == ["break-glass.signed"]
    assert lane.held() == [0]


def test_an_approval_is_no_signature_and_a_denial_ends_the_hold_all_the_same() -> None:
    lane = lane_of()
    say(lane, signature(lane, "dee"))
    lane.messages(lane.sign("ana"))
    assert lane.held() == [0]
    lane.messages(lane.sign("cem", decision="deny"))
    assert lane.told()[-1] == ("record.rejected", "denied")
    assert say(lane, signature(lane, "eve")) == [(REFUSED, "already-decided")]


def test_what_waits_behind_it_goes_on() -> None:
    lane = lane_of()
    lane.records(b'{"amount":1}')
    say(lane, signature(lane, "dee"))
    say(lane, signature(lane, "eve"))
    assert lane.clean() == [LARGE, b'{"amount":1}']


def released() -> MemoryLane:
    lane = lane_of()
    say(lane, signature(lane, "dee"))
    say(lane, signature(lane, "eve"))
    return lane


@pytest.mark.parametrize(
    ("who", "changes", "reason"),
    [
        ("eve", {}, "repeated"),
        ("cem", {}, "wrong-role"),
        ("ops", {"cluster": "another"}, "wrong-cluster"),
        ("ops", {"lane": 1}, "unknown-record"),
        ("ops", {"event": "0/0"}, "unknown-record"),
        ("ops", {"record": f"{TOPIC}/0/7"}, "unknown-record"),
    ],
    ids=str,
)
def test_the_alarm_stays_open_for_whoever_may_not_close_it(who: str, changes: dict[str, Any], reason: str) -> None:
    lane = released()
    assert reviewed(lane, who, **changes) == [(REFUSED, reason)]
    assert alarm_of(lane) is not None


def test_a_third_persons_review_closes_the_alarm_once() -> None:
    lane = released()
    assert reviewed(lane, "ops") == [("break-glass.reviewed", "was right")]
    event = lane.events()[-1]
    assert event["alarm"] == next(each["id"] for each in lane.events() if each["type"] == "break-glass.used")
    assert alarm_of(lane) is None
    assert reviewed(lane, "ana") == [(REFUSED, "unknown-record")]


def test_signature_and_alarm_survive_in_the_lanes_state_alone() -> None:
    lane = lane_of()
    say(lane, signature(lane, "dee"))
    again = MemoryLane(GLASS)
    again.state, again.offsets = copy.deepcopy(lane.state), dict(lane.offsets)
    assert say(again, signature(again, "eve"))[-1] == ("record.released", "released-by-break-glass")
    third = MemoryLane(GLASS)
    third.state, third.offsets = copy.deepcopy(again.state), dict(again.offsets)
    third.out["panlock.audit"] = again.out["panlock.audit"]
    assert reviewed(third, "ops") == [("break-glass.reviewed", "was right")]
    assert not third.state.keys(b"glass/", 1)


def test_an_alarm_that_was_altered_is_told() -> None:
    encoded = alarm_of(released()).encode()  # type: ignore[union-attr]
    for broken in (b"{}", b"\xff", encoded.replace(b'"v":1', b'"v":2'), encoded.replace(b'"rule"', b'"rules"')):
        with pytest.raises(AlarmError):
            Alarm.decode(broken)


@pytest.mark.parametrize(
    ("old", "new", "field", "what"),
    [
        ("reviewers: [reviewers]", "reviewers: [nobody]", "break_glass.reviewers", "leaves nobody to review"),
        ("roles: [operators, reviewers]", "roles: [operators]", None, ""),
        ('"hardware": true, ', '"hardware": false, ', "people.ana@pay.example.keys[0]", "hardware is not true"),
        ("roles: [duty], reviewers", "role: [duty], reviewers", "break_glass.role", "is no key of a policy"),
    ],
)
def test_a_policy_under_which_it_could_not_work_is_refused(old: str, new: str, field: str | None, what: str) -> None:
    text = GLASS.replace(old, new, 1)
    if field is None:
        assert parse_policy(text, "p").break_glass is not None
        return
    with pytest.raises(PolicyError) as refused:
        parse_policy(text, "p")
    assert any(each.field == field and what in each.what for each in refused.value.problems)


def test_a_policy_whose_two_could_be_all_its_reviewers_is_refused() -> None:
    alone = GLASS.replace("operators, reviewers]", "operators]").replace(
        "payments-approvers, reviewers]", "payments-approvers]"
    )
    with pytest.raises(PolicyError, match="leaves nobody to review"):
        parse_policy(alone, "p")


def test_the_policy_in_sentences_tells_of_it() -> None:
    told = " ".join(explain(parse_policy(GLASS, "p")))
    assert "two of ben@pay.example, cem@pay.example, dee@pay.example, eve@pay.example release a held record" in told
