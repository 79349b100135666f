"""Grants on a real broker: by the command line, over a worker's death, and each attack refused and audited."""

import asyncio
import json
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agents.cluster import identify
from agents.settings import Kafka
from deploy.dev.cluster import DevCluster
from pipeline.approval.decision import sign_message
from pipeline.approval.grant import GrantProposal, GrantWord, Terms
from pipeline.policy.topics import DECISIONS
from tests.approving import Person, pending
from tests.audited import check_chain
from tests.deployment import Deployment, until
from tests.granting import proposal, word
from tests.integration.cli_runner import Cli
from tests.integration.engine_policy import CHECKOUT, CLEAN

NAMES = ("ana", "ben", "cem", "dee")
PEOPLE = {name: Person(name) for name in NAMES}
EVE = Person("eve")
SECRET = "correct horse battery"
_ENTRIES = "".join(
    f"  {name}@pay.example: {{certificate: {name}, roles: [payments-approvers], keys: [{PEOPLE[name].jwk}]}}\n"
    for name in NAMES
)
POLICY = f"""
version: 1
lanes: 2
principals:
  checkout: {{spiffe: spiffe://pay.example/checkout, owners: [ben@pay.example]}}
people:
{_ENTRIES}
  eve@pay.example: {{certificate: eve, keys: [{EVE.jwk}]}}
flows:
  payments:
    producers: [checkout]
    partitions: 2
    ordering: none
    hold:
      - id: large
        when: has(record.amount) && record.amount > 5000.0
        reason: a test
        approvers: [payments-approvers]
        quorum: 2
        requester: $.by
        expires: 1h
"""
WHEN = "record.amount < 9500.0"


@pytest.fixture
def panlock(cluster: DevCluster, tmp_path: Path) -> Iterator[Deployment]:
    with Deployment(cluster, tmp_path, POLICY) as deployment:
        deployment.worker().wait_ready(2)
        yield deployment


def produce(panlock: Deployment, count: int = 1, amount: float = 9000.0, by: str = "zoe", lane: int = 0) -> None:
    value = json.dumps({"amount": amount, "by": f"{by}@pay.example"}).encode()
    panlock.produce(CHECKOUT, [(lane, b"k", value)] * count)


def say(panlock: Deployment, who: str, *messages: GrantProposal | GrantWord, lanes: tuple[int, ...] = (0, 1)) -> None:
    person = EVE if who == "eve" else PEOPLE[who]
    signed = [(lane, b"grant", sign_message(person.key, each)) for each in messages for lane in lanes]
    panlock.produce(DECISIONS, signed, person.certificate)


def terms_for(panlock: Deployment, **changes: Any) -> GrantProposal:
    found = asyncio.run(identify(Kafka.model_validate(panlock.cluster.config("admin")), (DECISIONS,)))
    until_ = int(time.time() * 1000) + 3_600_000
    good = {"cluster": found.cluster_id, "topic_id": found.topic_ids[DECISIONS], "until": until_, **changes}
    return proposal(panlock.policy, **good)


def opened(panlock: Deployment, **changes: Any) -> Terms:
    terms = terms_for(panlock, **changes)
    say(panlock, "ben", terms)
    for name in ("ana", "cem"):
        say(panlock, name, word(terms))
    panlock.wait_events(2, "grant.opened")
    return terms


def outcomes(panlock: Deployment, count: int) -> Counter[tuple[str, str | None]]:
    """Of so many records."""

    def decided() -> list[tuple[str, str | None]] | None:
        found = [
            (each["outcome"], each.get("reason")) for each in panlock.events() if each["type"].startswith("record.")
        ]
        return found if len(found) >= count else None

    return Counter(until(f"{count} records decided", decided))


PASSED, HELD = ("released", "released-by-grant"), ("held", "large")


@pytest.fixture
def people(panlock: Deployment, tmp_path: Path) -> dict[str, Cli]:
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    made = {}
    for name, person in PEOPLE.items():
        (tmp_path / f"{name}.pem").write_bytes(person.key.as_pem(private=True, password=SECRET))
        config, environment = {"person": {"key": f"{name}.pem"}}, {"PANLOCK_PASSPHRASE_FILE": str(secret)}
        made[name] = Cli(panlock.cluster, tmp_path, name, config, environment)
    return made


def test_a_grant_by_the_command_line_from_its_proposal_to_its_end(panlock: Deployment, people: dict[str, Cli]) -> None:
    asked = ("--flow", "payments", "--rule", "large", "--when", WHEN, "--policy", str(panlock.policy_file))
    rest = ("--for", "8h", "--records", "5", "--reason", "night run")
    proposed = people["ben"]("grant", "propose", *asked, *rest, "--json").json
    id_ = proposed["grant"]
    assert (proposed["state"], proposed["counted"]) == ("waits", 2)
    waits = people["ana"]("grant", "approve", id_[:12], "--reason", "agreed")
    assert waits.code == 0 and "every lane has counted it: waits, 1 of 2 (ana@pay.example)" in waits.err
    assert WHEN in waits.err
    opens = people["cem"]("grant", "approve", id_, "--reason", "agreed")
    assert "every lane has counted it: open, 2 of 2 (ana@pay.example, cem@pay.example)" in opens.err
    produce(panlock, 2)
    produce(panlock, amount=9900.0, lane=1)
    assert outcomes(panlock, 3) == {PASSED: 2, HELD: 1}
    (listed,) = people["dee"]("grant", "list", "--json").json
    assert (listed["state"], listed["used"], listed["proposer"]) == ("open", 2, "ben@pay.example")
    assert [each["used"] for each in listed["lanes"]] == [2, 0]
    table = people["dee"]("grant", "list").out
    assert id_[:12] in table and "2, at most 5 a lane" in table and "night run" in table
    revoked = people["dee"]("grant", "revoke", id_[:12], "--reason", "it is morning", "--json").json
    assert (revoked["state"], revoked["counted"]) == ("revoked", 2)
    produce(panlock)
    assert outcomes(panlock, 4)[HELD] == 2
    again = people["ana"]("grant", "approve", id_, "--reason", "once more")
    assert again.code == 2 and "is revoked already" in again.err
    assert [each["record"] for each in people["ana"]("pending", "list", "--json").json] == [
        each.record for each in sorted(pending(panlock), key=lambda each: (each.expires, each.record))
    ]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--for", "9h"), "at most 8h"),
        (("--when", "record.amount <"), "does not compile as CEL"),
        (("--when", 'record.card == "4111111111111111"'), "holds a card number"),
        (("--rule", "small"), "no hold rule 'small'"),
        (("--records", "0"), "--records"),
    ],
    ids=str,
)
def test_what_would_not_count_is_not_sent(
    panlock: Deployment, people: dict[str, Cli], arguments: tuple[str, str], why: str
) -> None:
    good = {"--flow": "payments", "--rule": "large", "--when": WHEN, "--for": "1h", "--records": "5", "--reason": "x"}
    given = {**good, "--policy": str(panlock.policy_file), **dict([arguments])}
    ended = people["ben"]("grant", "propose", *(each for pair in given.items() for each in pair))
    assert ended.code == 2 and why in ended.err
    assert panlock.read(DECISIONS) == []


def test_what_a_grant_has_let_pass_is_counted_over_a_kill_and_a_lost_store(panlock: Deployment) -> None:
    opened(panlock, records=30)
    produce(panlock, 10)
    assert outcomes(panlock, 10) == {PASSED: 10}
    produce(panlock, 500, amount=1.0)  # it dies with something to do
    panlock.workers[0].kill()
    produce(panlock, 10)
    panlock.worker().wait_ready(2)
    outcomes(panlock, 520)
    panlock.workers[-1].kill()
    shutil.rmtree(panlock.workers[-1].store)
    produce(panlock, 15)
    panlock.worker().wait_ready(2)
    assert outcomes(panlock, 535) == {PASSED: 30, ("released", None): 500, HELD: 5}
    ids = [dict(record.headers)["panlock-record-id"] for record in panlock.read(CLEAN)]
    assert len(ids) == len(set(ids)) == 530
    check_chain(panlock)


def test_a_vote_survives_a_kill_and_the_quorum_is_of_both(panlock: Deployment) -> None:
    terms = terms_for(panlock)
    say(panlock, "ben", terms)
    say(panlock, "ana", word(terms))
    panlock.wait_events(2, "grant.approved")
    panlock.workers[0].kill()
    say(panlock, "cem", word(terms))
    panlock.worker().wait_ready(2)
    panlock.wait_events(2, "grant.opened")
    assert len(panlock.events("grant.approved")) == 4


def test_each_attack_is_refused_and_audited_and_nothing_passes(panlock: Deployment) -> None:
    terms = terms_for(panlock)
    now = int(time.time() * 1000)
    attacks: list[tuple[str, str, GrantProposal | GrantWord]] = [
        ("wrong-cluster", "ben", replace(terms, cluster="another")),
        ("wrong-topic", "ben", replace(terms, topic_id="another")),
        ("wrong-rule", "ben", replace(terms, rule="small")),
        ("wrong-rule", "ben", replace(terms, flow="orders")),
        ("wrong-rule", "ben", replace(terms, rule_sha256="0" * 64)),  # of another policy
        ("expired", "ben", replace(terms, until=now - 1)),
        ("grant-limits", "ben", replace(terms, until=now + 9 * 3_600_000)),
        ("condition-invalid", "ben", replace(terms, when="record.amount <")),
        ("wrong-role", "eve", terms),
        ("unknown-grant", "ana", word(terms)),
    ]
    for _, who, message in attacks:
        say(panlock, who, message, lanes=(0,))
    say(panlock, "dee", terms)
    say(panlock, "ana", word(terms), lanes=(0,))
    words = [
        ("repeated", "ana", word(terms)),
        ("owner", "ben", word(terms)),
        ("requester", "dee", word(terms)),
        ("wrong-role", "eve", word(terms)),
        ("wrong-role", "eve", word(terms, "revoke")),
        ("unknown-grant", "cem", word(replace(terms, records=90_000))),
    ]
    for _, who, message in words:
        say(panlock, who, message, lanes=(0,))
    expected = [reason for reason, _, _ in (*attacks, *words)]
    refused = panlock.wait_events(len(expected), "decision.refused")
    assert [each["reason"] for each in refused] == expected
    produce(panlock)
    assert outcomes(panlock, 1) == {HELD: 1}


def test_a_grant_that_was_revoked_is_not_revived_by_its_messages(panlock: Deployment) -> None:
    opened(panlock)
    messages = [(each.partition, each.key, each.value) for each in panlock.read(DECISIONS)]
    terms = panlock.events("grant.opened")[0]["resource"]["grant"]
    known = next(each for each in panlock.events("grant.proposed"))
    assert known["resource"]["grant"] == terms
    revoked = GrantWord(*_place(panlock), terms, "revoke", "over", "jti-revoke", int(time.time()))
    say(panlock, "dee", revoked)
    panlock.wait_events(2, "grant.revoked")
    panlock.produce(DECISIONS, messages, "ana")
    refused = panlock.wait_events(len(messages), "decision.refused")
    assert Counter(each["reason"] for each in refused) == {"repeated": 2, "already-decided": 4}
    produce(panlock)
    assert outcomes(panlock, 1) == {HELD: 1}


def _place(panlock: Deployment) -> tuple[str, str]:
    terms = terms_for(panlock)
    return terms.cluster, terms.topic_id


def test_who_approved_it_gains_nothing_by_it(panlock: Deployment) -> None:
    opened(panlock)
    for by in ("ana", "CEM", "ben"):
        produce(panlock, by=by)
    assert outcomes(panlock, 3) == {HELD: 2, PASSED: 1}
