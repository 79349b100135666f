"""Worked examples of docs/detection.md, clause by clause: what is found in a text, and what is not."""

import base64
import json

import pytest

from pipeline.masking.scan import scan

VISA = "4111111111111111"
TRACK1 = f"%B{VISA}^DOE/JOHN^27121010000000000?"
TRACK2 = f";{VISA}=27121010000000000?"
TLV = "5712" + f"{VISA}D27121010000000000000"[:35] + "F"


def found(document: object) -> list[tuple[str, str]]:
    """(class, what was found), in order; of documents with one string."""
    told = json.loads(scan(json.dumps(document).encode()))["findings"]
    text = document
    while isinstance(text, dict | list):
        text = next(iter(text.values())) if isinstance(text, dict) else text[0]
    return [(each["class"], str(text)[each["start"] : each["end"]]) for each in told]


@pytest.mark.parametrize(
    "number",
    [
        VISA, "4111 1111 1111 1111", "4111-1111-1111-1111", "4111.1111.1111.1111", "4111/1111/1111/1111",
        "4111_1111_1111_1111", "4111  1111  1111  1111", "4111 - 1111 - 1111 - 1111", "4111\n1111\r\n1111\t1111",
        "4111\u00a01111\u202f1111\u20091111", "4111\u20131111\u20141111\u22121111",
        "4111\u200b1111\u200d1111\ufeff1111",
        "4111\u00ad1111\u00ad1111\u00ad1111", "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "３７８２ ８２２４６３ １０００５",
        "٤١١١١١١١١١١١١١١١", "3782 822463 10005", "3056 930902 5904", "4000000000000000006",
        "6200 0000 0000 0005", "5060 9905 8000 0217 499", "9792030000000000", "5018 0000 0009",
    ],
)  # fmt: skip
def test_a_card_number_is_found_in_any_spelling_beside_a_card_word(number: str) -> None:
    assert found({"note": f"my card {number}, thanks"}) == [("pan", number)]


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111112", "9111111111111111", "00004111111111111111", "2026-11-24T04:08:00.123456Z",
        "550e8400-e29b-41d4-a716-446655440000", "+49 30 1234567 ext 89", "411111******1111", "192.168.100.200",
        "2026-11-24 10:12:33", "1764000000123456789", "d41d8cd98f00b204e9800998ecf8427e", "4006381333931",
        "9400 1000 0000 0000 0000 00", "+49 151 2345 6789 0", "1Z999AA10123456784", "978-3-16-148410-0",
    ],
)  # fmt: skip
def test_what_is_no_card_number_is_left(text: str) -> None:
    assert found({"note": text}) == []


@pytest.mark.parametrize("name", ["pan", "PAN", "cardNumber", "card_no", "primaryAccountNumber", "CC-Number", "ccnum"])
def test_under_a_name_that_says_so_any_number_of_that_length_is_one(name: str) -> None:
    assert found({name: "1234567890123456"}) == [("pan", "1234567890123456")]
    assert found({name: [1234567890123456]}) == [("pan", "1234567890123456")]
    assert found({name: "12345678901"}) == []


@pytest.mark.parametrize("name", ["order_id", "traceId", "imei", "tracking_number", "rrn", "timestamp", "invoiceNo"])
def test_a_name_that_says_otherwise_lowers_the_bare_number(name: str) -> None:
    assert found({name: VISA}) == found({name: int(VISA)}) == []


@pytest.mark.parametrize(
    "text",
    [
        "4111%201111%201111%201111",
        "%34%31%31%31%31%31%31%31%31%31%31%31%31%31%31%31",
        "4111&nbsp;1111&nbsp;1111&nbsp;1111",
        "&#52;&#49;&#x31;&#49;&#49;&#49;&#49;&#49;&#49;&#49;&#49;&#49;&#49;&#49;&#49;&#49;",
        base64.b64encode(f"card {VISA}".encode()).decode(),
        base64.b64encode(f"card {VISA}".encode()).decode().rstrip("="),
        VISA.encode().hex(),
    ],
)
def test_an_encoded_number_is_found_where_it_stands_encoded(text: str) -> None:
    assert found({"note": f"see {text} there"}) == [("pan", text)]


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_json_in_a_string_is_read_with_its_names(depth: int) -> None:
    document: object = {"pan": "1234567890123456"}
    for _ in range(depth):
        document = {"body": json.dumps(document)}
    assert found(document) == [("pan", "1234567890123456")]


@pytest.mark.parametrize("text", [TRACK1, TRACK2, TRACK2[1:-1], TLV])
def test_a_track_is_found_whole(text: str) -> None:
    assert found({"note": text}) == [("sad", text)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cvv", "123"),
        ("cvc2", "1234"),
        ("cvv", 123),
        ("pin", "1234"),
        ("pinBlock", "0123456789ABCDEF"),
        ("track2", TRACK2),
    ],
)
def test_authentication_data_is_found_by_name(name: str, value: object) -> None:
    assert found({name: value}) == [("sad", str(value))]


@pytest.mark.parametrize("text", ["DE89370400440532013000", "DE89 3704 0044 0532 0130 00", "GB29NWBK60161331926819"])
def test_an_iban_is_an_iban_and_no_card_number(text: str) -> None:
    assert found({"note": f"to {text}"}) == [("iban", text)]
    assert found({"note": f"to {text[:-1]}{(int(text[-1]) + 1) % 10}"}) == []
