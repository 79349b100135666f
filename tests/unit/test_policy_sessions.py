"""Policies that people change under a sign-in: what counts, by whose keys, and every way in which a word does not."""

from collections.abc import Sequence
from typing import Any

import pytest

from pipeline.approval.change import Act, encode, sign_change
from pipeline.approval.envelope import SessionKey
from pipeline.approval.history import History, Record
from pipeline.approval.issuer_keys import IssuerKeys
from pipeline.approval.standing import UnapprovedError, require
from pipeline.approval.witness import Seen, read_seen, sign_seen
from pipeline.policy.bundle import Bundle
from tests.audit_keys import POLICY as AUDIT
from tests.audit_keys import SEALER, STRANGER, WORKER, jwk
from tests.changing import CLUSTER, bundle, person, value, word
from tests.sessions import ISSUER, NOW, OBSERVED, SIGNED_IN, claims, jwks, session_key, token
from tests.sessions import STRANGER as OTHER_ISSUERS_KEY

CLIENTS = "client_id: panlock, device_client_id: panlock-device, acr: [mfa]"
ISSUERS = f'issuers: {{corporate: {{issuer: "{ISSUER}", {CLIENTS}}}}}\n'
WITHOUT_KEY = "  {name}@pay.example: {{certificate: {name}, roles: [policy-approvers]}}\n"
SIGN_IN = (
    ("policy_approvers:", ISSUERS + AUDIT + "policy_approvers:"),
    ("approvers: [payments-approvers]}", "approvers: [payments-approvers], requester: none, requester_reason: a test}"),
    *((person(name, "policy-approvers"), WITHOUT_KEY.format(name=name)) for name in ("ana", "ben", "cy")),
)  # fmt: skip
FIRST = bundle(1, *SIGN_IN)
NEXT = bundle(2, *SIGN_IN, ("> 5.0", "> 9.0"))
FETCHED = Seen(ISSUER, OBSERVED["corporate"], NOW // 1000)
FORGED = token(claims("cy@pay.example", session_key(3), groups=["policy-approvers"]), OTHER_ISSUERS_KEY)
NUMBERS = {"ana": 1, "ben": 2, "cy": 3, "dee": 4, "eve": 5, "fay": 6}


def signed_in(name: str, number: int | None = None, **changes: Any) -> SessionKey:
    key = session_key(number or NUMBERS[name])
    groups = {"groups": ["policy-approvers"], **changes}
    return SessionKey(key, token(claims(f"{name}@pay.example", key, **groups)))


def say(act: Act, by: SessionKey | str, what: Bundle = NEXT, over: Bundle | None = FIRST, **other: Any) -> bytes:
    session = signed_in(by) if isinstance(by, str) else by
    name = by if isinstance(by, str) else f"{id(by)}"
    return encode(sign_change(session, word(act, name, what, over, **other)), what if act == "propose" else None)


INIT = say("propose", "ana", FIRST, None)
PROPOSED, APPROVED = say("propose", "ben"), [say("approve", "ana"), say("approve", "cy")]
APPLIED = say("apply", "cy")


def after(values: Sequence[bytes], seen: Sequence[Seen] = (FETCHED,), at: int = NOW, cluster: str = CLUSTER) -> History:
    records = [Record(f"panlock.policy/0/{offset}", at, each) for offset, each in enumerate(values)]
    return History(cluster, FIRST.hash, seen).add_all(records)


def test_people_who_signed_in_put_a_bundle_in_force_and_hold_nothing_that_lasts() -> None:
    past = after([INIT, PROPOSED, *APPROVED, APPLIED])
    assert [each.bundle.policy.version for each in require(NEXT, past)] == [1, 2] and not past.refused
    said = past.chain[-1].words
    assert [heard.change.person.split("@")[0] for heard in said] == ["ben", "ana", "cy", "cy"]
    assert all(heard.seen is FETCHED and heard.change.session for heard in said)
    assert not FIRST.policy.people["ana@pay.example"].keys


@pytest.mark.parametrize(
    ("approval", "why"),
    [
        (signed_in("cy", nonce="another"), "token-unbound"),
        (signed_in("cy", auth_time=SIGNED_IN - 1_000), "token-stale"),
        (signed_in("cy", iat=NOW // 1000 + 120, auth_time=NOW // 1000 + 120), "token-stale"),
        (signed_in("cy", aud="another-application"), "token-invalid"),
        (signed_in("cy", aud=["panlock", "another-application"]), "token-invalid"),
        (signed_in("cy", iss="https://idp.evil.example"), "token-invalid"),
        (signed_in("cy", email_verified=False), "token-invalid"),
        (signed_in("cy", acr="pwd"), "weak-sign-in"),
        (signed_in("cy", aud="panlock-device"), "device flow"),
        (signed_in("cy", groups=["payments-approvers"]), "none of the roles of policy_approvers at the issuer"),
        (signed_in("eve"), "none of the roles of policy_approvers in the policy in force"),
        (signed_in("fay"), "none of the roles of policy_approvers in the policy in force"),
        (signed_in("ben", 9), "an author does not count"),
        (signed_in("Ben", 9), "an author does not count"),
        (signed_in("ANA", 9), "has approved it already"),
        (SessionKey(session_key(3), FORGED), "token-invalid"),
    ],
)  # fmt: skip
def test_an_approval_that_does_not_count_leaves_one_too_few(approval: SessionKey, why: str) -> None:
    past = after([INIT, PROPOSED, APPROVED[0], say("approve", approval), APPLIED])
    assert [why in each.why for each in past.refused] == [True, False] and "too few" in past.refused[1].why
    with pytest.raises(UnapprovedError, match="1 of 2 people"):
        require(NEXT, past)


def test_a_word_that_is_sent_again_later_or_is_an_older_versions_does_not_count() -> None:
    past = after(
        [
            INIT,
            PROPOSED,
            *APPROVED,
            APPLIED,
            *APPROVED,
            say("propose", "ben", bundle(1, *SIGN_IN, ("> 5.0", "> 8.0")), NEXT),
        ]
    )
    assert [each.why.split()[0] for each in past.refused] == ["is", "is", "version"]
    records = [Record("panlock.policy/0/0", NOW, INIT), Record("panlock.policy/0/1", NOW + 3_600_000, PROPOSED)]
    assert History(CLUSTER, FIRST.hash, [FETCHED]).add_all(records).refused[-1].why == "issuer-unreachable"
    later = Seen(ISSUER, OBSERVED["corporate"], NOW // 1000 + 3_600)
    assert History(CLUSTER, FIRST.hash, [FETCHED, later]).add_all(records).refused[-1].why == "token-stale"


def test_a_registered_key_and_a_session_are_one_person() -> None:
    past = after([INIT, PROPOSED, value("approve", "dee", NEXT, FIRST), say("approve", "dee")])
    assert "has approved it already" in past.refused[-1].why


def test_a_policy_that_names_no_workers_keys_is_not_changed_under_a_sign_in() -> None:
    keyed = [change for change in SIGN_IN if "certificate: dee" not in change[1]][:2]
    plain = bundle(1, (keyed[0][0], ISSUERS + "policy_approvers:"), keyed[1])
    records = [Record("panlock.policy/0/0", NOW, value("propose", "ana", plain, None)),
               Record("panlock.policy/0/1", NOW, say("propose", "ben", NEXT, plain))]  # fmt: skip
    past = History(CLUSTER, plain.hash, [FETCHED]).add_all(records)
    assert "audit.worker_keys" in past.refused[-1].why


WORDS = [INIT, PROPOSED, *APPROVED, APPLIED]


def witnessed(
    signer: Any = WORKER, cluster: str = CLUSTER, at: int = NOW // 1000, keys: IssuerKeys | None = None
) -> bytes:
    return sign_seen(signer, cluster, Seen(ISSUER, keys or OBSERVED["corporate"], at))


def test_what_a_worker_witnessed_verifies_every_word_when_the_issuer_is_gone() -> None:
    values = [*WORDS, witnessed(at=NOW // 1000 + 86_400)]  # seen a day later: the issuer stands for the key still
    past = after(values, read_seen(values))
    assert require(NEXT, past)[-1].bundle.hash == NEXT.hash and not past.unseen and not past.fetched
    assert not past.refused


def altered(witness: bytes) -> bytes:
    """Another first letter of the signature."""
    at = witness.rindex(b".") + 1
    return witness[:at] + (b"B" if witness[at : at + 1] == b"A" else b"A") + witness[at + 1 :]


@pytest.mark.parametrize(
    "witness",
    [
        witnessed(STRANGER),
        witnessed(SEALER),
        witnessed(cluster="another"),
        witnessed(at=NOW // 1000 - 601),
        altered(witnessed()),
        sign_seen(WORKER, CLUSTER, Seen("https://idp.evil.example", OBSERVED["corporate"], NOW // 1000)),
        b'{"v":1,"witness":"a.b.c"}',
        b'{"v":1,"witness":7}',
        b'{"v":1,"witness":',
    ],
    ids=["a stranger's", "a sealer's", "another cluster's", "from before", "altered", "another issuer's", "no JWS",
         "no text", "no JSON"],
)  # fmt: skip
def test_keys_that_no_worker_of_the_policy_witnessed_for_these_words_verify_none(witness: bytes) -> None:
    values = [*WORDS, witness]
    past = after(values, read_seen(values))
    assert past.in_force is None and past.unseen == {ISSUER}


def test_a_proposal_does_not_name_its_own_witness() -> None:
    """Whoever proposes a worker's key of their own, and keys of an issuer that they made up, convinces nobody."""
    forged = SessionKey(
        session_key(3), token(claims("cy@pay.example", session_key(3), groups=["policy-approvers"]), OTHER_ISSUERS_KEY)
    )
    promoted = bundle(2, *SIGN_IN, ("audit: {worker_keys: [", f"audit: {{worker_keys: [{jwk(STRANGER)}, "))
    made_up = sign_seen(STRANGER, CLUSTER, Seen(ISSUER, IssuerKeys.parse(jwks(OTHER_ISSUERS_KEY)), NOW // 1000))
    values = [INIT, say("propose", "ben", promoted), say("approve", "ana", promoted), say("approve", forged, promoted),
              say("apply", "ana", promoted), made_up, witnessed()]  # fmt: skip
    past = after(values, read_seen(values))
    with pytest.raises(UnapprovedError, match="1 of 2 people"):
        require(promoted, past)
