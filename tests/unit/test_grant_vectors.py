"""Golden vectors of grants: no later change may edit them."""

import json
from dataclasses import replace

from pipeline.approval.decision import read_message, sign_message
from pipeline.approval.grant import Grant, GrantProposal, GrantVote, GrantWord, Terms, rule_named, terms_of
from tests.vectors.decision.people import ANA, BEN, HERE, policy

VECTORS = json.loads((HERE / "grants.json").read_text())
TERMS = Terms(**VECTORS["terms"])


def test_the_id_is_the_hash_of_the_terms() -> None:
    assert TERMS.id == VECTORS["id"]
    assert all(replace(TERMS, **{name: value}).id != VECTORS["id"] for name, value in (("records", 21), ("jti", "b")))


def test_the_rule_is_named_by_its_hash() -> None:
    rule = rule_named(policy().flows, TERMS)
    assert rule is not None and rule.id == "large-refund"


def test_a_proposal_reads_as_it_was_signed() -> None:
    raw = VECTORS["proposal"].encode()
    read = read_message(raw, policy())
    assert isinstance(read, GrantProposal)
    assert (read.person, terms_of(read), read.signed) == ("ana@pay.example", VECTORS["terms"], VECTORS["proposal"])
    assert sign_message(ANA, replace(read, person="")) == raw


def test_an_approval_reads_as_it_was_signed() -> None:
    read = read_message(VECTORS["approval"].encode(), policy())
    assert isinstance(read, GrantWord)
    assert (read.person, read.word, read.grant) == ("ben@pay.example", "approve", VECTORS["id"])
    assert BEN.thumbprint() != ANA.thumbprint()


def test_what_a_lane_knows_of_it() -> None:
    vote = GrantVote("ben@pay.example", "77ae", 1_795_493_000_000, "3/42")
    grant = Grant(TERMS, "ana@pay.example", "3/41", 2, ("payments-approvers",), (vote,), None, None, 0)
    assert grant.encode() == VECTORS["lane"].encode()
    assert Grant.decode(VECTORS["lane"].encode()) == grant
