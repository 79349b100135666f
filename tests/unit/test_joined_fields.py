"""A field rule with `joined`: one number in the items of an array, masked as one."""

import json

import panlock_kernel
import pytest

PAN, PARTS = "4111111111111111", ["4111", "1111", "1111", "1111"]
KEYRING = panlock_kernel.Keyring({"k1": b"1" * 32}, "k1")


def flow(strategy: str, path: str = "$.pan", joined: bool = True, **more: object) -> panlock_kernel.Flow:
    rule = {"path": path, "class": "pan", "strategy": strategy, "joined": joined}
    return panlock_kernel.Flow(json.dumps({"fields": [rule], **more}).encode(), KEYRING)


def enforce(kernel: panlock_kernel.Flow, value: object) -> tuple:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return kernel.enforce("checkout", [None], [raw], [()])[0]


def masked(strategy: str, value: object) -> object:
    return json.loads(enforce(flow(strategy), {"pan": value})[3])["pan"]


@pytest.mark.parametrize("strategy", ["token", "partial", "fpe", "redact", "encrypt"])
def test_the_parts_are_masked_as_the_one_number(strategy: str) -> None:
    once = masked(strategy, PARTS)
    assert "".join(once) == masked(strategy, PAN)
    assert len(once) == len(PARTS)
    assert masked(strategy, once) == once


def test_what_keeps_its_length_keeps_its_parts() -> None:
    assert masked("partial", PARTS) == ["4111", "11**", "****", "1111"]
    assert [len(part) for part in masked("fpe", ["41", "1111111111", "1111"])] == [2, 10, 4]
    assert masked("redact", PARTS) == ["[REDACTED:PAN]", "", "", ""]
    assert masked("redact", [4111, 1111, "1111", "1111"]) == ["[REDACTED:PAN]", "", "", ""]
    assert masked("partial", [4111, 1111, 1111, 1111]) == ["411111******1111", "", "", ""]


def test_a_value_that_is_no_array_is_masked_as_ever() -> None:
    assert masked("partial", PAN) == "411111******1111"
    assert masked("partial", "4111 1111 1111 1111") == "411111******1111"
    assert masked("partial", ["4111 ", "1111 ", "1111 ", "1111"]) == ["411111******1111", "", "", ""]


def test_one_finding_tells_of_the_array() -> None:
    result = enforce(flow("token"), {"pan": PARTS})
    (finding,) = json.loads(result[5])
    assert (finding["path"], finding["strategy"], finding["by"]) == ("$.pan", "token", "field")


def test_the_array_is_dropped_whole() -> None:
    assert enforce(flow("drop"), {"a": 1, "pan": PARTS})[3] == b'{"a": 1}'
    assert json.loads(enforce(flow("drop", "$.pan[*]"), {"pan": [PARTS]})[3]) == {
        "pan": [["[REDACTED:PAN]", "", "", ""]]
    }


def test_bytes_around_the_parts_stay() -> None:
    value = b'{"pan" : [ "4111",\t"\\u0031111" , "1111","1111" ] , "b":1.0}'
    assert enforce(flow("partial"), value)[3] == b'{"pan" : [ "4111",\t"11**" , "****","1111" ] , "b":1.0}'
    assert enforce(flow("token"), b'{"pan":[ ]}')[3] == b'{"pan":[ ]}'


@pytest.mark.parametrize(
    ("value", "reason", "place"),
    [
        (b'{"pan":["4111",["1"]]}', "field-type", "$.pan[1]"),
        (b'{"pan":[null]}', "field-type", "$.pan[0]"),
        (b'{"pan":["4111" "1"]}', "malformed-json", "byte 15"),
        (b'{"pan":["4111",]}', "malformed-json", "byte 15"),
        (b'{"pan":["4111"', "malformed-json", "byte 14"),
        (b'{"pan":[01]}', "malformed-json", "byte 8"),
    ],
)
def test_what_is_no_text_in_parts_is_rejected(value: bytes, reason: str, place: str) -> None:
    verdict, at, *_ = enforce(flow("token"), value)
    assert (panlock_kernel.REJECTIONS[-verdict - 1], at) == (reason, place)


def test_without_it_an_array_is_no_field() -> None:
    verdict, at, *_ = enforce(flow("token", joined=False), {"pan": PARTS})
    assert (panlock_kernel.REJECTIONS[-verdict - 1], at) == ("field-type", "$.pan")
