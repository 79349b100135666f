"""What an approver sees of a held value that is not JSON."""

from pathlib import Path

import pytest

from cli.preview import value_text
from cli.projection import FlowOfRecordError, projection
from pipeline.masking.formats.schemas import NoSchemas
from tests.policy_text import POLICY


def test_json_is_indented_and_text_stays_as_it_is() -> None:
    assert value_text(b'{"a":1.0}') == '{\n  "a": 1.0\n}'
    assert value_text(b"<a>\n <b>1, 2</b>\n</a>") == "<a>\n <b>1, 2</b>\n</a>"


@pytest.mark.parametrize("value", [b"\x00\x00\x00\x00\x01\x0epay-001 tok_k1_x\xff", b"\x00\x07abc"])
def test_bytes_are_dumped_with_what_is_legible_in_them(value: bytes) -> None:
    rows = value_text(value).splitlines()
    assert all(row.startswith(f"{at * 16:06x}  ") for at, row in enumerate(rows))
    assert bytes.fromhex("".join(row[8:56] for row in rows)) == value
    assert rows[0][57:] == "".join(chr(byte) if 32 <= byte < 127 else "." for byte in value[:16])


def test_with_the_policy_a_value_is_shown_as_its_rules_see_it(tmp_path: Path) -> None:
    xml, json = tmp_path / "xml.yaml", tmp_path / "json.yaml"
    xml.write_text(POLICY.replace("format: json", "format: xml"))
    json.write_text(POLICY)
    assert projection(b"<a><b x='1'>2</b></a>", "payments", xml, NoSchemas()) == (
        '{\n  "a": {\n    "b": {\n      "#text": "2",\n      "@x": "1"\n    }\n  }\n}'
    )
    assert projection(b"<a>", "payments", xml, NoSchemas()) == "not readable as xml: malformed-value at byte 3"
    assert projection(b"{}", "payments", json, NoSchemas()) is None
    with pytest.raises(FlowOfRecordError, match="'other'"):
        projection(b"<a/>", "other", xml, NoSchemas())
