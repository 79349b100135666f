"""Who is denied says nothing about policies: neither what waits nor what is in force comes from them."""

import pytest

from pipeline.approval.change import encode
from pipeline.approval.decision import Denial, sign_message
from pipeline.approval.history import History
from tests.changing import CLUSTER, KEYS, bundle, history, value

OPERATOR = ("roles: [payments-approvers], keys", "roles: [payments-approvers, operators], keys")
FIRST = bundle(1, OPERATOR)  # eve is an operator
NEXT = bundle(2, OPERATOR, ("> 5.0", "> 9.0"))
INIT = value("propose", "ana", FIRST, None)
PROPOSED = value("propose", "ben", NEXT, FIRST)
APPROVALS = [value("approve", name, NEXT, FIRST) for name in ("ana", "cy")]
APPLIED = value("apply", "dee", NEXT, FIRST)
NOW = 1_795_500_000


def denial(kind: str, of: str, effect: str = "deny", by: str = "eve", **other: object) -> bytes:
    fields: dict[str, object] = {
        "cluster": CLUSTER, "lane": 0, "kind": kind, "value": of, "effect": effect, "reason": "a lost laptop",
        "jti": f"d{effect}", "iat": NOW,
    }  # fmt: skip
    return encode(sign_message(KEYS[by], Denial(**{**fields, **other})))  # type: ignore[arg-type]


ANA = {"person": "ana@pay.example", "key": KEYS["ana"].thumbprint()}


def after(*values: bytes) -> History:
    return history([INIT, *values], FIRST.hash)


@pytest.mark.parametrize("kind", ["person", "key"])
def test_an_approval_counts_no_more_once_its_person_or_key_is_denied(kind: str) -> None:
    past = after(PROPOSED, *APPROVALS, denial(kind, ANA[kind]), APPLIED)
    assert past.in_force is past.chain[0]
    assert "1 of 2 people" in past.refused[-1].why


@pytest.mark.parametrize("kind", ["person", "key"])
def test_who_is_denied_can_neither_propose_nor_approve(kind: str) -> None:
    past = after(denial(kind, ANA[kind]), PROPOSED, *APPROVALS)
    assert "eve@pay.example" in past.refused[0].why and past.refused[0].person == "ana@pay.example"
    assert [each.change.person for each in past.waiting[NEXT.hash].approvals] == ["cy@pay.example"]


def test_what_a_denied_person_proposed_waits_no_longer() -> None:
    past = after(PROPOSED, *APPROVALS, denial("person", "ben@pay.example"), APPLIED)
    assert not past.waiting and "nobody has proposed" in past.refused[-1].why


def test_a_denial_that_is_taken_back_lets_them_speak_again() -> None:
    back = denial("person", ANA["person"], "allow", iat=NOW + 1)
    past = after(PROPOSED, denial("person", ANA["person"]), back, *APPROVALS, APPLIED)
    assert past.in_force is past.chain[1]


@pytest.mark.parametrize("denied", ["people: [Ana@pay.example]", f"keys: [{ANA['key']}]"])
def test_what_the_policy_in_force_denies_no_operator_takes_back(denied: str) -> None:
    first, following = (
        bundle(version, OPERATOR, ("flows:", f"denied: {{{denied}}}\nflows:"), ("> 5.0", limit))
        for version, limit in ((1, "> 5.0"), (2, "> 9.0"))
    )
    back = denial("person", ANA["person"], "allow", iat=NOW + 1)
    said = [value("propose", "ben", following, first), back, value("approve", "ana", following, first)]
    past = history([value("propose", "cy", first, None), *said], first.hash)
    assert "den" in past.refused[-1].why and not past.waiting[following.hash].approvals


def test_an_older_word_does_not_undo_a_newer_one() -> None:
    old = denial("person", ANA["person"], "allow", iat=NOW - 1)
    past = after(PROPOSED, denial("person", ANA["person"]), old, *APPROVALS)
    assert "older than" in past.refused[0].why
    assert len(past.waiting[NEXT.hash].approvals) == 1


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (denial("person", ANA["person"], by="cy"), "is no operator"),
        (denial("person", ANA["person"], cluster="another"), "another cluster"),
        (denial("person", ANA["person"], iat=NOW - 901), "too long ago"),
        (denial("principal", "checkout"), "nobody speaks as that"),
    ],
)
def test_a_denial_that_does_not_count_changes_nothing(message: bytes, why: str) -> None:
    past = after(PROPOSED, *APPROVALS, message, APPLIED)
    assert why in past.refused[0].why
    assert past.in_force is past.chain[1]


def test_a_denial_outlives_a_change_of_policy() -> None:
    words = PROPOSED, APPROVALS[0], value("approve", "dee", NEXT, FIRST), APPLIED
    third = bundle(3, OPERATOR, ("> 5.0", "> 7.0"))
    past = after(denial("person", "cy@pay.example"), *words, value("propose", "cy", third, NEXT))
    assert past.in_force is past.chain[1]
    assert "is denied" in past.refused[-1].why
