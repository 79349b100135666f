"""Which bundle is in force: what counts, and every way in which a word does not."""

import pytest

from pipeline.approval.change import ChangeError, sign_change
from pipeline.approval.history import WAITS_MS, History, Record
from pipeline.approval.standing import NoGenesisError, UnapprovedError, require
from pipeline.policy.bundle import Bundle
from tests.changing import KEYS, bundle, history, person, value, word

FIRST = bundle(1)
NEXT = bundle(2, ("> 5.0", "> 9.0"))
INIT = value("propose", "ana", FIRST, None)
PROPOSED = value("propose", "ben", NEXT, FIRST)
APPROVALS = [value("approve", name, NEXT, FIRST) for name in ("ana", "cy")]
APPLIED = value("apply", "dee", NEXT, FIRST)


def after(*values: bytes | None) -> History:
    return history([INIT, *values], FIRST.hash)


def why(past: History) -> str:
    """Why the last record does not count."""
    return past.refused[-1].why


def test_the_pinned_bundle_is_in_force_first() -> None:
    assert require(FIRST, after())[-1].bundle.hash == FIRST.hash


def test_a_quorum_beside_the_author_and_an_application_put_a_bundle_in_force() -> None:
    past = after(PROPOSED, *APPROVALS, APPLIED)
    assert [each.bundle.policy.version for each in require(NEXT, past)] == [1, 2]
    said = [(each.change.act, each.change.person.split("@")[0]) for each in past.chain[-1].words]
    assert said == [("propose", "ben"), ("approve", "ana"), ("approve", "cy"), ("apply", "dee")]
    assert not past.refused


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([], "nobody has proposed it"),
        ([PROPOSED], "0 of 2 people"),
        ([PROPOSED, APPROVALS[0]], "1 of 2 people"),
        ([PROPOSED, *APPROVALS], "panlock policy apply"),
        ([PROPOSED, APPROVALS[0], APPLIED], "1 of 2 people"),
    ],
)
def test_what_is_missing_is_told(values: list[bytes], told: str) -> None:
    with pytest.raises(UnapprovedError, match=told):
        require(NEXT, after(*values))


def test_one_approval_too_few_cannot_be_applied() -> None:
    past = after(PROPOSED, APPROVALS[0], APPLIED)
    assert "too few" in why(past)
    require(FIRST, past)


def test_the_author_does_not_count() -> None:
    past = after(PROPOSED, value("approve", "ben", NEXT, FIRST), APPROVALS[0], APPLIED)
    assert "an author does not count" in past.refused[0].why
    assert past.in_force is past.chain[0]


def test_nobody_counts_twice() -> None:
    again = value("approve", "ana", NEXT, FIRST, jti="another")
    past = after(PROPOSED, APPROVALS[0], again, APPLIED)
    assert "counts people" in past.refused[0].why
    assert past.in_force is past.chain[0]


def test_who_has_no_role_of_policy_approvers_is_not_heard() -> None:
    for act in ("propose", "approve", "deny", "apply"):
        assert "none of the roles" in why(after(PROPOSED, *APPROVALS, value(act, "eve", NEXT, FIRST)))  # type: ignore[arg-type]


def test_an_approver_by_the_proposed_policy_alone_does_not_count() -> None:
    proposed = bundle(2, (person("eve", "payments-approvers"), person("eve", "payments-approvers, policy-approvers")))
    past = after(
        value("propose", "ben", proposed, FIRST),
        value("approve", "ana", proposed, FIRST),
        value("approve", "eve", proposed, FIRST),
        value("apply", "dee", proposed, FIRST),
    )
    assert "in the policy in force" in past.refused[0].why
    assert past.in_force is past.chain[0]


def test_a_lower_quorum_holds_for_the_next_change_not_for_its_own() -> None:
    proposed = bundle(2, ("quorum: 2", "quorum: 1"))
    one = [value("propose", "ben", proposed, FIRST), value("approve", "ana", proposed, FIRST)]
    assert "too few" in why(after(*one, value("apply", "dee", proposed, FIRST)))
    past = after(*one, value("approve", "cy", proposed, FIRST), value("apply", "dee", proposed, FIRST))
    assert past.in_force is not None and past.in_force.approvers.quorum == 1


@pytest.mark.parametrize("version", [1, 2])
def test_versions_only_rise(version: int) -> None:
    older = bundle(version, ("> 5.0", "> 100.0"))
    past = after(PROPOSED, *APPROVALS, APPLIED, value("propose", "ben", older, NEXT))
    assert "is not above 2" in why(past)
    with pytest.raises(UnapprovedError, match="changed after people approved it, or is older"):
        require(older, past)
    with pytest.raises(UnapprovedError, match="it was before"):
        require(FIRST, past)


def test_a_changed_bundle_is_not_the_one_that_was_signed() -> None:
    changed = bundle(2, ("> 5.0", "> 1000000.0"))
    assert "not the one that was signed" in why(after(value("propose", "ben", NEXT, FIRST, sends=changed)))
    with pytest.raises(UnapprovedError, match="changed after people approved it"):
        require(changed, after(PROPOSED, *APPROVALS, APPLIED))


def test_words_over_another_bundle_do_not_outlive_a_change() -> None:
    other = bundle(3, ("> 5.0", "> 7.0"))
    before = [value("propose", "ana", other, FIRST), value("approve", "cy", other, FIRST)]
    past = after(*before, PROPOSED, *APPROVALS, APPLIED, value("approve", "dee", other, FIRST))
    assert "over another bundle" in why(past)
    past = after(
        *before, PROPOSED, *APPROVALS, APPLIED, value("propose", "ana", other, NEXT), value("apply", "ana", other, NEXT)
    )
    assert "0 of 2 people" in why(past)


def test_words_for_another_cluster_do_not_count() -> None:
    assert "another cluster" in why(after(value("propose", "ben", NEXT, FIRST, cluster="cluster-2")))
    elsewhere = history([value("propose", "ana", FIRST, None, cluster="cluster-2")], FIRST.hash)
    assert elsewhere.in_force is None


def test_a_policy_that_nobody_could_change_again_is_refused() -> None:
    last = bundle(2, ("policy_approvers: {roles: [policy-approvers], quorum: 2}\n", ""))
    assert "nobody could ever change it" in why(after(value("propose", "ben", last, FIRST)))


def test_another_first_bundle_than_the_pinned_one_is_nothing() -> None:
    other = bundle(1, ("> 5.0", "> 6.0"))
    past = history([value("propose", "ben", other, None), INIT], FIRST.hash)
    require(FIRST, past)
    with pytest.raises(NoGenesisError, match="panlock init"):
        require(other, history([value("propose", "ben", other, None)], FIRST.hash))


def test_the_first_bundle_is_signed_by_one_of_its_people() -> None:
    text = FIRST.text.decode().replace(person("ana", "policy-approvers"), "")
    assert history([_by_stranger(INIT, text)], FIRST.hash).in_force is None
    assert history([value("propose", "ana", FIRST, FIRST)], FIRST.hash).in_force is None, "it follows nothing"


def _by_stranger(init: bytes, text: str) -> bytes:
    head, _, tail = init.partition(b'"message":"')
    message, _, rest = tail.partition(b'"')
    return head + b'"message":"' + message[:-4] + b"AAAA" + b'"' + rest


@pytest.mark.parametrize(
    "garbage",
    [None, b"", b"{}", b'{"v":1}', b'{"v":2,"message":"x"}', b'{"v":1,"message":"a.b.c"}', b"\xff", b"[]",
     b'{"v":1,"message":"a.b.c","bundle":{"policy":7,"files":{}}}', b"[" * 100_000],
)  # fmt: skip
def test_whatever_lies_there_changes_nothing(garbage: bytes | None) -> None:
    past = history([garbage, INIT, garbage, PROPOSED, garbage, *APPROVALS, garbage, APPLIED, garbage], FIRST.hash)
    require(NEXT, past)


def test_a_forged_signature_does_not_count() -> None:
    forged = APPROVALS[1].replace(b'"}', b"", 1)
    past = after(PROPOSED, APPROVALS[0], forged[:-8] + b'AAAAAA"}', APPLIED)
    assert past.refused[0].why == "bad-signature" and past.in_force is past.chain[0]


def test_a_reason_with_a_card_number_is_neither_signed_nor_read(monkeypatch: pytest.MonkeyPatch) -> None:
    said = word("approve", "ana", NEXT, FIRST, reason="as asked for 4111111111111111")
    with pytest.raises(ChangeError, match="card number"):
        sign_change(KEYS["ana"], said)
    monkeypatch.setattr("pipeline.approval.change.masked", lambda text: text)
    other_client = value("approve", "ana", NEXT, FIRST, reason="as asked for 4111111111111111")
    monkeypatch.undo()
    assert why(after(PROPOSED, other_client)) == "bad-signature"


def test_a_tombstone_takes_nothing_back() -> None:
    require(NEXT, after(PROPOSED, *APPROVALS, APPLIED, None))


def test_a_bundle_is_its_bytes() -> None:
    same = bundle(1)
    assert same.hash == FIRST.hash
    assert Bundle(FIRST.text + b"# a comment\n", {}, FIRST.policy).hash != FIRST.hash


@pytest.mark.parametrize("name", ["ben", "dee"])
def test_one_denial_ends_a_proposal_and_what_was_said_for_it_cannot_be_said_again(name: str) -> None:
    denial = value("deny", name, NEXT, FIRST)
    past = after(PROPOSED, *APPROVALS, denial, APPLIED)
    assert past.in_force is past.chain[0] and not past.waiting
    with pytest.raises(UnapprovedError, match=f"{name}@pay.example has denied it"):
        require(NEXT, past)
    again = value("propose", "cy", NEXT, FIRST)
    past = after(PROPOSED, *APPROVALS, denial, again, *APPROVALS, APPLIED)
    assert past.in_force is past.chain[0]
    assert "was denied by" in past.refused[0].why


def test_a_denial_holds_for_its_bundle_alone() -> None:
    other = bundle(3, ("> 5.0", "> 7.0"))
    said = [value("propose", "ana", other, FIRST), value("deny", "cy", other, FIRST)]
    require(NEXT, after(*said, PROPOSED, *APPROVALS, APPLIED))


def test_what_was_proposed_long_ago_is_proposed_again_or_never_in_force() -> None:
    past = after(PROPOSED, *APPROVALS)
    late = 1_795_500_000_000 + WAITS_MS + 5_000
    past.add(Record("panlock.policy/0/4", late, APPLIED))
    assert "propose it again" in why(past) and past.in_force is past.chain[0]
    again = [value("approve", name, NEXT, FIRST, jti=f"{name}-anew") for name in ("ana", "cy")]
    anew = [value("propose", "ben", NEXT, FIRST, jti="anew"), *again, APPLIED]
    past.add_all(Record(f"panlock.policy/0/{5 + at}", late + at, each) for at, each in enumerate(anew))
    assert past.in_force is past.chain[1]
