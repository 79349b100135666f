"""A lane and people whom an issuer vouches for: who counts, who does not, and what the audit can prove of it."""

from dataclasses import replace
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from pipeline.approval.decision import Decision, Denial, read_decision, sign_message
from pipeline.approval.issuer_keys import IssuerKeys
from pipeline.audit.events import timestamp
from pipeline.policy import parse_policy
from pipeline.policy.models import Denied
from pipeline.record import Refusal
from tests.lane import HOUR, KEYS, MemoryLane
from tests.sessions import KEY, KID, NOW, OBSERVED, POLICY, claims, jwks, session, session_key, token

NAMES = ("ana", "ben", "cem", "dee")
ANA, BEN, CEM, DEE = (session(f"{name}@pay.example", number) for number, name in enumerate(NAMES))
LARGE = b'{"amount":9000.0,"requested_by":"dee@pay.example"}'


def held(policy: str = POLICY, *values: bytes) -> MemoryLane:
    lane = MemoryLane(policy)
    for value in values or (LARGE,):
        lane.records(value)
    return lane


def hear(lane: MemoryLane, *messages: bytes, observed: Any = OBSERVED, at: int = NOW) -> list[tuple[str, str | None]]:
    before = len(lane.events())
    lane.messages(*messages, observed=observed, at=at)
    return lane.told()[before:]


def test_two_people_of_the_issuer_release_a_record() -> None:
    lane = held()
    hear(lane, lane.sign(ANA), lane.sign(CEM))
    assert lane.clean() == [LARGE] and lane.held() == []
    accepted = [event for event in lane.events() if event["type"] == "decision.accepted"]
    assert accepted[0]["actor"] == {
        "person": "ana@pay.example", "issuer": "corporate", "auth_time": NOW // 1000 - 60, "acr": "mfa",
        "key": session_key(0).thumbprint(),
    }  # fmt: skip


def test_someone_by_a_registered_key_and_someone_by_the_issuer_are_two_people() -> None:
    lane = held()
    hear(lane, lane.sign("ana"), lane.sign(CEM))
    assert lane.clean() == [LARGE]


def test_what_a_registered_key_signed_proves_itself_from_the_audit_too() -> None:
    lane = held()
    said = lane.sign("ana")
    hear(lane, said)
    (event,) = [each for each in lane.events() if each["type"] == "decision.accepted"]
    assert event["proof"] == {"message": said.decode(), "received": timestamp(NOW).decode()}
    read = read_decision(event["proof"]["message"].encode(), lane.policy)
    assert isinstance(read, Decision) and read.person == "ana@pay.example"


def test_one_person_is_one_under_two_sessions_two_spellings_two_clients_or_their_registered_key() -> None:
    lane = held(POLICY.replace("        requester:", "        device_flow: allow\n        requester:"))
    again = session("ANA@pay.example", 7), session("ana@pay.example", 8, aud="panlock-device"), "ana"
    told = hear(lane, lane.sign(ANA), *(lane.sign(each) for each in again))
    assert [reason for kind, reason in told if kind == "decision.refused"] == ["repeated"] * 3
    assert lane.held() == [0]


def test_a_new_spelling_of_someone_whom_the_policy_does_not_name_is_no_second_person() -> None:
    lane = held()
    told = hear(lane, lane.sign(session("eli@pay.example")), lane.sign(session("Eli@Pay.Example", 2)))
    assert told[-1] == ("decision.refused", "repeated")


@pytest.mark.parametrize(
    ("who", "reason"),
    [
        (BEN, "owner"),
        (session("Ben@Pay.Example"), "owner"),
        (DEE, "requester"),
        (session("DEE@pay.example"), "requester"),
        (session("ana@pay.example", groups=["night-shift"]), "wrong-role"),
        (session("ana@pay.example", groups=None), "wrong-role"),
        (session("ana@pay.example", aud="panlock-device"), "device-flow"),
        (session("ana@pay.example", acr="pwd"), "weak-sign-in"),
        (session("ana@pay.example", aud="mail"), "token-invalid"),
        (session("ana@pay.example", nonce="another"), "token-unbound"),
        (session("ana@pay.example", auth_time=NOW // 1000 - 901), "token-stale"),
    ],
)
def test_who_does_not_count_is_refused_and_the_audit_says_why(who: Any, reason: str) -> None:
    lane = held()
    assert hear(lane, lane.sign(who))[-1] == ("decision.refused", reason)
    assert lane.held() == [0]


def test_roles_of_the_policy_are_no_roles_of_a_session() -> None:
    lane = held()
    told = hear(lane, lane.sign(session("ana@pay.example", groups=[])))  # the policy makes ana an approver by her key
    assert told[-1] == ("decision.refused", "wrong-role")


def denial(kind: str, value: str, effect: str = "deny", by: Any = "ops", at: int = NOW) -> bytes:
    said = Denial("cluster", 0, kind, value, effect, "a stolen laptop", f"j-{kind}-{effect}-{at}", at // 1000)
    return sign_message(KEYS[by] if isinstance(by, str) else by, said)


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        ("person", "ana@pay.example", "person-denied"),
        ("person", "Ana@PAY.example", "person-denied"),
        ("key", session_key(0).thumbprint(), "key-denied"),
    ],
)
def test_what_a_denied_person_or_key_signs_counts_for_nothing_until_the_denial_is_taken_back(
    kind: str, value: str, reason: str
) -> None:
    lane = held()
    told = hear(lane, denial(kind, value), lane.sign(ANA), lane.sign(ANA, decision="deny"))
    told = [each for each in told if each[0] != "approver.keys-observed"]
    assert told == [("identity.denied", "a stolen laptop"), *[("decision.refused", reason)] * 2]
    refused = lane.events()[-1]
    assert refused["actor"]["person"] == "ana@pay.example" and refused["resource"]["record"]
    assert lane.held() == [0]
    hear(lane, denial(kind, value, "allow", at=NOW + 1_000), lane.sign(ANA), lane.sign(CEM))
    assert lane.clean() == [LARGE]


def test_nobody_whom_the_policy_denies_decides() -> None:
    lane = held()
    denied = Denied(people=("Ana@PAY.example",), keys=(session_key(1).thumbprint(),))
    lane.context = replace(lane.context, policy=lane.context.policy.model_copy(update={"denied": denied}))
    told = hear(lane, lane.sign(ANA), lane.sign("ana"))
    assert [each[1] for each in told if each[0] == "decision.refused"] == ["person-denied"] * 2


def test_a_denied_key_of_the_policy_counts_for_nothing_and_the_persons_session_does() -> None:
    lane = held()
    told = hear(lane, denial("key", KEYS["ana"].thumbprint()), lane.sign("ana"))
    assert told[-1] == ("decision.refused", "key-denied")
    hear(lane, lane.sign(ANA), lane.sign(CEM))
    assert lane.clean() == [LARGE]


def test_a_vote_from_before_the_denial_of_its_person_is_no_part_of_a_quorum() -> None:
    lane = held()
    hear(lane, lane.sign(ANA), denial("person", "ana@pay.example"), lane.sign(CEM))
    assert lane.held() == [0] and lane.clean() == []
    hear(lane, lane.sign(session("eli@pay.example", 5)))
    assert lane.clean() == [LARGE]


def test_a_denied_operator_takes_nothing_back_and_whoever_is_no_operator_denies_nobody() -> None:
    lane = held()
    ops = KEYS["ops"].thumbprint()
    told = hear(lane, denial("key", ops), denial("key", ops, "allow", at=NOW + 1_000))
    assert told[-1] == ("decision.refused", "key-denied")
    lane = held()
    assert hear(lane, denial("person", "cem@pay.example", by=ANA))[-1] == ("decision.refused", "wrong-role")


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("person", "a b"),
        ("person", ""),
        ("person", "x" * 255),
        ("person", "4111111111111111"),
        ("key", "short"),
        ("key", "=" * 43),
    ],
)
def test_what_is_no_person_or_key_is_not_denied(kind: str, value: str) -> None:
    assert hear(held(), denial(kind, value))[-1] == ("decision.refused", "bad-signature")


def test_a_decision_that_is_replayed_counts_once() -> None:
    lane = held()
    vote = lane.sign(ANA)
    told = hear(lane, vote, vote)
    assert told[-1] == ("decision.refused", "repeated") and lane.held() == [0]
    hear(lane, lane.sign(CEM))
    assert hear(lane, vote)[-1] == ("decision.refused", "already-decided")


def test_a_decision_for_other_bytes_or_another_record_is_refused() -> None:
    lane = held(POLICY.replace("partitions: 1", "partitions: 1\n    ordering: none"), LARGE, LARGE)
    assert hear(lane, lane.sign(ANA, sha256="0" * 64))[-1] == ("decision.refused", "wrong-hash")
    assert hear(lane, lane.sign(ANA, cluster="another"))[-1] == ("decision.refused", "wrong-cluster")
    assert lane.held() == [0, 1]


def test_after_the_holds_end_nobody_counts() -> None:
    lane = held()
    late = NOW + HOUR
    fresh = session("ana@pay.example", auth_time=late // 1000, iat=late // 1000)
    assert hear(lane, lane.sign(fresh), at=late)[-1] == ("decision.refused", "expired")


def test_a_record_that_does_not_say_who_asked_can_be_denied_and_not_approved() -> None:
    for value in (b'{"amount":9000.0}', b'{"amount":9000.0,"requested_by":7}', b'{"amount":9000.0,"requested_by":" "}'):
        lane = held(POLICY, value)
        assert hear(lane, lane.sign(ANA))[-1] == ("decision.refused", "requester")
        hear(lane, lane.sign(ANA, decision="deny"))
        assert lane.held() == [] and lane.clean() == []


def test_a_rule_that_says_none_needs_no_requester() -> None:
    reason = "requester: none\n        requester_reason: a nightly job writes them"
    lane = held(POLICY.replace("requester: $.requested_by", reason), b'{"amount":9000.0}')
    hear(lane, lane.sign(ANA), lane.sign(DEE))
    assert lane.clean() == [b'{"amount":9000.0}']


def test_where_the_rule_allows_it_the_device_flow_decides() -> None:
    lane = held(POLICY.replace("        requester:", "        device_flow: allow\n        requester:"))
    told = hear(lane, lane.sign(session("ana@pay.example", aud="panlock-device")))
    assert told[-1][0] == "decision.accepted"


def test_the_audit_alone_proves_a_decision() -> None:
    lane = held()
    hear(lane, lane.sign(ANA))
    snapshot = next(event for event in lane.events() if event["type"] == "approver.keys-observed")
    accepted = next(event for event in lane.events() if event["type"] == "decision.accepted")
    assert snapshot["issuer"] == {"alias": "corporate", "url": "https://idp.pay.example/realms/pay"}
    keys = IssuerKeys.of(snapshot["keys"])
    assert keys.sha256 == snapshot["resource"]["sha256"] == accepted["proof"]["keys"]
    observed = {snapshot["issuer"]["alias"]: keys}
    again = read_decision(accepted["proof"]["message"].encode(), parse_policy(POLICY, "p"), observed, NOW)
    assert (again.person, again.sha256) == (accepted["actor"]["person"], accepted["resource"]["sha256"])
    broken = accepted["proof"]["message"][:-4] + "AAAA"
    assert read_decision(broken.encode(), parse_policy(POLICY, "p"), observed, NOW) is Refusal.BAD_SIGNATURE


def test_a_set_of_keys_is_told_once_and_again_when_it_changes() -> None:
    lane = held()
    hear(lane, lane.sign(ANA))
    assert [kind for kind, _ in hear(lane, lane.sign(BEN))] == ["decision.refused"]
    other = RSAKey.generate_key(2048, parameters={"kid": "k2"})
    rotated = {"corporate": IssuerKeys.parse(jwks(KEY, other))}
    assert hear(lane, lane.sign(BEN), observed=rotated)[0] == ("approver.keys-observed", None)


def test_a_message_that_no_key_verifies_tells_the_audit_of_no_keys() -> None:
    lane = held()
    key = session_key()
    stranger = RSAKey.generate_key(2048, parameters={"kid": KID})
    from pipeline.approval.envelope import SessionKey

    told = hear(lane, lane.sign(SessionKey(key, token(claims("ana@pay.example", key), stranger))))
    assert told == [("decision.refused", "token-invalid")]


def test_an_operator_of_the_issuer_lets_a_stopped_lane_go_on() -> None:
    from pipeline.approval.decision import Resume, sign_message
    from pipeline.opening import lost
    from pipeline.state import Loss
    from tests.lane import TOPIC

    lane = held()
    lane.effects = lost(lane.state, lane.context, NOW, [Loss(TOPIC, 0, 1, 5)])
    lane.state.apply(lane.effects)
    alarm = b"".join(out.value or b"" for out in next(iter(lane.effects.sends.values())))
    import orjson

    message = Resume("cluster", 0, orjson.loads(alarm)["id"], "told the owner", "j1", NOW // 1000)
    assert hear(lane, sign_message(ANA, message))[-1] == ("decision.refused", "wrong-role")
    operator = session("omar@pay.example", groups=["operators"])
    assert hear(lane, sign_message(operator, message)) == [("lane.resumed", "told the owner")]
