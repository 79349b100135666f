"""Plain text, NDJSON and CSV values."""

import orjson
import panlock_kernel
import pytest

from pipeline.masking.face import REASONS, Masked
from pipeline.masking.formats.csv import Columns, CsvFormat
from pipeline.masking.formats.format import Format
from pipeline.masking.formats.ndjson import NdJsonFormat
from pipeline.masking.formats.text import TextFormat
from pipeline.masking.projected import Projected

PAN, PARTIAL = b"4111111111111111", b"411111******1111"
KEYRING = panlock_kernel.Keyring({"k1": b"1" * 32}, "k1")


def mask(format_: Format, value: bytes, *fields: tuple[str, str, str]) -> Masked:
    rules = [dict(zip(("path", "class", "strategy"), field, strict=True)) for field in fields]
    config = {"fields": rules, "scan": {"pan": "partial"}, "rules": []}
    masker = Projected(panlock_kernel.Flow(orjson.dumps(config), KEYRING), format_)
    return masker.enforce("checkout", [None], [value], [()])[0]


def rejection(format_: Format, value: bytes) -> tuple[str, str | None]:
    result = mask(format_, value)
    assert result.verdict < 0 and result.value is None
    return REASONS[-result.verdict - 1].value, result.detail


def test_a_card_number_in_plain_text_is_masked_and_nothing_else() -> None:
    value = b'caf\xc3\xa9 "4111 1111 1111 1111"\r\n\tend\x00'
    assert mask(TextFormat(), value).value == value.replace(b"4111 1111 1111 1111", PARTIAL)
    assert rejection(TextFormat(), b"a\xff") == ("invalid-utf8", "byte 1")


def test_ndjson_keeps_its_lines_and_numbers_them() -> None:
    value = b'{"a": 1, "pan":"4111111111111111"}\r\n\n[ "4111111111111111",\t2]\n'
    result = mask(NdJsonFormat(), value)
    assert result.value == value.replace(PAN, PARTIAL)
    assert [finding["path"] for finding in orjson.loads(result.masking)] == ["$[0].pan", "$[1][0]"]
    dropped = mask(NdJsonFormat(), b'{"cvv":"123"}\n{"cvv":"456","b":1}', ("$[*].cvv", "sad", "drop"))
    assert dropped.value == b'{}\n{"b":1}'


@pytest.mark.parametrize("line", [b"1,2", b"1],[2", b"{", b'"a', b"NaN"])
def test_each_line_of_ndjson_is_one_json_value(line: bytes) -> None:
    assert rejection(NdJsonFormat(), b"{}\n" + line) == ("malformed-json", "$[1]")


def csv(value: bytes, *fields: tuple[str, str, str], columns: Columns = "header", delimiter: str = ",") -> Masked:
    return mask(CsvFormat(columns, delimiter), value, *fields)


def test_csv_is_edited_in_place() -> None:
    value = b'\xef\xbb\xbfpan,"name",note\r\n4111111111111111,"A ""B"", C",\r\n\r\n"5555555555554444", x ,"a\nb"\r\n'
    result = csv(value, ("$[*].pan", "pan", "redact"), ("$[*].name", "name", "redact"))
    assert result.value == (
        b'\xef\xbb\xbfpan,"name",note\r\n[REDACTED:PAN],[REDACTED:NAME],\r\n\r\n'
        b'[REDACTED:PAN],[REDACTED:NAME],"a\nb"\r\n'
    )
    assert csv(b"pan\nx\n").value == b"pan\nx\n"


def test_csv_columns_may_be_counted_or_named() -> None:
    value = b"A;4111111111111111;123\n"
    rules = ('$[*]["2"]', "pan", "redact"), ('$[*]["3"]', "sad", "drop")
    assert csv(value, *rules, columns="index", delimiter=";").value == b"A;[REDACTED:PAN];\n"
    named = csv(value, ("$[*].name", "name", "redact"), columns=("name", "pan", "cvv"), delimiter=";")
    assert named.value == b"[REDACTED:NAME];411111******1111;123\n"


def test_a_masked_field_that_needs_quotes_gets_them() -> None:
    assert csv(b'note\n"a, 4111111111111111"\n').value == b'note\n"a, 411111******1111"\n'


@pytest.mark.parametrize(
    ("value", "reason", "place"),
    [
        (b"a,b\n1\n", "malformed-value", "byte 4"),
        (b'a\n"x', "malformed-value", "byte 2"),
        (b'a\n"x"y\n', "malformed-value", "byte 5"),
        (b"a,a\n1,2\n", "duplicate-key", "byte 0"),
        (b"a\n\xff\n", "invalid-utf8", "byte 2"),
        (b"4111111111111111\nx\n", "schema-mismatch", "$[0]"),
        (b"4111111111111111\n", "schema-mismatch", "$[0]"),
    ],
)
def test_what_is_no_such_csv_is_rejected_with_its_place(value: bytes, reason: str, place: str) -> None:
    assert rejection(CsvFormat(), value) == (reason, place)
