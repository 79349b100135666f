"""What the producers write: payments and refunds as JSON, each with an `id` of its own."""

from collections.abc import Iterator
from itertools import count

import orjson

from deploy.demo.cards import CARDS, Card, spaced
from deploy.demo.producers import Sent

CUSTOMERS = 7


def payment(name: str, card: Card, **more: object) -> Sent:
    body = {
        "id": name,
        "type": "payment",
        "amount": 42.5,
        "currency": "EUR",
        "card": {"number": card.number, "cvv": card.cvv, "expiry": "12/29"},
        **more,
    }
    return Sent(_customer(name), orjson.dumps(body))


def refund(name: str, card: Card, amount: float, customer: str | None = None, **more: object) -> Sent:
    body = {"id": name, "type": "refund", "amount": amount, "card": {"number": card.number}, **more}
    return Sent(customer or _customer(name), orjson.dumps(body))


def payments(times: int) -> list[Sent]:
    """So many payments with each card."""
    return [payment(f"pay-{number:03}", card) for number, card in zip(count(1), CARDS * times, strict=False)]


def refunds() -> list[Sent]:
    """A small one to each card; the CVV that does not belong there is a number instead of a string."""
    return [
        Sent(_customer(f"ref-{number:03}"), orjson.dumps(_with_cvv(f"ref-{number:03}", card)))
        for number, card in enumerate(CARDS, 1)
    ]


def _with_cvv(name: str, card: Card) -> dict[str, object]:
    return {
        "id": name,
        "type": "refund",
        "amount": 12.25,
        "card": {"number": int(card.number), "cvv": int(card.cvv)},
    }


def free_text() -> list[Sent]:
    """Card numbers where no field rule expects one: in prose, in fours, escaped, as a number, as the record's key."""
    visa, mastercard, amex, discover = CARDS[:4]
    escaped = "".join(f"\\u{ord(digit):04x}" for digit in discover.number)
    return [
        _payment_with("text-1", "note", f"customer read out {spaced(mastercard.number)} on the phone"),
        _payment_with("text-2", "note", f"charged twice: {amex.number}, see mail"),
        _payment_with("text-3", "attempts", [{"ref": spaced(visa.number, "-")}, {"ref": int(discover.number)}]),
        Sent("c-1", _payment_with("text-4", "note", "ESCAPED").value.replace(b"ESCAPED", escaped.encode())),
        Sent(visa.number, _payment_with("text-5", "note", "the record's key is a card number").value),
    ]


def _payment_with(name: str, field: str, value: object) -> Sent:
    return Sent(_customer(name), orjson.dumps({"id": name, "type": "payment", "amount": 9.75, field: value}))


def malformed() -> Sent:
    """Cut off in the middle, a card number in what is left."""
    whole = payment("broken-1", CARDS[4]).value
    return Sent("c-1", whole[: whole.index(b'"expiry"')])


def traffic() -> Iterator[Sent]:
    """Small refunds without end."""
    for number in count(1):
        yield refund(f"traffic-{number:04}", CARDS[number % len(CARDS)], 5.25)


def _customer(name: str) -> str:
    """A key: the same for every seventh record."""
    return f"c-{sum(name.encode()) % CUSTOMERS}"
