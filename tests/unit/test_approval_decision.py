"""Signed messages of panlock.decisions: pinned, read back, and refused in every forged form."""

import base64
import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws

from pipeline.approval.decision import Decision, DecisionError, Resume, Tick, read_decision, read_message, sign_message
from pipeline.approval.envelope import MAX_BYTES, TYPE, seal
from pipeline.approval.keys import public_jwk
from pipeline.policy import parse_policy
from pipeline.record import Refusal
from tests.vectors.decision.people import ANA, BEN, EVE, HERE, decision, policy

VECTORS = json.loads((Path(HERE) / "messages.json").read_text())
POLICY = policy()
RESUME = Resume("Y2x1c3Rlcg", 3, "3/41", "retention was too short", "77aa", 1_795_493_000)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_messages_of_old_are_read_as_they_were(vector: dict) -> None:
    message = read_message(vector["raw"].encode(), POLICY)
    said = asdict(message)
    if vector["kind"] != "Tick" and not isinstance(message, Refusal):
        assert said.pop("session") is None  # no issuer vouched for anyone then
        assert (said.pop("signed"), said.pop("received")) == (vector["raw"], 0)
        assert said.pop("key") in (ANA.thumbprint(), BEN.thumbprint())  # known from the header, not from the payload
    assert (type(message).__name__, said) == (vector["kind"], vector["message"])


def test_ed25519_signatures_and_ticks_are_written_as_of_old() -> None:
    raw = {vector["name"]: vector["raw"].encode() for vector in VECTORS}
    assert sign_message(ANA, decision()) == raw["approval, Ed25519"]
    assert Tick(3, 1_795_507_200_000).encode() == raw["tick"]


@pytest.mark.parametrize(("key", "person"), [(ANA, "ana@pay.example"), (BEN, "ben@pay.example")])
def test_who_decided_comes_from_the_key(key: object, person: str) -> None:
    assert read_decision(sign_message(key, decision()), POLICY) == replace(decision(), person=person)
    forged = replace(decision(), person="olga@pay.example")
    assert read_decision(sign_message(key, forged), POLICY).person == person


def test_a_key_of_nobody_is_unknown() -> None:
    assert read_decision(sign_message(EVE, decision()), POLICY) is Refusal.UNKNOWN_KEY


def test_a_key_of_two_people_is_nobodys() -> None:
    text = (Path(HERE) / "policy.yaml").read_text()
    both = POLICY.model_copy(update={"people": {**POLICY.people, "carl@pay.example": POLICY.people["ana@pay.example"]}})
    assert read_decision(sign_message(ANA, decision()), both) is Refusal.UNKNOWN_KEY
    assert read_decision(sign_message(ANA, decision()), parse_policy(text, "again")).person == "ana@pay.example"


def test_an_acknowledgement_is_read_back_and_is_no_decision() -> None:
    raw = sign_message(BEN, RESUME)
    assert read_message(raw, POLICY) == replace(RESUME, person="ben@pay.example")
    assert read_decision(raw, POLICY) is Refusal.BAD_SIGNATURE


def test_a_tick_is_read_back_and_is_no_decision() -> None:
    assert read_message(Tick(3, 5).encode(), POLICY) == Tick(3, 5)
    assert read_decision(Tick(3, 5).encode(), POLICY) is Refusal.BAD_SIGNATURE
    assert read_message(b'{"v":1,"tick":{"lane":"3","due":5}}', POLICY) is Refusal.BAD_SIGNATURE
    assert read_message(b'{"v":1,"tick":{', POLICY) is Refusal.BAD_SIGNATURE


def _b64(data: bytes | dict) -> bytes:
    text = json.dumps(data).encode() if isinstance(data, dict) else data
    return base64.urlsafe_b64encode(text).rstrip(b"=")


def _parts() -> list[bytes]:
    return sign_message(ANA, decision()).split(b".")


NOT_SIGNED = ("person", "key", "session", "signed", "received")
GOOD = {
    "v": 1,
    **{name: value for name, value in asdict(decision()).items() if name not in NOT_SIGNED},
}
HEADER = {"alg": "Ed25519", "kid": ANA.thumbprint(), "typ": TYPE}


@pytest.mark.parametrize(
    "header",
    [
        {**HEADER, "alg": "none"},
        {**HEADER, "alg": "HS256"},
        {**HEADER, "alg": "ES256"},
        {**HEADER, "alg": ["Ed25519"]},
        {**HEADER, "typ": "JWT"},
        {**HEADER, "jwk": public_jwk(EVE)},
        {**HEADER, "crit": ["exp"]},
        {"alg": "Ed25519", "kid": ANA.thumbprint()},
        {"alg": "Ed25519", "typ": TYPE},
        {},
    ],
    ids=json.dumps,
)
def test_any_other_header_is_refused(header: dict) -> None:
    _, payload, signature = _parts()
    assert read_decision(b".".join([_b64(header), payload, signature]), POLICY) is Refusal.BAD_SIGNATURE


@pytest.mark.parametrize(
    "header",
    [{**HEADER, "typ": "JWT"}, {**HEADER, "cty": "x"}, {"alg": "Ed25519", "kid": ANA.thumbprint()}],
    ids=json.dumps,
)
def test_any_other_header_is_refused_even_if_signed(header: dict) -> None:
    registry = jws.JWSRegistry(algorithms=["Ed25519"], strict_check_header=False)
    raw = jws.serialize_compact(header, json.dumps(GOOD), ANA, registry=registry)
    assert read_decision(raw.encode(), POLICY) is Refusal.BAD_SIGNATURE


def test_an_empty_signature_is_none() -> None:
    header, payload, _ = _parts()
    assert read_decision(b".".join([header, payload, b""]), POLICY) is Refusal.BAD_SIGNATURE


def test_another_payload_under_the_same_signature_is_refused() -> None:
    header, _, signature = _parts()
    denied = _b64({"v": 1, **{k: v for k, v in asdict(decision(decision="deny")).items() if k != "person"}})
    assert read_decision(b".".join([header, denied, signature]), POLICY) is Refusal.BAD_SIGNATURE


def test_another_persons_name_on_the_signature_is_refused() -> None:
    _, payload, signature = _parts()
    header = _b64({**HEADER, "kid": BEN.thumbprint()})
    assert read_decision(b".".join([header, payload, signature]), POLICY) is Refusal.BAD_SIGNATURE


@pytest.mark.parametrize(
    "payload",
    [
        {**GOOD, "v": 2},
        {**GOOD, "decision": "maybe"},
        {**GOOD, "person": "olga@pay.example"},
        {**GOOD, "iat": "now"},
        {**GOOD, "iat": True},
        {**GOOD, "iat": 1.5},
        {**GOOD, "iat": 2**53},
        {**GOOD, "iat": -1},
        {**GOOD, "record": 7},
        {**GOOD, "record": "q" * 401},
        {**GOOD, "record": "4111111111111111/0/1"},
        {**GOOD, "policy": "4111111111111111"},
        {**GOOD, "sha256": "AB" * 32},
        {**GOOD, "jti": "4111-1111-1111-1111"},
        {**GOOD, "jti": "j" * 65},
        {**GOOD, "jti": "a\nb"},
        {**GOOD, "reason": ""},
        {**GOOD, "reason": "  "},
        {**GOOD, "reason": "x" * 501},
        {**GOOD, "reason": "\x1b[2J"},
        {**GOOD, "reason": "\u202eevil"},
        {**GOOD, "reason": None},
        {name: value for name, value in GOOD.items() if name != "jti"},
        {"v": 1},
        {**GOOD, "resume": {}},
        {"v": 1, "resume": GOOD},
        {"v": 1, "resume": [1]},
        {"v": 1, "resume": {k: v for k, v in asdict(RESUME).items() if k != "person"}, "more": 1},
    ],
    ids=lambda payload: json.dumps(payload)[-60:],
)
def test_a_signed_payload_of_another_shape_is_refused(payload: dict) -> None:
    assert read_message(seal(ANA, payload), POLICY) is Refusal.BAD_SIGNATURE


def test_a_key_twice_in_a_signed_payload_is_refused() -> None:
    body = json.dumps(GOOD)[:-1] + ',"decision":"deny"}'
    raw = jws.serialize_compact(HEADER, body, ANA, algorithms=["Ed25519"]).encode()
    assert read_decision(raw, POLICY) is Refusal.BAD_SIGNATURE


def test_a_lone_surrogate_cannot_reach_an_event() -> None:
    body = json.dumps({**GOOD, "reason": "\ud800"})
    raw = jws.serialize_compact(HEADER, body, ANA, algorithms=["Ed25519"]).encode()
    assert read_decision(raw, POLICY) is Refusal.BAD_SIGNATURE


def test_eddsa_is_another_name_of_the_same_algorithm() -> None:
    with pytest.warns(UserWarning, match="EdDSA"):
        raw = jws.serialize_compact({**HEADER, "alg": "EdDSA"}, json.dumps(GOOD), ANA, algorithms=["EdDSA"])
    assert read_decision(raw.encode(), POLICY).person == "ana@pay.example"


def test_more_than_16_kib_is_not_even_parsed() -> None:
    padded = json.dumps(GOOD) + " " * MAX_BYTES
    raw = jws.serialize_compact(HEADER, padded, ANA, algorithms=["Ed25519"])
    assert read_message(raw.encode(), POLICY) is Refusal.BAD_SIGNATURE
    padded = json.dumps(GOOD) + " " * (MAX_BYTES // 2)
    raw = jws.serialize_compact(HEADER, padded, ANA, algorithms=["Ed25519"])
    assert isinstance(read_message(raw.encode(), POLICY), Decision)


@given(st.binary(max_size=300) | st.builds(lambda parts: b".".join(parts), st.lists(st.binary(max_size=80))))
def test_no_bytes_make_the_reader_raise(raw: bytes) -> None:
    assert isinstance(read_message(raw, POLICY), Refusal)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5), st.data())
def test_no_signed_payload_makes_the_reader_raise(value: object, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(GOOD)))
    body = {**GOOD, name: value}
    try:
        raw = seal(ANA, body)
    except UnicodeEncodeError:
        return
    assert isinstance(read_message(raw, POLICY), Refusal | Decision)


@pytest.mark.parametrize("reason", ["", " ", "x" * 501, "two\nlines", "\ud800", "\x07"])
def test_a_reason_that_would_be_refused_is_not_signed(reason: str) -> None:
    with pytest.raises(DecisionError, match="reason"):
        sign_message(ANA, decision(reason=reason))


def test_a_reason_in_any_language_is_signed() -> None:
    said = "geprüft,\u00a0全部 ✓ \N{GRINNING FACE}"
    assert read_decision(sign_message(BEN, decision(reason=said)), POLICY).reason == said


def test_a_card_number_in_a_reason_is_not_signed() -> None:
    with pytest.raises(DecisionError, match="card number"):
        sign_message(ANA, decision(reason="card 4111 1111 1111 1111 was stolen"))


def test_a_card_number_in_a_reason_of_another_client_does_not_count() -> None:
    """The audit keeps the message as it was signed: it must not hold one."""
    raw = seal(ANA, {**GOOD, "reason": "card 4111111111111111 was stolen"})
    assert read_decision(raw, POLICY) is Refusal.BAD_SIGNATURE
