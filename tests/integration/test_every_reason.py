"""Every reason code, provoked on a real broker: those of one record or one message here, the others elsewhere."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from deploy.dev.cluster import DevCluster
from pipeline.approval.decision import sign_message
from pipeline.policy.topics import DECISIONS
from pipeline.record import Reason, Refusal
from tests.approving import Person, decision_on, pending
from tests.audited import check_chain, wait_fates
from tests.deployment import Deployment, until

ANA, MALLORY = Person("ana"), Person("mal")
POLICY = f"""
version: 1
lanes: 1
principals:
  checkout: {{spiffe: spiffe://pay.example/checkout}}
  refunds: {{spiffe: spiffe://pay.example/refunds, identity: header}}
people:
  ana@pay.example: {{certificate: ana, roles: [approvers], keys: [{ANA.jwk}]}}
  mal@pay.example: {{certificate: mal, roles: [approvers]}}
flows:
  payments:
    producers: [checkout, refunds]
    partitions: 1
    fields: [{{path: $.pan, class: pan, strategy: token}}]
    hold: [{{id: held, when: has(record.hold), reason: a test, approvers: [approvers], expires: 1h}}]
  closed:
    producers: [checkout]
    partitions: 1
    schema: closed
    fields: [{{path: $.pan, class: pan, strategy: token}}]
  compact: {{producers: [checkout], partitions: 1}}
  bank: {{producers: [checkout], partitions: 1, format: xml}}
  cards: {{producers: [checkout], partitions: 1, format: avro}}
"""
PAN = "4111111111111111"
KEY, PLAIN, HELD = b"k", b'{"n":1}', b'{"hold":true}'
IDENTITY = ("panlock-identity", b"refunds")
RECORDS = {  # code: (topic, key, value, headers)
    "duplicate-key": ("payments.checkout", KEY, b'{"a":1,"a":2}', ()),
    "field-type": ("payments.checkout", KEY, b'{"pan":[1]}', ()),
    "header-name": ("payments.checkout", KEY, PLAIN, ((f"x-{PAN}", b""),)),
    "invalid-utf8": ("payments.checkout", KEY, b'{"a":"\xff"}', ()),
    "malformed-json": ("payments.checkout", KEY, b"{", ()),
    "not-finite": ("payments.checkout", KEY, b'{"a":NaN}', ()),
    "too-deep": ("payments.checkout", KEY, b"[" * 1000 + b"]" * 1000, ()),
    "trailing-bytes": ("payments.checkout", KEY, b"{}{}", ()),
    "identity-missing": ("payments.refunds", KEY, PLAIN, ()),
    "identity-duplicate": ("payments.refunds", KEY, PLAIN, (IDENTITY, IDENTITY)),
    "identity-mismatch": ("payments.refunds", KEY, PLAIN, (("panlock-identity", b"checkout"),)),
    "undeclared-field": ("closed.checkout", KEY, b'{"other":1}', ()),
    "key-missing": ("compact.checkout", None, PLAIN, ()),
    "malformed-value": ("bank.checkout", KEY, b"<a>", ()),
    "schema-mismatch": ("bank.checkout", KEY, f"<a><_{PAN}>1</_{PAN}></a>".encode(), ()),
    "schema-unknown": ("cards.checkout", KEY, b"\x00\x00\x00\x00\x07\x02a", ()),
}


@pytest.fixture(scope="module")
def panlock(cluster: DevCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    directory = tmp_path_factory.mktemp("reasons")
    (directory / "schemas").mkdir()
    with Deployment(cluster, directory, POLICY) as deployment:
        compact = ConfigEntry("cleanup.policy", "compact", incremental_operation=AlterConfigOpType.SET)
        topic = ConfigResource(ResourceType.TOPIC, "clean.compact", incremental_configs=[compact])
        deployment.admin.incremental_alter_configs([topic])[topic].result(30)
        deployment.worker(schemas={"directory": str(directory / "schemas")}).wait_ready(1)
        yield deployment
        check_chain(deployment)


def test_every_record_is_rejected_for_its_reason(panlock: Deployment) -> None:
    wanted = {}
    for code, (name, key, value, headers) in RECORDS.items():
        topic = f"quarantine.{name}"
        (offset,) = panlock.produce(topic, [(0, key, value)], headers=headers)
        wanted[f"{topic}/0/{offset}"] = [f"rejected {code}"]
    wait_fates(panlock, wanted)
    assert PAN not in str(panlock.events())


def test_a_queue_behind_a_held_record_has_an_end(panlock: Deployment) -> None:
    key, topic = b"queue", "quarantine.payments.checkout"
    first, *_, last, beyond = panlock.produce(topic, [(0, key, HELD), *[(0, key, PLAIN)] * 10_001])
    wait_fates(panlock, {f"{topic}/0/{first}": ["held"], f"{topic}/0/{beyond}": ["rejected queue-full"]})
    ANA.decide(panlock, lambda each: each.record == f"{topic}/0/{first}")
    wait_fates(panlock, {f"{topic}/0/{first}": ["held", "released"], f"{topic}/0/{last}": ["released"]})


def test_every_message_of_a_person_is_refused_for_its_reason(panlock: Deployment) -> None:
    panlock.produce("quarantine.payments.checkout", [(0, b"refused", HELD)])
    (held,) = until("a held record", lambda: pending(panlock))
    good = decision_on(panlock.cluster_id(), held)
    messages = {
        "bad-signature": sign_message(ANA.key, good)[:-8],
        "unknown-key": sign_message(MALLORY.key, good),
        "unknown-record": sign_message(ANA.key, replace(good, record="quarantine.payments.checkout/0/999999999")),
        "wrong-cluster": sign_message(ANA.key, replace(good, cluster="another")),
        "wrong-topic": sign_message(ANA.key, replace(good, topic_id="A" * 22)),
        "wrong-hash": sign_message(ANA.key, replace(good, sha256="0" * 64)),
    }
    before = len(panlock.events("decision.refused"))
    panlock.produce(DECISIONS, [(0, held.record.encode(), message) for message in messages.values()], "ana")
    refused = panlock.wait_events(before + len(messages), "decision.refused")[before:]
    assert [event["reason"] for event in refused] == list(messages)
    assert [each.record for each in pending(panlock)] == [held.record]


@pytest.mark.parametrize("code", sorted({*Reason, *Refusal}))
def test_a_test_on_a_real_broker_names_the_code(code: str) -> None:
    here = Path(__file__).parent
    sources = [path.read_text() for folder in (here, here.parent / "chaos") for path in folder.glob("*.py")]
    assert any(re.search(rf'["\s]{code}["\s]', source) for source in sources), f"no integration test provokes {code}"
