"""Decisions under an ID token: who counts, for how long, and every way in which nobody does."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import RSAKey

from pipeline.approval.decision import Decision, read_decision, sign_message
from pipeline.approval.envelope import MAX_SESSION_BYTES, SessionKey
from pipeline.approval.id_token import binding
from pipeline.approval.issuer_keys import IssuerKeys
from pipeline.policy import parse_policy
from pipeline.record import Refusal
from tests.sessions import (
    ISSUER,
    KEY,
    NOW,
    OBSERVED,
    POLICY,
    SIGNED_IN,
    STRANGER,
    claims,
    jwks,
    session,
    session_key,
    token,
)

ANA = "ana@pay.example"
RULES = parse_policy(POLICY, "policy.yaml")
WHAT = Decision("cluster", "uuid", "quarantine.payments.checkout/0/0", "0" * 64, "a" * 64, "approve", "seen", "j1", 1)


def read(by: SessionKey, received: int = NOW, observed: Any = OBSERVED, policy: Any = RULES) -> Decision | Refusal:
    return read_decision(sign_message(by, WHAT), policy, observed, received)


def test_who_decides_is_whom_the_issuer_names_with_their_groups_as_roles() -> None:
    found = read(session(ANA, groups=["payments-approvers", "night-shift"]))
    assert isinstance(found, Decision) and found.person == ANA
    who = found.session
    assert (who.issuer, who.roles, who.acr, who.auth_time) == (
        "corporate", {"payments-approvers", "night-shift"}, "mfa", SIGNED_IN,
    )  # fmt: skip
    assert not who.device and who.keys == OBSERVED["corporate"].sha256
    assert read_decision(found.signed.encode(), RULES, OBSERVED, NOW) == found  # what the audit keeps proves itself


def test_an_issuer_that_vouches_for_producers_alone_names_no_person() -> None:
    text = POLICY.replace("client_id: panlock, device_client_id: panlock-device, ", "")
    text = text.replace("        requester: $.requested_by\n", "")
    machines = parse_policy(text, "policy.yaml")
    assert not machines.sign_ins and read(session(ANA), policy=machines) == Refusal.TOKEN_INVALID
    assert read(session(ANA, aud=None), policy=machines) == Refusal.TOKEN_INVALID


def test_the_binding_is_the_hash_of_the_domain_and_the_thumbprint() -> None:
    key = session_key()
    digest = hashlib.sha256(b"panlock-approver-v1" + key.thumbprint().encode()).digest()
    assert binding(key) == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"iss": "https://idp.evil.example"}, Refusal.TOKEN_INVALID),
        ({"iss": ISSUER + "/"}, Refusal.TOKEN_INVALID),
        ({"iss": None}, Refusal.TOKEN_INVALID),
        ({"aud": "another-application"}, Refusal.TOKEN_INVALID),
        ({"aud": ["panlock", "another-application"]}, Refusal.TOKEN_INVALID),
        ({"aud": []}, Refusal.TOKEN_INVALID),
        ({"aud": None}, Refusal.TOKEN_INVALID),
        ({"azp": "another-application"}, Refusal.TOKEN_INVALID),
        ({"email": None}, Refusal.TOKEN_INVALID),
        ({"email": ""}, Refusal.TOKEN_INVALID),
        ({"email": "ana @pay.example"}, Refusal.TOKEN_INVALID),
        ({"email": "\uff41na@pay.example"}, Refusal.TOKEN_INVALID),
        ({"email": "4111111111111111"}, Refusal.TOKEN_INVALID),
        ({"email": ["ana@pay.example"]}, Refusal.TOKEN_INVALID),
        ({"email_verified": False}, Refusal.TOKEN_INVALID),
        ({"email_verified": "true"}, Refusal.TOKEN_INVALID),
        ({"groups": "payments-approvers"}, Refusal.TOKEN_INVALID),
        ({"groups": [["payments-approvers"]]}, Refusal.TOKEN_INVALID),
        ({"auth_time": None}, Refusal.TOKEN_INVALID),
        ({"auth_time": True}, Refusal.TOKEN_INVALID),
        ({"auth_time": str(SIGNED_IN)}, Refusal.TOKEN_INVALID),
        ({"iat": None}, Refusal.TOKEN_INVALID),
        ({"nonce": None}, Refusal.TOKEN_UNBOUND),
        ({"nonce": binding(session_key(9))}, Refusal.TOKEN_UNBOUND),
        ({"nonce": "\u00e9"}, Refusal.TOKEN_UNBOUND),
        ({"acr": "pwd"}, Refusal.WEAK_SIGN_IN),
        ({"acr": None}, Refusal.WEAK_SIGN_IN),
        ({"acr": ["mfa"]}, Refusal.WEAK_SIGN_IN),
    ],
)
def test_a_token_with_another_claim_is_refused(changes: dict[str, Any], refusal: Refusal) -> None:
    assert read(session(ANA, **changes)) is refusal


@pytest.mark.parametrize("changes", [{"aud": ["panlock"]}, {"azp": "panlock"}, {"email_verified": None}, {"exp": 1}])
def test_what_an_issuer_may_say_otherwise_is_taken(changes: dict[str, Any]) -> None:
    assert isinstance(read(session(ANA, **changes)), Decision)


@pytest.mark.parametrize(
    ("received", "refusal"),
    [
        (SIGNED_IN * 1000 - 60_001, Refusal.TOKEN_STALE),
        (SIGNED_IN * 1000 - 60_000, None),
        (SIGNED_IN * 1000 + 900_000, None),
        (SIGNED_IN * 1000 + 900_001, Refusal.TOKEN_STALE),
        (0, Refusal.TOKEN_STALE),
    ],
)
def test_a_session_counts_by_the_brokers_clock_from_a_minute_before_its_token_for_max_age(
    received: int, refusal: Refusal | None
) -> None:
    found = read(session(ANA), received)
    assert found is refusal if refusal else isinstance(found, Decision)


def test_a_refreshed_token_does_not_make_a_sign_in_younger() -> None:
    assert read(session(ANA, auth_time=SIGNED_IN - 900)) is Refusal.TOKEN_STALE


def test_a_person_is_spelt_as_the_policy_spells_them() -> None:
    assert read(session("BEN@pay.example")).person == "ben@pay.example"


def test_by_the_device_flow_is_told_by_its_client() -> None:
    assert read(session(ANA, aud="panlock-device")).session.device


def test_without_a_client_for_the_device_flow_its_tokens_are_no_ones() -> None:
    policy = parse_policy(POLICY.replace(", device_client_id: panlock-device", ""), "policy.yaml")
    assert read(session(ANA, aud="panlock-device"), policy=policy) is Refusal.TOKEN_INVALID


def forged(**header: Any) -> SessionKey:
    key = session_key()
    return SessionKey(key, token(claims(ANA, key), **header))


def raw_token(header: dict[str, Any], signature: bytes, key: Any = None) -> SessionKey:
    own = session_key()
    parts = [json.dumps(header).encode(), json.dumps(claims(ANA, own)).encode()]
    signed = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    if key is not None:
        signature = hmac.new(key, signed, hashlib.sha256).digest()
    return SessionKey(own, (signed + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode())


@pytest.mark.parametrize("name", ["none", "None", "nOnE", ""])
def test_a_token_without_signature_is_refused(name: str) -> None:
    assert read(raw_token({"alg": name, "kid": "k1"}, b"")) is Refusal.TOKEN_INVALID


@pytest.mark.parametrize("form", ["pem", "jwk", "der"])
def test_the_public_key_is_no_secret_to_sign_with(form: str) -> None:
    secret = {"pem": KEY.as_pem(private=False), "der": KEY.as_der(private=False), "jwk": jwks()}[form]
    assert read(raw_token({"alg": "HS256", "kid": "k1"}, b"", secret)) is Refusal.TOKEN_INVALID


def test_another_algorithm_than_those_pinned_is_refused_even_by_the_right_key() -> None:
    assert read(forged(algorithm="PS256")) is Refusal.TOKEN_INVALID


def test_a_token_of_a_strangers_key_under_the_issuers_kid_is_refused() -> None:
    assert read(forged(key=STRANGER)) is Refusal.TOKEN_INVALID


def test_a_key_that_the_token_brings_along_is_not_looked_at() -> None:
    jwk = STRANGER.as_dict(private=False)
    for header in ({"jwk": jwk}, {"jku": "https://evil.example/jwks"}):
        assert read(raw_token({"alg": "RS256", "kid": "k1", **header}, b"x")) is Refusal.TOKEN_INVALID


def test_a_critical_header_that_nobody_knows_is_refused() -> None:
    assert read(raw_token({"alg": "RS256", "kid": "k1", "crit": ["b64"], "b64": False}, b"x")) is Refusal.TOKEN_INVALID


def test_a_kid_that_the_issuer_does_not_have_is_unknown_and_none_is_invalid() -> None:
    assert read(forged(kid="k2")) is Refusal.UNKNOWN_KEY
    assert read(forged(kid=None)) is Refusal.TOKEN_INVALID


def test_while_no_keys_of_the_issuer_are_known_nobody_counts() -> None:
    assert read(session(ANA), observed={}) is Refusal.ISSUER_UNREACHABLE


def test_a_session_without_issuers_in_the_policy_is_refused() -> None:
    from tests.lane import POLICY as WITHOUT

    assert read(session(ANA), policy=parse_policy(WITHOUT, "policy.yaml")) is Refusal.TOKEN_INVALID


def test_somebody_elses_token_is_of_no_use_with_ones_own_key() -> None:
    stolen = token(claims(ANA, session_key(1)))
    assert read(SessionKey(session_key(2), stolen)) is Refusal.TOKEN_UNBOUND


def resigned(by: SessionKey, change: Any) -> bytes:
    """The message with another payload or header under the old signature."""
    head, body, signature = sign_message(by, WHAT).split(b".")
    parts = [json.loads(base64.urlsafe_b64decode(part + b"==")) for part in (head, body)]
    change(*parts)
    head, body = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    return b".".join([head, body, signature])


@pytest.mark.parametrize(
    "change",
    [
        lambda head, body: body.update(record="quarantine.payments.checkout/0/1"),
        lambda head, body: body.update(decision="deny"),
        lambda head, body: body.update(id_token=token(claims("ben@pay.example", session_key()))),
        lambda head, body: head.update(jwk=session_key(2).as_dict(private=False)),
        lambda head, body: head.update(kid="k1"),
        lambda head, body: head["jwk"].update(d="AAAA"),
        lambda head, body: body.pop("id_token"),
        lambda head, body: body.update(person="ben@pay.example"),
    ],
)
def test_what_the_sessions_key_did_not_sign_is_refused(change: Any) -> None:
    assert read_decision(resigned(session(ANA), change), RULES, OBSERVED, NOW) is Refusal.BAD_SIGNATURE


def test_a_message_with_a_private_key_in_it_is_refused() -> None:
    key = session_key()

    class Careless(SessionKey):
        def seal(self, payload: dict[str, object]) -> bytes:
            from pipeline.approval import envelope

            signed = {**payload, "id_token": token(claims(ANA, key))}
            return envelope._sign(key, {"jwk": key.as_dict(private=True)}, signed)

    assert read(Careless(key, "")) is Refusal.BAD_SIGNATURE


def test_a_reason_with_a_card_number_is_refused_because_the_audit_keeps_the_message() -> None:
    raw = session(ANA).seal({"v": 1, **{name: getattr(WHAT, name) for name in (
        "cluster", "topic_id", "record", "sha256", "policy", "decision", "jti", "iat")},
        "reason": "card 4111111111111111"})  # fmt: skip
    assert read_decision(raw, RULES, OBSERVED, NOW) is Refusal.BAD_SIGNATURE


def test_a_token_that_is_too_large_is_refused() -> None:
    assert len(sign_message(session(ANA, groups=["g" * 40] * 20), WHAT)) < MAX_SESSION_BYTES
    raw = session(ANA, groups=["g" * 40] * 500).seal({"v": 1})
    assert read_decision(raw, RULES, OBSERVED, NOW) is Refusal.BAD_SIGNATURE


@given(st.binary(max_size=200), st.integers(0, 2))
def test_no_token_raises(noise: bytes, part: int) -> None:
    parts = token(claims(ANA, session_key())).split(".")
    parts[part] = base64.urlsafe_b64encode(noise).decode()
    found = read(SessionKey(session_key(), ".".join(parts)))
    assert found in (Refusal.TOKEN_INVALID, Refusal.UNKNOWN_KEY, Refusal.TOKEN_UNBOUND)


@given(st.integers(0, 10_000), st.integers(0, 7))
def test_no_flipped_bit_of_a_message_counts(place: int, bit: int) -> None:
    raw = bytearray(sign_message(session(ANA), WHAT))
    raw[place % len(raw)] ^= 1 << bit
    found = read_decision(bytes(raw), RULES, OBSERVED, NOW)
    assert isinstance(found, Refusal) or replace(found, session=None) == replace(read(session(ANA)), session=None)


def test_keys_of_an_issuer_are_named_by_what_matters() -> None:
    plain = IssuerKeys.parse(jwks(KEY))
    noisy = json.loads(jwks(KEY))
    noisy["keys"][0] |= {"x5c": ["AAAA"], "key_ops": ["verify"]}
    noisy["keys"].append({"kty": "oct", "kid": "s", "k": "AAAA"})
    noisy["keys"].append({**noisy["keys"][0], "kid": "enc", "use": "enc"})
    assert IssuerKeys.parse(json.dumps(noisy).encode()) == plain
    assert IssuerKeys.of([dict(each) for each in plain.jwks]) == plain  # from the audit


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"<html>", b"[]", b"{}", b'{"keys":{}}', b'{"keys":[]}', b'{"keys":[1]}', b"\xff", b"[" * 100_000,
        b'{"keys":[{"kty":"oct","kid":"a","k":"AAAA"}]}', b'{"keys":[],"keys":[]}',
        json.dumps({"keys": [json.loads(jwks())["keys"][0]] * 2}).encode(),
        json.dumps({"keys": [{"kty": "RSA", "kid": str(n)} for n in range(30)]}).encode(),
    ],
)  # fmt: skip
def test_what_is_no_set_of_keys_is_an_error(raw: bytes) -> None:
    from pipeline.approval.issuer_keys import IssuerKeysError

    with pytest.raises(IssuerKeysError):
        IssuerKeys.parse(raw)


def test_a_short_rsa_key_signs_nothing() -> None:
    from pipeline.approval.issuer_keys import IssuerKeysError

    with pytest.raises(IssuerKeysError, match="2,048"):
        IssuerKeys.parse(jwks(RSAKey.generate_key(1024, parameters={"kid": "short"}, auto_kid=False)))


def test_a_key_that_its_issuer_has_for_another_algorithm_signs_nothing_else() -> None:
    entries = json.loads(jwks())["keys"]
    for algorithm, counts in (("RS256", True), ("PS256", False)):
        keys = {"corporate": IssuerKeys.parse(json.dumps({"keys": [{**entries[0], "alg": algorithm}]}).encode())}
        assert isinstance(read(session(ANA), observed=keys), Decision) is counts


@pytest.mark.parametrize("crit", [["exp"], ["b64"], []])
def test_a_critical_header_is_refused_even_under_the_issuers_own_signature(crit: list[str]) -> None:
    own = session_key()
    header = {"alg": "RS256", "kid": "k1", "crit": crit, "exp": 1, "b64": True}
    parts = [json.dumps(part).encode() for part in (header, claims(ANA, own))]
    signed = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    private = load_pem_private_key(KEY.as_pem(private=True), None)
    signature = base64.urlsafe_b64encode(private.sign(signed, PKCS1v15(), SHA256())).rstrip(b"=")
    assert read(SessionKey(own, (signed + b"." + signature).decode())) is Refusal.TOKEN_INVALID
