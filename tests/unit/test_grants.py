"""Grants in a lane: who opens one, what passes under it, and what is held as ever."""

import copy
import uuid
from dataclasses import replace
from typing import Any

import pytest

from pipeline.approval.decision import Denial, sign_message
from pipeline.approval.grant import Grant, GrantError, Terms
from tests.granting import MINUTE, proposal, word
from tests.lane import HOUR, KEYS, NOW, POLICY, MemoryLane, jwk
from tests.sessions import NOW as SESSION_NOW
from tests.sessions import OBSERVED, session
from tests.sessions import POLICY as SESSION_POLICY

GRANTING = POLICY.replace("partitions: 1", "partitions: 1\n    ordering: none").replace(
    "  ops@pay",
    f"  dee@pay.example: {{certificate: dee, roles: [payments-approvers], keys: [{jwk('dee')}]}}\n  ops@pay",
)
ONE, MUCH, SMALL = b'{"amount":9000.0}', b'{"amount":9999.0}', b'{"amount":1}'
RELEASED, HELD = ("record.released", "released-by-grant"), ("record.held", "large")
REFUSED = "decision.refused"


def lane_of(policy: str = GRANTING) -> MemoryLane:
    return MemoryLane(policy)


def say(lane: MemoryLane, name: Any, message: Any, at: int = NOW, observed: Any = None) -> tuple[str, str | None]:
    lane.messages(sign_message(KEYS[name] if isinstance(name, str) else name, message), at=at, observed=observed)
    return lane.told()[-1]


def opened(lane: MemoryLane, **changes: Any) -> Terms:
    """A grant by ben, who owns checkout, that ana and cem have approved."""
    terms = proposal(lane.policy, **{"until": NOW + HOUR, **changes})
    assert say(lane, "ben", terms)[0] == "grant.proposed"
    assert say(lane, "ana", word(terms))[0] == "grant.approved"
    assert say(lane, "cem", word(terms))[0] == "grant.opened"
    return terms


def grant_of(lane: MemoryLane, terms: Terms) -> Grant:
    return lane_grants(lane)[terms.id]


def lane_grants(lane: MemoryLane) -> dict[str, Grant]:
    """As `panlock grant list` sees them."""
    shown = {key: value for key, value in lane.previews().items() if key is not None and key.startswith(b"grant/")}
    return {key.decode()[6:]: Grant.decode(value) for key, value in shown.items() if value is not None}


def since(lane: MemoryLane, before: int) -> list[tuple[str, str | None]]:
    return lane.told()[before:]


def pass_by(lane: MemoryLane, *values: bytes, **how: Any) -> list[tuple[str, str | None]]:
    before = len(lane.events())
    lane.records(*values, **how)
    return since(lane, before)


def test_a_record_that_matches_passes_and_its_event_names_the_grant() -> None:
    lane = lane_of()
    terms = opened(lane)
    assert pass_by(lane, ONE, at=NOW - 5) == [RELEASED]
    (out,) = lane.out["clean.payments"]
    assert (out.value, out.timestamp) == (ONE, NOW - 5)
    assert "panlock-produced-at" not in dict(out.headers)
    event = lane.events()[-1]
    assert event["outcome"] == "released"
    opening = next(each for each in lane.events() if each["type"] == "grant.opened")
    assert event["approval"] == {
        "rule": "large", "grant": terms.id, "opened": opening["id"], "people": ["ana@pay.example", "cem@pay.example"],
    }  # fmt: skip
    assert lane.effects.outcomes["payments", "released", "released-by-grant"] == 1


def test_the_audit_holds_what_was_signed_once_and_no_release_repeats_it() -> None:
    lane = lane_of()
    terms = opened(lane)
    pass_by(lane, ONE, ONE)
    events = {each["id"]: each for each in lane.events()}
    opening = next(each for each in events.values() if each["type"] == "grant.opened")
    evidence = [opening["approval"]["proposed"], *opening["approval"]["approved"]]
    assert [events[id_]["actor"]["person"][:3] for id_ in evidence] == ["ben", "ana", "cem"]
    assert all(events[id_]["proof"]["message"].count(".") == 2 for id_ in evidence)
    assert all(events[id_]["resource"]["grant"] == terms.id for id_ in evidence)
    assert opening["grant"]["when"] == terms.when and opening["grant"]["records"] == 3
    assert not any("proof" in each for each in events.values() if each["type"] == "record.released")


def test_before_the_quorum_and_with_another_condition_it_is_held_as_ever() -> None:
    lane = lane_of()
    terms = proposal(lane.policy, until=NOW + HOUR)
    say(lane, "ben", terms)
    assert pass_by(lane, ONE) == [HELD]
    say(lane, "ana", word(terms))
    assert pass_by(lane, ONE) == [HELD]
    say(lane, "cem", word(terms))
    assert pass_by(lane, ONE, MUCH) == [RELEASED, HELD]


def test_a_lane_lets_so_many_pass_and_no_more() -> None:
    lane = lane_of()
    terms = opened(lane, records=2)
    assert pass_by(lane, ONE, ONE, ONE) == [RELEASED, RELEASED, HELD]
    assert pass_by(lane, ONE) == [HELD]
    assert grant_of(lane, terms).used == 2


def test_a_record_written_at_its_end_or_later_is_held_and_one_before_passes_whenever_it_is_read() -> None:
    lane = lane_of()
    terms = opened(lane)
    assert pass_by(lane, ONE, at=terms.until) == [HELD]
    assert pass_by(lane, ONE, at=terms.until - 1, now=terms.until + 10 * MINUTE) == [RELEASED]


def test_released_records_keep_their_order_in_a_chunk() -> None:
    lane = lane_of()
    opened(lane)
    lane.records(SMALL, ONE, b'{"amount":2}', ONE, b'{"amount":3}')
    assert lane.clean() == [SMALL, ONE, b'{"amount":2}', ONE, b'{"amount":3}']


def test_what_waits_behind_a_held_record_passes_in_its_turn() -> None:
    lane = lane_of(GRANTING.replace("\n    ordering: none", ""))
    lane.records(MUCH)
    opened(lane)
    lane.records(ONE, SMALL)
    assert lane.clean() == []
    at = NOW + MINUTE
    lane.messages(lane.sign("ana"), lane.sign("cem"), at=at)
    assert lane.clean() == [MUCH, ONE, SMALL]
    waited = lane.out["clean.payments"][1]
    assert waited.timestamp == at and dict(waited.headers)["panlock-produced-at"] == b"%d" % NOW


@pytest.mark.parametrize("said", ["ana", "cem", "dee", "ben"], ids=str)
def test_any_approver_or_its_author_revokes_it_from_there_on(said: str) -> None:
    lane = lane_of()
    terms = opened(lane)
    assert pass_by(lane, ONE) == [RELEASED]
    assert say(lane, said, word(terms, "revoke"))[0] == "grant.revoked"
    assert lane.events()[-1]["used"] == 1
    assert pass_by(lane, ONE, at=NOW - 1) == [HELD]


def test_what_is_only_proposed_is_denied_by_one_word() -> None:
    lane = lane_of()
    terms = proposal(lane.policy, until=NOW + HOUR)
    say(lane, "ben", terms)
    say(lane, "ana", word(terms))
    assert say(lane, "dee", word(terms, "revoke"))[0] == "grant.revoked"
    for name, said in (("cem", "approve"), ("cem", "revoke")):
        assert say(lane, name, word(terms, said)) == (REFUSED, "already-decided")
    assert pass_by(lane, ONE) == [HELD]


def test_a_grant_that_is_revoked_stays_so_whatever_is_sent_again() -> None:
    lane = lane_of()
    terms = proposal(lane.policy, until=NOW + HOUR)
    words = [sign_message(KEYS["ben"], terms), *(sign_message(KEYS[name], word(terms)) for name in ("ana", "cem"))]
    lane.messages(*words)
    say(lane, "dee", word(terms, "revoke"))
    before = len(lane.events())
    lane.messages(*words)
    assert since(lane, before) == [(REFUSED, "repeated"), (REFUSED, "already-decided"), (REFUSED, "already-decided")]
    before, late = len(lane.events()), terms.until + 2 * HOUR  # the lane has forgotten it
    say(lane, "ben", proposal(lane.policy, until=late + HOUR), at=late)
    assert terms.id not in lane_grants(lane)
    lane.messages(*words, at=late)
    assert since(lane, before)[1:] == [(REFUSED, "expired"), (REFUSED, "unknown-grant"), (REFUSED, "unknown-grant")]
    assert pass_by(lane, ONE, at=late) == [HELD]


@pytest.mark.parametrize(
    ("who", "changes", "reason"),
    [
        ("ben", {"cluster": "another"}, "wrong-cluster"),
        ("ben", {"topic_id": "another"}, "wrong-topic"),
        ("ben", {"flow": "orders"}, "wrong-rule"),
        ("ben", {"rule": "small"}, "wrong-rule"),
        ("ben", {"rule_sha256": "0" * 64}, "wrong-rule"),
        ("ben", {"until": NOW}, "expired"),
        ("ben", {"until": NOW + 8 * HOUR + 1}, "grant-limits"),
        ("ben", {"records": 0}, "grant-limits"),
        ("ben", {"records": 100_001}, "grant-limits"),
        ("ben", {"when": "record.amount <"}, "condition-invalid"),
        ("ben", {"when": "unheard(record)"}, "condition-invalid"),
        ("ben", {"when": "record.card == '4111111111111111'"}, "bad-signature"),
        ("ben", {"reason": "for 4111 1111 1111 1111"}, "bad-signature"),
        ("eve", {}, "wrong-role"),
    ],
    ids=str,
)
def test_a_proposal_that_does_not_count_says_why(who: str, changes: dict[str, Any], reason: str, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("pipeline.approval.decision.masked", lambda text: text)  # another client signs it
    eve = f"  eve@pay.example: {{certificate: eve, keys: [{jwk('eve')}]}}\n"
    lane = lane_of(GRANTING.replace("  ops@pay", f"{eve}  ops@pay"))
    known = {name: changes.pop(name) for name in ("flow", "rule") if name in changes}
    terms = proposal(lane.policy, **{"until": NOW + HOUR, **changes})
    raw = sign_message(KEYS[who], replace(terms, **known))
    monkeypatch.undo()
    lane.messages(raw)
    assert lane.told() == [(REFUSED, reason)] and lane_grants(lane) == {}


@pytest.mark.parametrize(
    ("who", "changes", "at", "reason"),
    [
        ("ben", {}, NOW, "owner"),
        ("dee", {}, NOW, "requester"),
        ("ops", {}, NOW, "wrong-role"),
        ("ana", {}, NOW, "repeated"),
        ("cem", {"grant": "0" * 64}, NOW, "unknown-grant"),
        ("cem", {"cluster": "another"}, NOW, "wrong-cluster"),
        ("cem", {"topic_id": "another"}, NOW, "wrong-topic"),
        ("cem", {}, NOW + HOUR, "expired"),
        ("eve", {}, NOW, "unknown-key"),
        ("ops", {"word": "revoke"}, NOW, "wrong-role"),
        ("cem", {"word": "bless"}, NOW, "bad-signature"),
    ],
    ids=str,
)
def test_an_approval_that_does_not_count_says_why(who: str, changes: dict[str, Any], at: int, reason: str) -> None:
    lane = lane_of()
    terms = proposal(lane.policy, until=NOW + HOUR)
    say(lane, "dee", terms)
    say(lane, "ana", word(terms))
    assert say(lane, who, word(terms, **{"said": changes.pop("word", "approve"), **changes}), at) == (REFUSED, reason)
    assert pass_by(lane, ONE) == [HELD]


def test_an_approval_of_other_terms_is_of_another_grant() -> None:
    lane = lane_of()
    terms = proposal(lane.policy, until=NOW + HOUR)
    say(lane, "ben", terms)
    wider = replace(terms, records=90_000)
    assert say(lane, "ana", word(wider)) == (REFUSED, "unknown-grant")


def test_a_lane_knows_so_many_grants_and_takes_no_more() -> None:
    lane = lane_of()
    lane.messages(*(sign_message(KEYS["ben"], proposal(lane.policy, until=NOW + HOUR)) for _ in range(100)))
    assert say(lane, "ben", proposal(lane.policy, until=NOW + HOUR)) == (REFUSED, "grant-limits")
    late = NOW + 2 * HOUR
    assert say(lane, "ben", proposal(lane.policy, until=late + HOUR), at=late)[0] == "grant.proposed"
    assert len(lane_grants(lane)) == 1


def test_a_rule_that_changes_ends_its_grants_and_another_policy_does_not() -> None:
    lane = lane_of()
    opened(lane)
    for text, outcome in ((GRANTING.replace("expires: 1h", "expires: 2h"), HELD),
                          (GRANTING.replace("version: 1", "version: 2"), RELEASED)):  # fmt: skip
        other = MemoryLane(text)
        other.state, other.offsets = copy.deepcopy(lane.state), dict(lane.offsets)
        assert pass_by(other, ONE) == [outcome]


def test_a_record_that_breaks_the_rule_or_the_condition_is_held() -> None:
    lane = lane_of(GRANTING.replace("has(record.amount) && ", ""))
    opened(lane, when="true")
    assert pass_by(lane, b'{"amount":"much"}') == [("record.held", "rule-error")]
    lane = lane_of()
    opened(lane, when='record.kind == "x"')
    assert pass_by(lane, ONE) == [HELD]


REQUESTED = GRANTING.replace("        quorum: 2\n", "        quorum: 2\n        requester: $.by\n")


@pytest.mark.parametrize(
    ("by", "outcome"),
    [
        (b'"ana@pay.example"', HELD),
        (b'"CEM@pay.example"', HELD),
        (b'"ben@pay.example"', RELEASED),
        (b'"zoe@pay.example"', RELEASED),
        (b'""', HELD),
        (b"7", HELD),
    ],
)
def test_who_approved_the_grant_gains_nothing_by_it(by: bytes, outcome: tuple[str, str]) -> None:
    lane = lane_of(REQUESTED)
    opened(lane)
    assert pass_by(lane, b'{"amount":9000.0,"by":%s}' % by) == [outcome]


def test_who_approved_it_and_owns_the_producer_since_is_no_approver_of_its_records() -> None:
    lane = lane_of()
    opened(lane)
    other = MemoryLane(GRANTING.replace("owners: [ben@pay.example]", "owners: [ben@pay.example, Ana@pay.example]")
                       .replace("ana@pay.example:", "Ana@pay.example:"))  # fmt: skip
    other.state, other.offsets = copy.deepcopy(lane.state), dict(lane.offsets)
    assert pass_by(other, ONE) == [HELD]


def test_of_two_grants_the_one_that_ends_first_is_used_first() -> None:
    lane = lane_of()
    later, sooner = opened(lane, until=NOW + 2 * HOUR), opened(lane, until=NOW + HOUR, records=1)
    pass_by(lane, ONE, ONE)
    assert (grant_of(lane, later).used, grant_of(lane, sooner).used) == (1, 1)


def test_what_was_counted_and_said_survives_in_the_lanes_state_alone() -> None:
    lane = lane_of()
    terms = proposal(lane.policy, until=NOW + HOUR, records=2)
    say(lane, "ben", terms)
    say(lane, "ana", word(terms))
    again = lane_of()
    again.state, again.offsets = copy.deepcopy(lane.state), dict(lane.offsets)
    say(again, "cem", word(terms))
    assert pass_by(again, ONE) == [RELEASED]
    third = lane_of()
    third.state, third.offsets = copy.deepcopy(again.state), dict(again.offsets)
    assert pass_by(third, ONE, ONE) == [RELEASED, HELD]


def test_without_grants_a_batch_without_held_records_does_not_look_for_them(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    lane = lane_of()
    monkeypatch.setattr(lane.state, "keys", lambda prefix, limit: pytest.fail(prefix) if prefix == b"grant/" else [])
    lane.records(SMALL, SMALL)
    assert len(lane.clean()) == 2


def test_a_grant_that_was_altered_is_told() -> None:
    lane = lane_of()
    terms = opened(lane)
    encoded = grant_of(lane, terms).encode()
    assert Grant.decode(encoded) == grant_of(lane, terms)
    for broken in (
        encoded.replace(b'"records":3', b'"records":4'),
        b"{}",
        b"\xff",
        encoded.replace(b'"v":1', b'"v":2'),
    ):
        with pytest.raises(GrantError):
            Grant.decode(broken)


ANA, CEM = session("ana@pay.example", 1), session("cem@pay.example", 2)


def test_people_of_the_issuer_open_a_grant_and_one_person_is_one() -> None:
    lane = lane_of(SESSION_POLICY)
    terms = proposal(lane.policy, until=SESSION_NOW + HOUR)
    others = [
        session("ANA@pay.example", 7),
        session("zoe@pay.example", 8, groups=["readers"]),
        session("zoe@pay.example", 9, aud="panlock-device"),
        session("zoe@pay.example", 9, auth_time=1),
    ]
    say(lane, "ben", terms)
    told = [say(lane, who, word(terms), observed=OBSERVED) for who in (ANA, *others, CEM)]
    assert [reason for kind, reason in told if kind == REFUSED] == [
        "repeated", "wrong-role", "device-flow", "token-stale",
    ]  # fmt: skip
    assert told[-1][0] == "grant.opened"
    assert pass_by(lane, b'{"amount":9000.0,"requested_by":"dee@pay.example"}') == [RELEASED]
    proofs = [each["proof"] for each in lane.events() if each["type"] == "grant.approved"]
    assert all("keys" in proof for proof in proofs)


def deny(lane: MemoryLane, person: str, effect: str = "deny") -> None:
    message = Denial("cluster", 0, "person", person, effect, "a test", uuid.uuid4().hex, NOW // 1000)
    lane.messages(sign_message(KEYS["ops"], message))
    assert lane.told()[-1][0] in ("identity.denied", "identity.allowed")


def test_a_grant_without_its_quorum_lets_nothing_pass_once_an_approver_is_denied() -> None:
    lane = lane_of()
    opened(lane)
    deny(lane, "ANA@pay.example")
    assert pass_by(lane, ONE) == [HELD]
    deny(lane, "ANA@pay.example", "allow")
    assert pass_by(lane, ONE) == [RELEASED]


def test_a_denied_person_opens_no_grant_neither_by_what_they_say_nor_by_what_they_said() -> None:
    lane = lane_of()
    terms = proposal(lane.policy, until=NOW + HOUR)
    say(lane, "ben", terms)
    say(lane, "ana", word(terms))
    deny(lane, "ana@pay.example")
    assert say(lane, "ana", word(terms)) == (REFUSED, "person-denied")
    assert say(lane, "cem", word(terms))[0] == "grant.approved"
    assert say(lane, "dee", word(terms))[0] == "grant.opened"
    assert grant_of(lane, terms).people == ["cem@pay.example", "dee@pay.example"]
