"""The scan's face: what is found where, in which words and encodings, and what is left alone."""

import base64
import json

import panlock_kernel
import pytest

PAN = "4111111111111111"
SPACED = "4111 1111 1111 1111"


def scan(value: object) -> list[tuple[str, str, str | None, int, int]]:
    found = json.loads(panlock_kernel.scan(json.dumps(value).encode()))
    assert "error" not in found
    return [(each["path"], each["class"], each["network"], each["start"], each["end"]) for each in found["findings"]]


def is_found(value: object) -> bool:
    return [each[1] for each in scan(value)] == ["pan"]


@pytest.mark.parametrize(
    "text",
    [
        PAN, SPACED, "4111-1111-1111-1111", "4111.1111.1111.1111", "4111/1111/1111/1111", "4111_1111_1111_1111",
        "4111\u00a01111\u202f1111\u20131111", "4111\u20141111\u200b1111\u00ad1111", "4111  1111\r\n1111 - 1111",
        "\uff14\uff11\uff11\uff11 1111 1111 1111", "\u0664111111111111111", "\u200b".join(PAN), " ".join(PAN),
        "%34%31%31%31111111111111", "4111%201111%C2%A01111%2D1111", "&#52;111&nbsp;1111&#x20;1111 1111",
        r"\u0034111111111111111", r"\x34\x31\x31\x31111111111111", PAN.encode().hex(),
        base64.b64encode(f"my card {SPACED}".encode()).decode(), base64.urlsafe_b64encode(PAN.encode()).decode(),
        base64.b64encode(base64.b64encode(PAN.encode())).decode(), json.dumps({"note": PAN}),
        json.dumps({"inner": json.dumps([int(PAN)])}), f"x{PAN}y", f"24.11.2026 {SPACED}", f"order 4711: {PAN}",
        f"{SPACED} 1227 123", f"{SPACED} 5555 5555 5555 4444"[:19], "6-0-1-1-0-0-0-9-9-0-1-3-9-4-2-4",
    ],
)  # fmt: skip
def test_a_card_number_is_found_however_it_is_written(text: str) -> None:
    assert is_found(text)
    assert is_found({"note": ["first", text]})


@pytest.mark.parametrize(
    "value",
    [
        {"order_id": PAN}, {"trace": int(PAN)}, {"imei": "378282246310005"}, {"order": {"no": PAN}}, "order no. " + PAN,
        "tracking number: " + PAN, "4006381333931", "+49 151 12345678", "0.4111111111111111", "1.4111111111111111",
        "550e8400-e29b-41d4-a716-446655440000", "9400 1112 0255 5555 5555 55", "4915112345674", 4111111111111111.75,
        {"id": 4000000000000000006}, "4000000000000000006", "3f786850e387550fdab836ed7e6dc881de23001b",
    ],
)  # fmt: skip
def test_what_is_something_else_is_left_alone(value: object) -> None:
    assert scan(value) == []


PAIRS = " ".join(f"{ord(digit):02x}" for digit in PAN)
MAIL = base64.encodebytes(f"Content-Type: text/plain; charset=utf-8\n\nplease take it from {PAN}\n".encode()).decode()


@pytest.mark.parametrize(
    "text",
    [
        "④①①①①①①①①①①①①①①①", "⁴¹¹¹¹¹¹¹¹¹¹¹¹¹¹¹", "4111+1111+1111+1111", "4111,1111,1111,1111",
        "4111 | 1111 | 1111 | 1111", r"4111\n1111\n1111\n1111", "４１１１ー１１１１ー１１１１ー１１１１",
        '"4111","1111","1111","1111"', "4111:1111:1111:1111", "3782'822463'10005", "4111•1111•1111•1111",
        "4111*1111*1111*1111", "7;4111;1111;1111;1111;1227;123", "%u0034" + PAN[1:], r"\064" + PAN[1:],
        r"\u{34}" + PAN[1:], "".join(f"={ord(digit):02X}" for digit in PAN), f"{PAN[:9]}=\r\n{PAN[9:]}",
        f"{PAN[:9]}=\n{PAN[9:]}", PAIRS, PAIRS.replace(" ", ":"), PAIRS.replace(" ", "-"), f"0x{PAN.encode().hex()}",
        PAN.encode("utf-16-le").hex(), PAN.encode("utf-16-be").hex(), PAN.encode("utf-16").hex(), MAIL,
        base64.b64encode(PAN.encode("utf-16-le")).decode(), base64.b64encode(PAN.encode("utf-16-be")).decode(),
        MAIL.replace("\n", "\r\n"), "%2534" + PAN[1:], "&amp;#52;" + PAN[1:],
        base64.b64encode(json.dumps({"a": json.dumps({"b": SPACED})}).encode()).decode(),
        f"values (7, '{PAN}', 'Bob')", f"GET /pay?n={PAN}&x=1", f"/data/export-{PAN}.csv",
        f"at charge(n={PAN}) line 12", f"level=info user=7 n={PAN} took=12ms", f"<Doc><Ref>{PAN}</Ref></Doc>",
        f"id,name,n\n7,Bob,{PAN}\n8,Eve,12\n", f"| 7 | {PAN} | Bob |", f"7\t{PAN}\tBob",
    ],
)  # fmt: skip
def test_a_card_number_is_found_as_careless_systems_write_it(text: str) -> None:
    assert is_found({"note": text})


@pytest.mark.parametrize(
    "text",
    [
        "1250,4111,1111,1111,1111", "4111,1111;1111,1111", "n=4111&m=1111&o=1111&p=1111", "order 4111,1111,1111,1111",
        "4111-XXXX-XXXX-1111", "10:20:30:40:50:60:70:80", "de:ad:be:ef:34:31:31:31:31:31:31:31:31:31:31:31:31:31:00",
        "a=41&b=11&c=11&d=11&e=11&f=11&g=11&h=11", "1111111111111114", "4lll1ll1llll1lll",
    ],
)  # fmt: skip
def test_other_lists_and_bytes_are_left_alone(text: str) -> None:
    assert scan({"note": text}) == []


@pytest.mark.parametrize(
    "text",
    [
        "amount 1250 4111 1111 1111 1111", "qty 2 4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "4111 1111 1111 1111 1227",
        "on 41 11 11 11 11 11 11 11 / 24.11.2026", "3782 822463 10005 1227", "3782 822463 10005 1234",
        "35 56 57 29 01 97 84 12 20 8", "2026 4111 1111 1111 1111",
    ],
)  # fmt: skip
def test_what_stands_beside_a_number_in_groups_is_told_from_its_groups(text: str) -> None:
    assert is_found({"note": text})


@pytest.mark.parametrize(
    "value",
    [
        # five fours, of which the last could be part of a date; fifteen digits in fours; a row of numbers
        {"note": "4111 1111 1111 1111 0911"}, {"note": "1250 4111 1111 1111 1111"}, {"tracking": "1000 0000 0000 008"},
        {"note": "counts: 3782 822463 10005 3600 4711 222"}, {"note": "4710 3782 822463 10005"},
        {"note": "24.11.2026 0.4111111111111111"}, {"total": int(PAN)}, {"note": "GET /cart?t=4222222222222&u=a"},
        {"cursor": base64.b64encode(PAN.encode()).decode()}, {"note": "35 56 57 29 01 97 84 12 20 8 17"},
    ],
)  # fmt: skip
def test_numbers_that_go_on_or_are_told_otherwise_are_left_alone(value: object) -> None:
    assert scan(value) == []


def test_a_separator_written_as_an_escape_disguises_nothing() -> None:
    assert scan("22-03-2026 \u2013 08-09-2022 \u2013 18-08-2018") == []
    raw = r'"30-05-2024 \u2013 03-02-2016"'
    assert json.loads(panlock_kernel.scan(raw.encode())) == {"findings": []}


@pytest.mark.parametrize(
    "value",
    [
        {"card": "4000000000000000006"}, {"note": "card 4000000000000000006"}, {"pan": "1234567890123"},
        {"card": {"number": "9999 9999 9999 9999"}}, {"cardNumber": 1234567890123}, {"order_id": SPACED},
        {"order_id": "card " + PAN},
    ],
)  # fmt: skip
def test_names_and_words_raise_what_alone_would_not_do(value: object) -> None:
    assert is_found(value)


def test_places_are_code_points_of_the_outer_text() -> None:
    assert scan({"a": f"ü😀 {SPACED}!"}) == [("$.a", "pan", "visa", 3, 22)]
    assert scan(["", {"b c": int(PAN)}]) == [('$[1]["b c"]', "pan", "visa", 0, 16)]
    blob = base64.b64encode(PAN.encode()).decode()
    assert scan(f"x {blob} y") == [("$", "pan", "visa", 2, 2 + len(blob))]
    inner = json.dumps({"n": PAN})
    assert scan(inner) == [("$", "pan", "visa", inner.index(PAN), inner.index(PAN) + 16)]


def test_a_verification_code_is_found_behind_its_abbreviation() -> None:
    for text in ("my cvv is 123", "CVC2: 123, thanks", "Card{cardCvv=123}", '"cvn": "123"', "c\u0076v\n123"):
        start = text.index("123")
        assert scan({"note": text}) == [("$.note", "sad", None, start, start + 3)], text
    for text in ("cvv 100%", "cvv 12", "cvc 123-4567", "the cvv failed, 200 ms", "acvv 123"):
        assert scan({"note": text}) == [], text
    assert scan(f"cvv {SPACED}") == [("$", "pan", "visa", 4, 23)]


def test_seventeen_digits_are_printed_with_five_at_the_end() -> None:
    for gap in (" ", "-", "\u2212", ", ", "%2520"):
        assert is_found(gap.join(("6225", "3283", "7094", "04624")))


def test_authentication_data_and_ibans_are_found_with_their_class() -> None:
    track = ";4111111111111111=27122011234567890?"
    assert scan({"note": track}) == [("$.note", "sad", None, 0, len(track))]
    assert scan({"cvv": "123", "pinBlock": "0123456789ABCDEF"}) == [
        ("$.cvv", "sad", None, 0, 3),
        ("$.pinBlock", "sad", None, 0, 16),
    ]
    assert scan({"code": 123}) == []
    assert scan("pay DE89 3704 0044 0532 0130 00 now") == [("$", "iban", None, 4, 31)]
    emv = "57114111111111111111D27122011234567890"
    assert scan({"de55": emv}) == [("$.de55", "sad", None, 0, len(emv))]


def test_a_name_that_holds_a_card_number_shows_none_in_paths() -> None:
    assert scan({PAN: {"a": SPACED}}) == [
        ("$", "pan", "visa", 0, 16),
        ('$["[REDACTED:PAN]"].a', "pan", "visa", 0, 19),
    ]


def test_what_is_no_json_is_told_with_its_place_alone() -> None:
    told = json.loads(panlock_kernel.scan(b'{"a":4111111111111111'))
    assert told == {"findings": [], "error": "malformed-json at byte 21"}
