"""Payments that are not JSON, and their clean records as a consumer of that format reads them."""

from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import fastavro
import orjson
from confluent_kafka import Message

from deploy.demo.cards import CARDS, Card
from deploy.demo.clients import headers, read_all
from deploy.demo.producers import Sent, write_all
from deploy.demo.reckoning import Batch, Clean
from deploy.demo.run import Run
from deploy.demo.told import expect, until
from pipeline.policy.topics import quarantine_topic

SCHEMA_ID = 1
CONFLUENT = b"\0" + SCHEMA_ID.to_bytes(4, "big")
PAYMENT = {
    "type": "record",
    "name": "Payment",
    "namespace": "example.pay",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "amount", "type": "double"},
        {
            "name": "card",
            "type": {
                "type": "record",
                "name": "Card",
                "fields": [
                    {"name": "number", "type": "string"},
                    {"name": "cvv", "type": ["null", "string"], "default": None},
                ],
            },
        },
        {"name": "note", "type": ["null", "string"], "default": None},
    ],
}


class Written(NamedTuple):
    """A flow of another format: how its producer writes a payment, and what its consumer makes of a clean one."""

    flow: str
    encode: Callable[[str, Card], bytes]
    decode: Callable[[bytes], Mapping[str, Any]]


def write_schema(directory: Path) -> None:
    directory.mkdir(parents=True)
    (directory / f"{SCHEMA_ID}.avsc").write_bytes(orjson.dumps(PAYMENT))


def _avro(name: str, card: Card) -> bytes:
    out = BytesIO(CONFLUENT)
    out.seek(len(CONFLUENT))
    payment = {
        "id": name,
        "amount": 42.5,
        "card": {"number": card.number, "cvv": card.cvv},
        "note": f"read out as {card.number}",
    }
    fastavro.schemaless_writer(out, fastavro.parse_schema(PAYMENT), payment)
    return out.getvalue()


def _read_avro(value: bytes) -> Mapping[str, Any]:
    found = fastavro.schemaless_reader(BytesIO(value[len(CONFLUENT) :]), fastavro.parse_schema(PAYMENT), None)
    assert isinstance(found, dict)  # noqa: S101  # the schema is a record's
    return found


def _xml(name: str, card: Card) -> bytes:
    return (
        f'<Payment xmlns="urn:example:pay" Id="{name}"><Amt Ccy="EUR">42.50</Amt>'
        f"<Card><PAN>{card.number}</PAN><CVV>{card.cvv}</CVV></Card><Note>read out as {card.number}</Note></Payment>"
    ).encode()


def _read_xml(value: bytes) -> Mapping[str, Any]:
    root = ElementTree.fromstring(value)  # noqa: S314  # our own, and masked
    name = "{urn:example:pay}"
    card = {"number": root.findtext(f"{name}Card/{name}PAN"), "cvv": root.findtext(f"{name}Card/{name}CVV")}
    return {"id": root.attrib["Id"], "card": card, "note": root.findtext(f"{name}Note")}


FORMATS = {"XML": Written("payments-xml", _xml, _read_xml), "Avro": Written("payments-avro", _avro, _read_avro)}


def write_formats(run: Run) -> None:
    """Raises NotAsToldError."""
    for name, written in FORMATS.items():
        topic, flow = quarantine_topic(written.flow, "tills"), run.policy.flows[written.flow]
        named = [f"{flow.format}-{number}" for number in range(1, len(CARDS) + 1)]
        sent = [Sent(id_, written.encode(id_, card)) for id_, card in zip(named, CARDS, strict=True)]
        write_all(run.kafka("tills"), topic, sent, run.seal_to)
        run.written += sent
        clean = _clean(run, flow.clean_topic, len(sent))
        for message in clean:
            _check(written.decode(message.value()))
        if flow.format == "xml":
            run.note(f"clean, as it is: {clean[0].value().decode()}")
        run.note(f"clean, read as {name}: {orjson.dumps(written.decode(clean[0].value())).decode()}")
        run.others.append((Batch(f"payments in {name}", "tills", "the kit", named), topic, _told(written, clean)))


def _clean(run: Run, topic: str, count: int) -> Sequence[Message]:
    def look() -> Sequence[Message] | None:
        found = read_all(run.kafka("ledger"), topic, "ledger-demo-formats")
        return found if len(found) >= count else None

    return until(f"{count} records in {topic}", look)


def _check(payment: Mapping[str, Any]) -> None:
    card = payment["card"]
    expect(str(card["number"]).startswith("tok_k1_"), "a card number was released without becoming a token")
    expect(card.get("cvv") is None, "a record was released with its field cvv")


def _told(written: Written, clean: Sequence[Message]) -> list[Clean]:
    heads = [(written.decode(message.value())["id"], headers(message)) for message in clean]
    return [Clean(id_, head["panlock-record-id"], head["panlock-principal"], False) for id_, head in heads]
