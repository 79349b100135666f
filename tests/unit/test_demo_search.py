"""The demo's search finds what it looks for in every form it may take, and nothing that is there by chance."""

import base64
import json

import pytest

from deploy.demo import records
from deploy.demo.cards import CARDS, Card, spaced
from deploy.demo.search import found, needles

VISA, AMEX = CARDS[0], CARDS[2]
WANTED = needles(CARDS)
NUMBER, CVV = "the card number of Visa", "the CVV of Visa"


def _found(data: bytes) -> set[str]:
    return found(data, WANTED)


@pytest.mark.parametrize("separator", ["", " ", "-", ".", "\u00a0", "  "])
def test_a_card_number_is_found_with_any_separator(separator: str) -> None:
    assert _found(f"xx{spaced(VISA.number, separator)}yy".encode()) == {NUMBER}


@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
def test_a_card_number_is_found_in_base64_wherever_its_run_begins(before: str) -> None:
    assert _found(b"\0" + before.encode() + base64.b64encode(b"key " + VISA.number.encode())) == {NUMBER}


@pytest.mark.parametrize("length", range(3))
def test_a_card_number_at_the_end_of_unpadded_base64_is_found(length: int) -> None:
    encoded = base64.urlsafe_b64encode(b"?" * length + VISA.number.encode()).rstrip(b"=")
    assert _found(b"." + encoded + b".") == {NUMBER}


def test_a_card_number_is_found_in_base64_within_base64() -> None:
    inner = json.dumps({"value": base64.b64encode(VISA.number.encode()).decode()})
    assert _found(base64.b64encode(inner.encode())) == {NUMBER}


def test_a_card_number_is_found_behind_escapes() -> None:
    assert _found("".join(f"\\u{ord(digit):04x}" for digit in VISA.number).encode()) == {NUMBER}


@pytest.mark.parametrize(
    "data",
    [
        b'{"anything":"737"}',
        b'{"cvv":737}',
        b'{"n": 737 , "m":1}',
        b'{"value":"{\\"card\\":\\"737\\"}"}',
        b"CVV2: 737.",
        b"737",
        b"{'cvc': 737}",
        base64.b64encode(b'{"card":{"cvv":"737"}}'),
    ],
)
def test_a_cvv_is_found_in_the_forms_that_a_leak_would_have(data: bytes) -> None:
    assert _found(data) == {CVV}


@pytest.mark.parametrize(
    "data",
    [
        b"[2026-11-24 07:03:01,737] [737] [INFO] worker@host/737 took 0.737 s",
        b'{"time":"2026-11-24T04:08:00.737Z","expires":1795507737737,"prev":"737a1b","id":"3/737"}',
        b'{"record":"quarantine.payments.checkout/3/737"}',
        b'12:00 EVENT_LOG_v1 {"time_micros": 1, "num_entries": 737, "x": "737"}\n',
        b"411111******1111",
        b"tok_k1_dtdqbtpxuj4tj5jx43gr5xrie5upnft3",
        b"4111 1111 1111 1112",
    ],
)
def test_clocks_process_ids_offsets_and_masked_numbers_are_not_found(data: bytes) -> None:
    assert _found(data) == set()


def test_a_card_number_among_the_counters_of_rocksdb_is_found() -> None:
    assert _found(f'EVENT_LOG_v1 {{"key": {VISA.number}}}'.encode()) == {NUMBER}


def test_the_four_digits_of_american_express_are_found() -> None:
    assert _found(b'{"cid":"7391"}') == {"the CVV of American Express"}
    assert found(b"7391", needles([Card("x", AMEX.number, "7391")])) == {"the CVV of x"}


def test_what_the_producers_write_holds_every_card_number_and_cvv() -> None:
    written = records.payments(1) + records.refunds() + records.free_text()
    data = b"\n".join(each.key.encode() + each.value for each in written)
    assert _found(data) == {needle.name for needle in WANTED}


def test_what_is_found_is_named_without_a_digit_of_it() -> None:
    assert not any(character.isdigit() for needle in WANTED for character in needle.name)
