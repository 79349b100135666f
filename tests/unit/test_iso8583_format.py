import re
from pathlib import Path

import iso8583
import orjson
import pytest
import yaml

from pipeline.masking.formats.iso8583 import Iso8583
from pipeline.masking.formats.iso8583_spec import SpecError, spec_of
from pipeline.policy.problems import PolicyError
from pipeline.record import Reason
from tests.schemas import PAN, Flow

CHIP = (
    "5A084111111111111111"
    + "57114111111111111111D24122010000000000"
    + "5F2403241231"
    + "9F1F0431323334"
    + "9F2608"
    + "11" * 8
)
MESSAGE = {
    "t": "0100", "2": PAN, "3": "000000", "4": "000000001000", "11": "123456", "14": "2412",
    "35": f"{PAN}D24122010000000000", "41": "TERM0001", "48": f"hello {PAN}", "52": "0123456789ABCDEF", "55": CHIP,
}  # fmt: skip
DOCS = Path(__file__).parents[2] / "docs" / "record-formats.md"
BASES = ("1987-ascii", "1987-bcd", "1993-ascii")


def encoded(base: str = "1987-ascii", **changes: str) -> bytes:
    fields = {**MESSAGE, **changes}
    return bytes(iso8583.encode({n: text for n, text in fields.items() if text}, spec_of(base, {}).library)[0])


def told(value: bytes, base: str = "1987-ascii") -> dict:
    return orjson.loads(Iso8583(spec_of(base, {})).read(value).json)


def flow(base: str = "1987-ascii", fields: str = "") -> Flow:
    return Flow("iso8583", None, fields, f"    spec: {{extends: {base}}}\n")


@pytest.mark.parametrize("base", BASES)
def test_what_is_always_card_data_needs_no_rule(base: str) -> None:
    after = told(flow(base).enforce(encoded(base)).value, base)
    assert after == {
        "mti": "0100", "de2": "0" * 16, "de3": "000000", "de4": "000000001000", "de11": "123456", "de14": "0000",
        "de41": "TERM0001", "de48": "hello 411111******1111",
        "de55": {"5A": "0" * 16, "5F24": "000000", "9F26": "11" * 8},
    }  # fmt: skip


@pytest.mark.parametrize("base", BASES)
def test_writing_the_view_gives_the_message(base: str) -> None:
    value = encoded(base)
    document = Iso8583(spec_of(base, {})).read(value)
    assert document.write(document.json) == value


def test_every_field_of_emv_data_shows_its_own() -> None:
    spec = spec_of("1987-ascii", {"56": {"kind": "tlv", "data_enc": "b"}})
    fields = {"t": "0100", "55": "9F26081111111111111111", "56": f"5A08{PAN}"}
    document = Iso8583(spec).read(bytes(iso8583.encode(fields, spec.library)[0]))
    assert orjson.loads(document.json) == {"mti": "0100", "de55": {"9F26": "11" * 8}, "de56": {"5A": PAN}}
    changed = document.write(document.json.replace(PAN.encode(), b"0" * 16))
    assert orjson.loads(Iso8583(spec).read(changed).json)["de56"] == {"5A": "0" * 16}


def test_a_second_field_of_emv_data_has_the_same_rules() -> None:
    own = {"56": {"kind": "tlv", "data_enc": "b"}}
    fields = {"t": "0100", "55": "9F26081111111111111111", "56": CHIP}
    value = bytes(iso8583.encode(fields, spec_of("1987-ascii", own).library)[0])
    masked = Flow("iso8583", None, "", '    spec: {fields: {"56": {kind: tlv, data_enc: b}}}\n').enforce(value).value
    told = orjson.loads(Iso8583(spec_of("1987-ascii", own)).read(masked).json)
    assert told["de56"] == {"5A": "0" * 16, "5F24": "000000", "9F26": "11" * 8}


def test_what_goes_with_a_pin_is_dropped_with_it() -> None:
    assert "de53" not in told(flow().enforce(encoded(**{"53": "1234000000000000"})).value)


def test_a_service_code_beside_a_number_is_redacted() -> None:
    assert told(flow().enforce(encoded(**{"40": "201"})).value)["de40"] == "000"


def test_a_message_in_which_nothing_is_masked_is_the_same_bytes() -> None:
    value = bytes(iso8583.encode({"t": "0800", "11": "123456", "70": "301"}, spec_of("1987-ascii", {}).library)[0])
    assert flow().enforce(value).value is value


def test_a_policys_rule_replaces_the_formats_own() -> None:
    after = told(flow(fields="{path: $.de2, class: pan, strategy: fpe, fallback: redact}").enforce(encoded()).value)
    assert after["de2"][:6] == "411111"
    assert after["de2"] != PAN


@pytest.mark.parametrize("strategy", ["partial", "token"])
def test_what_is_no_digits_does_not_fit_digits(strategy: str) -> None:
    found = flow(fields=f"{{path: $.de2, class: pan, strategy: {strategy}}}").rejected(encoded())
    assert found == (Reason.SCHEMA_MISMATCH, "$.de2")


def test_dropping_clears_the_bit() -> None:
    masked = flow().enforce(encoded()).value
    decoded, _ = iso8583.decode(masked, spec_of("1987-ascii", {}).library)
    assert int(decoded["p"], 16) >> (64 - 52) & 1 == 0
    assert "52" not in decoded


def test_a_redacted_field_of_fixed_length_keeps_its_length() -> None:
    after = told(flow(fields="{path: $.de41, class: sad, strategy: redact}").enforce(encoded()).value)
    assert after["de41"] == "*" * 8


@pytest.mark.parametrize(
    "chip", ["5A08411111", "5A", "9F", "5A0841111111111111115A00", "5A84FFFFFFFF00", "5AFF", "5A8100FF"]
)
def test_chip_data_that_is_no_tlv_is_rejected(chip: str) -> None:
    assert flow().rejected(encoded(**{"55": chip})) == (Reason.MALFORMED_VALUE, "$.de55")


def test_track_data_in_a_template_is_dropped() -> None:
    track = MESSAGE["55"][20:58]
    inner = "70" + f"{len(track) // 2:02X}" + track
    after = told(flow().enforce(encoded(**{"55": inner + "9F2608" + "11" * 8})).value)
    assert after["de55"] == {"70": {}, "9F26": "11" * 8}


@pytest.mark.parametrize("cut", range(0, len(encoded()), 7))
def test_a_message_cut_short_is_malformed_at_a_byte(cut: int) -> None:
    found = flow().rejected(encoded()[:cut])
    assert found is not None
    assert found[0] == Reason.MALFORMED_VALUE


def test_a_2003_message_by_the_specification_that_the_docs_begin() -> None:
    example = re.findall(r"```yaml\n(format: iso8583\n.*?)```", DOCS.read_text(), re.DOTALL)[1]
    parsed = yaml.safe_load(example)
    spec = spec_of(parsed["spec"]["extends"], parsed["spec"]["fields"])
    fields = {"t": "2100", "2": PAN, "12": "20261124101500", "39": "1000", "49": "7106" + "313233", "43": "x" * 300}
    value = bytes(iso8583.encode(fields, spec.library)[0])
    more = "".join(f"    {line}\n" for line in example.splitlines()[1:-2])  # without format and fields
    rule = parsed["fields"][0]
    made = Flow("iso8583", None, f"{{path: {rule['path']}, class: {rule['class']}, strategy: drop}}", more)
    after = orjson.loads(Iso8583(spec).read(made.enforce(value).value).json)
    assert after == {
        "mti": "2100", "de2": "0" * 16, "de12": "20261124101500", "de39": "1000", "de43": "x" * 300,
    }  # fmt: skip


def test_a_field_that_is_none_is_refused() -> None:
    with pytest.raises(SpecError, match="no field"):
        spec_of("1987-ascii", {"129": {"kind": "n"}})
    with pytest.raises(PolicyError, match="field 2: kind"):
        Flow("iso8583", None, "", '    spec: {fields: {"2": {kind: x}}}\n')
