"""What a decision comes to, as a table."""

from dataclasses import replace

import pytest

from pipeline.approval.pending import Vote
from pipeline.approval.weigh import Approved, Denied, Quorum, weigh
from pipeline.record import Refusal
from tests.vectors.decision.people import CLUSTER, decision, pending, policy

POLICY = policy()
HELD = pending()
IN_TIME = HELD.expires - 1
ANA, BEN, CARL, OLGA = (f"{name}@pay.example" for name in ("ana", "ben", "carl", "olga"))
ANAS = Vote(ANA, "checked with the customer", "5f0c9f0e", IN_TIME, HELD.policy)
VOTED = replace(HELD, votes=(ANAS,))


def test_a_first_approval_of_two_is_a_vote() -> None:
    assert weigh(decision(person=ANA), IN_TIME, HELD, True, CLUSTER, POLICY) == Approved(VOTED)


def test_a_second_persons_approval_is_a_quorum() -> None:
    verdict = weigh(decision(person=BEN, jti="b"), IN_TIME, VOTED, True, CLUSTER, POLICY)
    assert isinstance(verdict, Quorum)
    assert [vote.person for vote in verdict.pending.votes] == [ANA, BEN]


def test_one_approval_is_enough_where_the_rule_says_one() -> None:
    held = pending(quorum=1)
    assert isinstance(weigh(decision(held, person=ANA), IN_TIME, held, True, CLUSTER, POLICY), Quorum)


def test_one_denial_ends_it_whatever_the_votes() -> None:
    denial = decision(person=BEN, decision="deny", jti="b")
    assert weigh(denial, IN_TIME, VOTED, True, CLUSTER, POLICY) == Denied(VOTED)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"cluster": "another"}, Refusal.WRONG_CLUSTER),
        ({"topic_id": "another"}, Refusal.WRONG_TOPIC),
        ({"record": "quarantine.payments.refunds/3/18"}, Refusal.UNKNOWN_RECORD),
        ({"sha256": "00" * 32}, Refusal.WRONG_HASH),
        ({"person": CARL}, Refusal.WRONG_ROLE),
        ({"person": "nobody"}, Refusal.WRONG_ROLE),
        ({"person": OLGA}, Refusal.OWNER),
        ({"person": OLGA, "decision": "deny"}, Refusal.OWNER),
        ({"person": ANA, "jti": "fresh"}, Refusal.REPEATED),
        ({"person": ANA, "jti": "fresh", "decision": "deny"}, Refusal.REPEATED),
        ({"person": BEN, "jti": ANAS.jti}, Refusal.REPEATED),
    ],
    ids=str,
)
def test_a_decision_that_does_not_count_says_why(changes: dict, refusal: Refusal) -> None:
    assert weigh(decision(**{"person": BEN, **changes}), IN_TIME, VOTED, True, CLUSTER, POLICY) is refusal


@pytest.mark.parametrize("late", [0, 1, 10**12])
def test_a_decision_at_or_past_the_expiry_is_late_whenever_it_is_read(late: int) -> None:
    assert weigh(decision(person=ANA), HELD.expires + late, HELD, True, CLUSTER, POLICY) is Refusal.EXPIRED


def test_what_is_not_pending_has_been_decided_or_is_not_known_yet() -> None:
    assert weigh(decision(person=ANA), IN_TIME, None, True, CLUSTER, POLICY) is Refusal.ALREADY_DECIDED
    assert weigh(decision(person=ANA), IN_TIME, None, False, CLUSTER, POLICY) is Refusal.UNKNOWN_RECORD


def test_the_number_of_people_is_the_rules_as_of_the_hold_the_roles_are_those_of_now() -> None:
    people = {**POLICY.people, ANA: POLICY.people[ANA].model_copy(update={"roles": ("support",)})}
    moved = POLICY.model_copy(update={"people": people})
    assert weigh(decision(person=ANA), IN_TIME, HELD, True, CLUSTER, moved) is Refusal.WRONG_ROLE


def test_nobody_decides_about_a_producer_whose_owners_are_no_longer_known() -> None:
    gone = POLICY.model_copy(update={"principals": {}})
    assert weigh(decision(person=ANA), IN_TIME, HELD, True, CLUSTER, gone) is Refusal.WRONG_TOPIC
