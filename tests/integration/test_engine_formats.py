"""A flow of XML on a real broker: masked, held, approved, and rejected where it is no XML."""

import json
from collections.abc import Iterator

import pytest

from deploy.dev.cluster import DevCluster
from pipeline.approval.pending import Pending
from pipeline.record import record_sha256
from tests.approving import Person, pending
from tests.audited import check_chain, released, wait_fates
from tests.deployment import Deployment, until

ANA = Person("ana")
CHECKOUT, CLEAN = "quarantine.transfers.checkout", "clean.transfers"
POLICY = f"""
version: 1
lanes: 1
principals:
  checkout: {{spiffe: spiffe://pay.example/checkout}}
people:
  ana@pay.example: {{certificate: ana, roles: [approvers], keys: [{ANA.jwk}]}}
flows:
  transfers:
    producers: [checkout]
    partitions: 1
    format: xml
    fields:
      - {{path: $.Document.Tx.PAN, class: pan, strategy: token}}
      - {{path: $.Document.Tx.CVV, class: sad}}
    hold:
      - id: large
        when: 'has(record.Document.Tx.Amt) && double(record.Document.Tx.Amt["#text"]) > 5000.0'
        reason: large transfers need somebody
        approvers: [approvers]
"""


def transfer(amount: str) -> bytes:
    return (
        f'<?xml version="1.0"?>\n<Document xmlns="urn:x"><!-- a --><Tx><Amt Ccy="EUR">{amount}</Amt>'
        "<PAN>4111111111111111</PAN><CVV>737</CVV></Tx><Note>5555 5555 5555 4444</Note></Document>"
    ).encode()


@pytest.fixture(scope="module")
def panlock(cluster: DevCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with Deployment(cluster, tmp_path_factory.mktemp("formats"), POLICY) as deployment:
        deployment.worker().wait_ready(1)
        yield deployment
        check_chain(deployment)


def test_xml_is_masked_held_with_those_behind_it_released_and_rejected(panlock: Deployment) -> None:
    values = [transfer("1.00"), transfer("9000.00"), transfer("2.00"), b"<Document><Tx></Document>"]
    keys = [b"a", b"b", b"b", b"c"]
    first, large, behind, broken = panlock.produce(
        CHECKOUT, [(0, key, value) for key, value in zip(keys, values, strict=True)]
    )
    (held,) = until("a held record", lambda: pending(panlock))
    assert isinstance(held, Pending) and held.value is not None
    assert held.record == f"{CHECKOUT}/0/{large}"
    assert b"4111" not in held.value and b"<CVV>" not in held.value and b'<Amt Ccy="EUR">9000.00</Amt>' in held.value
    assert record_sha256(held.key, held.value, held.headers) == held.sha256
    ANA.decide(panlock)
    wait_fates(
        panlock,
        {
            **released(CHECKOUT, 0, [first]),
            f"{CHECKOUT}/0/{large}": ["held", "released"],
            f"{CHECKOUT}/0/{behind}": ["released"],
            f"{CHECKOUT}/0/{broken}": ["rejected malformed-value"],
        },
    )
    clean = [record.value for record in panlock.read(CLEAN)]
    assert len(clean) == 3 and held.value in clean
    for value, amount in zip(clean, ("1.00", "9000.00", "2.00"), strict=True):
        token = value.split(b"<PAN>")[1].split(b"</PAN>")[0]
        assert token.startswith(b"tok_k1_")
        assert value == transfer(amount).replace(b"4111111111111111", token).replace(b"<CVV>737</CVV>", b"").replace(
            b"5555 5555 5555 4444", b"555555******4444"
        )
    (told,) = [json.loads(record.value) for record in panlock.read("panlock.rejections.checkout")]
    assert told["place"] == "byte 16"
