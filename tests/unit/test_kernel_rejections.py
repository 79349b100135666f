"""Malformed input is rejected, never passed: reason and place, a row each."""

import json

import panlock_kernel
import pytest

KEYRING = panlock_kernel.Keyring({"k1": b"1" * 32}, "k1")
FLOW = panlock_kernel.Flow(
    json.dumps(
        {
            "fields": [
                {"path": "$.card.number", "class": "pan", "strategy": "token"},
                {"path": "$.items[*].pan", "class": "pan", "strategy": "partial"},
            ]
        }
    ).encode(),
    KEYRING,
)


def rejected(value: bytes) -> tuple[str, str]:
    verdict, place, *rest = FLOW.enforce("checkout", [b"k"], [value], [()])[0]
    assert verdict < 0
    assert rest == [None, None, None, b"[]", None, b""]
    return panlock_kernel.REJECTIONS[-verdict - 1], place


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (b"", 0),
        (b"  ", 2),
        (b"{", 1),
        (b'{"a"', 4),
        (b'{"a":', 5),
        (b'{"a":1', 6),
        (b'{"a":1,', 7),
        (b'{"a":1,}', 7),
        (b"{a:1}", 1),
        (b"{'a':1}", 1),
        (b'{"a" 1}', 5),
        (b'{"a":1 "b":2}', 7),
        (b"[1,]", 3),
        (b"[1 2]", 3),
        (b"[", 1),
        (b"]", 0),
        (b"tru", 0),
        (b"True", 0),
        (b"nul", 0),
        (b'"abc', 4),
        (b'"a\nb"', 2),
        (b'"\\x41"', 1),
        (b'"\\u12"', 1),
        (b"01", 0),
        (b"1.", 2),
        (b".5", 0),
        (b"+1", 0),
        (b"-", 1),
        (b"1e", 2),
        (b"0x10", None),
        (b"// comment\n1", 0),
        (b"\xef\xbb\xbf1", 0),
        (b"nan", 0),
    ],
)
def test_malformed_json_is_rejected_where_it_goes_wrong(value: bytes, place: int | None) -> None:
    if place is None:  # a whole number, then what is none
        assert rejected(value) == ("trailing-bytes", "byte 1")
    else:
        assert rejected(value) == ("malformed-json", f"byte {place}")


@pytest.mark.parametrize(
    ("value", "reason", "place"),
    [
        (b'{"a":1}x', "trailing-bytes", "byte 7"),
        (b'{"a":1} {"a":1}', "trailing-bytes", "byte 8"),
        (b"1\x00", "trailing-bytes", "byte 1"),
        (b'{"a":NaN}', "not-finite", "byte 5"),
        (b"[Infinity]", "not-finite", "byte 1"),
        (b"-Infinity", "not-finite", "byte 0"),
        (b"[1, -1e400]", "not-finite", "byte 4"),
        (b"9" * 400, "not-finite", "byte 0"),
        (b'"\xff"', "invalid-utf8", "byte 1"),
        (b'{"a":"\xed\xa0\x80"}', "invalid-utf8", "byte 6"),
        (b'"\xc0\xaf"', "invalid-utf8", "byte 1"),
        (b'["ok", "\\ud800"]', "invalid-utf8", "byte 8"),
        (b'"\\udc00\\ud800"', "invalid-utf8", "byte 1"),
        (b'{"\\ud800x":1}', "invalid-utf8", "byte 2"),
        (b'{"a":1,"b":2,"a":3}', "duplicate-key", "$.a"),
        (b'{"x":[{"a":1,"\\u0061":2}]}', "duplicate-key", "$.x[0].a"),
        (b'{"4111111111111111":1,"4111 1111 1111 1111":2}', "duplicate-key", '$["[REDACTED:PAN]"]'),
        (b'{"4111111111111111":1,"411111******1111":2}', "duplicate-key", '$["[REDACTED:PAN]"]'),
        (b'{"card":{"number":{"pan":1}}}', "field-type", "$.card.number"),
        (b'{"items":[{"pan":"4111111111111111"},{"pan":[]}]}', "field-type", "$.items[1].pan"),
        (b"[" * 65, "too-deep", "byte 64"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "too-deep", "byte 320"),
    ],
)
def test_what_no_two_parsers_read_alike_is_rejected(value: bytes, reason: str, place: str) -> None:
    assert rejected(value) == (reason, place)


def test_sixty_four_levels_are_not_too_deep() -> None:
    value = b"[" * 64 + b"]" * 64
    assert FLOW.enforce("checkout", [None], [value], [()])[0][0] == 0


def test_a_large_object_with_a_name_twice_is_rejected_too() -> None:
    names = [f"n{number}" for number in range(500)]
    value = "{" + ",".join(f'"{name}":1' for name in [*names, "n250"]) + "}"
    assert rejected(value.encode()) == ("duplicate-key", "$.n250")
    assert rejected(('{"x":' + value + "}").encode()) == ("duplicate-key", "$.x.n250")


def test_places_never_show_the_card_number_of_a_name() -> None:
    reason, place = rejected(b'{"4111111111111111":{"a":1,"a":2}}')
    assert (reason, place) == ("duplicate-key", '$["[REDACTED:PAN]"].a')


def test_a_long_place_is_cut() -> None:
    _, place = rejected(b'{"' + b"n" * 500 + b'":{"a":1,"a":2}}')
    assert len(place.encode()) <= 200
    assert place.endswith("…")


@pytest.mark.timeout(30)
def test_hostile_input_costs_time_in_proportion_to_its_size() -> None:
    """Each of these was quadratic in some masker. A mebibyte takes a tenth of a second; the time limit is the test."""
    size = 1 << 20
    texts = [b"1 ", b"4 ", b"5018 0000 0009 ", b"4111111111111111 ", b"\\u0034", b"tok_"]
    texts.append(b"tok_k1_" + b"2" * 32 + b" 4111")
    values = [b'"' + text * (size // len(text)) + b'"' for text in texts]
    values.append(json.dumps({f"k{number}": 1 for number in range(80_000)}).encode())
    for scan in ("partial", "token"):
        flow = panlock_kernel.Flow(json.dumps({"scan": scan}).encode(), KEYRING)
        results = flow.enforce("checkout", [None] * len(values), values, [()] * len(values))
        assert [verdict for verdict, *_ in results] == [0] * len(values)
