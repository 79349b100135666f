"""People who sign in decide: a real issuer, a real broker, a worker of its own process."""

import asyncio
import base64
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc.jwk import OKPKey

from agents.cluster import identify
from agents.settings import Kafka
from deploy.dev.ca import DevelopmentCA
from deploy.dev.cluster import DevCluster
from deploy.dev.issuer.process import DevIssuer, dev_issuer
from pipeline.approval.decision import read_decision, read_message, sign_message
from pipeline.approval.envelope import SessionKey
from pipeline.approval.grant import GrantWord
from pipeline.approval.id_token import binding
from pipeline.approval.issuer_keys import IssuerKeys
from pipeline.policy.topics import DECISIONS
from tests.approving import Person, pending
from tests.deployment import Deployment, until
from tests.granting import proposal, word
from tests.integration.engine_policy import CHECKOUT, CLEAN
from tests.signing_in import Site, by_code, by_device, claims_of

APPROVERS = ["payments-approvers"]
ACCOUNTS = {
    name: {"email": f"{name}@pay.example", "groups": APPROVERS if name != "zoe" else ["readers"]}
    for name in ("ana", "ben", "cem", "dee", "zoe")
} | {
    "opal": {"email": "opal@pay.example", "groups": ["operators"]},
    "mal": {"email": "mal@pay.example", "email_verified": False, "groups": APPROVERS},
}


def policy(issuer: DevIssuer) -> str:
    people = "".join(f"  {name}@pay.example: {{certificate: {name}}}\n" for name in ACCOUNTS)
    return f"""
version: 1
lanes: 2
principals:
  checkout: {{spiffe: spiffe://pay.example/checkout, owners: [ben@pay.example]}}
  refunds: {{spiffe: spiffe://pay.example/refunds}}
people:
{people}
issuers:
  corporate: {{issuer: "{issuer.url}", client_id: panlock, device_client_id: panlock-device, acr: [mfa]}}
flows:
  payments:
    producers: [checkout, refunds]
    partitions: 2
    hold:
      - id: refund
        when: has(record.by)
        reason: a test
        approvers: [payments-approvers]
        quorum: 2
        requester: $.by
        expires: 1h
"""


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevIssuer]:
    directory = tmp_path_factory.mktemp("issuer")
    with dev_issuer(directory, DevelopmentCA(directory / "ca"), ACCOUNTS) as running:
        yield running


@pytest.fixture
def site(issuer: DevIssuer) -> Site:
    return Site(issuer.url, issuer.ca)


@pytest.fixture
def panlock(cluster: DevCluster, issuer: DevIssuer, tmp_path: Path) -> Iterator[Deployment]:
    with Deployment(cluster, tmp_path, policy(issuer)) as deployment:
        deployment.worker(issuer_ca=str(issuer.ca)).wait_ready(2)
        yield deployment


def fresh_key() -> OKPKey:
    return OKPKey.import_key(Ed25519PrivateKey.generate())


def signed_in(site: Site, name: str, flow: Any = by_code, **answers: str) -> Person:
    """Somebody with a session of a minute ago or less."""
    key = fresh_key()
    return Person(name).under(SessionKey(key, flow(site, name, binding(key), **answers)))


def hold(panlock: Deployment, count: int = 1) -> None:
    records = [(0, b"key-%d" % number, b'{"by":"dee@pay.example"}') for number in range(count)]
    panlock.produce(CHECKOUT, records)
    until("records that are held", lambda: len(pending(panlock)) == count)


def reasons(panlock: Deployment, count: int) -> list[str]:
    return [event["reason"] for event in panlock.wait_events(count, "decision.refused")]


def test_two_people_who_signed_in_release_a_record_and_the_audit_alone_proves_it(
    panlock: Deployment, site: Site
) -> None:
    hold(panlock)
    signed_in(site, "ana").decide(panlock)
    signed_in(site, "cem").decide(panlock)
    until("the record in its clean topic", lambda: panlock.read(CLEAN))
    events = panlock.events()
    snapshot = next(event for event in events if event["type"] == "approver.keys-observed")
    accepted = [event for event in events if event["type"] == "decision.accepted"]
    assert [event["actor"]["person"] for event in accepted] == ["ana@pay.example", "cem@pay.example"]
    assert {event["actor"]["acr"] for event in accepted} == {"mfa"}
    keys = {snapshot["issuer"]["alias"]: IssuerKeys.of(snapshot["keys"])}
    for event in accepted:
        when = 1000 * int(event["actor"]["auth_time"])
        proved = read_decision(event["proof"]["message"].encode(), panlock.policy, keys, when)
        assert proved.person == event["actor"]["person"] and event["proof"]["keys"] == snapshot["resource"]["sha256"]


def test_who_may_not_decide_is_refused_and_audited(panlock: Deployment, site: Site) -> None:
    hold(panlock)
    thief_key = fresh_key()
    attacks = {
        "owner": signed_in(site, "ben"),
        "requester": signed_in(site, "dee"),
        "wrong-role": signed_in(site, "zoe"),
        "weak-sign-in": signed_in(site, "ana", factors="one"),
        "token-stale": signed_in(site, "ana", ago="901"),
        "token-invalid": signed_in(site, "mal"),
    }
    other_client = SessionKey(thief_key, by_code(site, "ana", binding(thief_key), "another-application"))
    stolen = SessionKey(thief_key, by_code(site, "ana", binding(fresh_key())))
    # the phished device code: the thief starts the flow for their own key, ana signs in with the code she was sent
    phished = SessionKey(thief_key, by_device(site, "ana", binding(thief_key)))
    unsigned = SessionKey(thief_key, without_signature(by_code(site, "ana", binding(thief_key))))
    people = [
        *attacks.items(),
        *(("token-invalid", Person("ana").under(each)) for each in (other_client, unsigned)),
        ("token-unbound", Person("ana").under(stolen)),
        ("device-flow", Person("ana").under(phished)),
    ]
    for _, person in people:
        person.decide(panlock)
    found = reasons(panlock, len(people))
    assert found == [reason for reason, _ in people]
    assert len(pending(panlock)) == 1 and not panlock.events("decision.accepted")


def without_signature(token: str) -> str:
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none", "kid": header_of(token)["kid"]}).encode())
    return f"{header.rstrip(b'=').decode()}.{token.split('.')[1]}."


def header_of(token: str) -> dict[str, str]:
    head = token.split(".")[0]
    return json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))


def test_a_token_of_another_issuer_counts_for_nothing(panlock: Deployment, tmp_path: Path) -> None:
    hold(panlock)
    with dev_issuer(tmp_path / "other", DevelopmentCA(tmp_path / "other" / "ca"), ACCOUNTS) as other:
        signed_in(Site(other.url, other.ca), "ana").decide(panlock)
    assert reasons(panlock, 1) == ["token-invalid"]


def test_one_person_is_one_in_two_sessions_and_a_replay_is_none(panlock: Deployment, site: Site) -> None:
    hold(panlock)
    signed_in(site, "ana").decide(panlock)
    signed_in(site, "ana").decide(panlock)
    first = next(record for record in panlock.read(DECISIONS) if record.value.startswith(b"ey"))
    panlock.produce(DECISIONS, [(0, first.key, first.value)], "ana")
    assert reasons(panlock, 2) == ["repeated", "repeated"]
    signed_in(site, "cem").decide(panlock)
    until("the record in its clean topic", lambda: panlock.read(CLEAN))
    panlock.produce(DECISIONS, [(0, first.key, first.value)], "ana")
    assert reasons(panlock, 3)[2] == "already-decided"


def test_one_person_is_one_in_two_sessions_when_they_approve_a_grant(panlock: Deployment, site: Site) -> None:
    place = asyncio.run(identify(Kafka.model_validate(panlock.cluster.config("admin")), (DECISIONS,)))
    cluster, topic_id, until_ = place.cluster_id, place.topic_ids[DECISIONS], int(time.time() * 1000) + 3_600_000
    terms = proposal(
        panlock.policy, rule="refund", when="true", until=until_, cluster=cluster, topic_id=topic_id, records=1
    )
    people = [signed_in(site, name) for name in ("dee", "ana", "ana", "cem")]
    words = [terms, *(word(terms) for _ in people[1:])]
    for person, message in zip(people, words, strict=True):
        signed = sign_message(person.key, message)
        panlock.produce(DECISIONS, [(0, b"grant", signed)], person.certificate)
    (opened,) = panlock.wait_events(1, "grant.opened")
    assert opened["approval"]["people"] == ["ana@pay.example", "cem@pay.example"]
    assert reasons(panlock, 1) == ["repeated"]
    panlock.produce(CHECKOUT, [(0, b"k", b'{"by":"dee@pay.example"}'), (0, b"k", b'{"by":"dee@pay.example"}')])
    until("the one that passes", lambda: panlock.read(CLEAN))
    until("the other, which is held", lambda: len(pending(panlock)) == 1)
    snapshot = next(event for event in panlock.events() if event["type"] == "approver.keys-observed")
    keys = {snapshot["issuer"]["alias"]: IssuerKeys.of(snapshot["keys"])}
    for event in panlock.events("grant.approved"):
        when = 1000 * int(event["actor"]["auth_time"])
        proved = read_message(event["proof"]["message"].encode(), panlock.policy, keys, when)
        assert isinstance(proved, GrantWord) and proved.grant == terms.id and proved.person == event["actor"]["person"]


def test_after_a_rotation_people_with_tokens_of_the_new_key_count(panlock: Deployment, site: Site) -> None:
    hold(panlock)
    signed_in(site, "ana").decide(panlock)
    panlock.wait_events(1, "decision.accepted")
    site.post(f"{site.url}/development/rotate-keys")
    signed_in(site, "cem").decide(panlock)
    until("the record in its clean topic", lambda: panlock.read(CLEAN))
    assert len(panlock.events("approver.keys-observed")) == 2


def test_while_the_issuer_hangs_records_flow_and_a_decision_waits_for_its_key(
    panlock: Deployment, issuer: DevIssuer, site: Site
) -> None:
    hold(panlock)
    ana = signed_in(site, "ana")
    with hung(issuer):
        ana.decide(panlock)
        began = time.monotonic()
        panlock.produce(CHECKOUT, [(0, b"other", b'{"n":1}')])
        until("a record that needs nobody, in its clean topic", lambda: panlock.read(CLEAN), 10)
        assert time.monotonic() - began < 10
        assert not panlock.events("decision.accepted") and not panlock.events("decision.refused")
    assert panlock.wait_events(1, "decision.accepted")[0]["actor"]["person"] == "ana@pay.example"


def test_an_operator_who_signed_in_denies_a_person_and_a_key_and_their_word_counts_no_more(
    panlock: Deployment, site: Site
) -> None:
    hold(panlock, 2)
    opal, stolen = signed_in(site, "opal"), fresh_key()
    opal.deny(panlock, "person", "Ana@pay.example")
    opal.deny(panlock, "key", stolen.thumbprint())
    denied = panlock.wait_events(4, "identity.denied")
    assert {event["lane"] for event in denied} == {0, 1} and all(event["proof"]["message"] for event in denied)
    began = time.monotonic()
    signed_in(site, "ana").decide(panlock)
    Person("cem").under(SessionKey(stolen, by_code(site, "cem", binding(stolen)))).decide(panlock)
    assert sorted(reasons(panlock, 4)) == ["key-denied"] * 2 + ["person-denied"] * 2
    assert time.monotonic() - began < 30 and not panlock.events("decision.accepted")
    signed_in(site, "zoe").deny(panlock, "person", "cem@pay.example")  # no operator
    signed_in(site, "cem").decide(panlock)  # a new key
    opal.deny(panlock, "person", "ana@pay.example", "allow")
    panlock.wait_events(2, "identity.allowed")
    signed_in(site, "ana").decide(panlock)
    until("both records in their clean topic", lambda: len(panlock.read(CLEAN)) == 2)


def test_a_decision_whose_issuer_stays_away_for_a_minute_is_refused(
    panlock: Deployment, issuer: DevIssuer, site: Site
) -> None:
    hold(panlock)
    ana = signed_in(site, "ana")
    with hung(issuer):
        ana.decide(panlock)
        (event,) = panlock.wait_events(1, "decision.refused", patience=120)
    assert event["reason"] == "issuer-unreachable"
    assert len(pending(panlock)) == 1


@contextmanager
def hung(issuer: DevIssuer) -> Iterator[None]:
    os.kill(issuer.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(issuer.pid, signal.SIGCONT)


def test_no_token_is_in_a_workers_log_nor_in_an_event_but_the_proof(panlock: Deployment, site: Site) -> None:
    hold(panlock)
    key = fresh_key()
    token = by_code(site, "ana", binding(key))
    assert claims_of(token)["email"] == "ana@pay.example"
    Person("ana").under(SessionKey(key, token)).decide(panlock)
    stale = signed_in(site, "cem", ago="2000")
    stale.decide(panlock)
    reasons(panlock, 1)
    log = panlock.workers[0].log.read_text()
    assert token[:40] not in log and "id_token" not in log
    for event in panlock.events():
        event.pop("proof", None)
        assert token[:40] not in json.dumps(event) and "eyJ" not in json.dumps(event)
