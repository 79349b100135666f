"""XML values: what field rules and the scan see of them, and that all else stays as it is."""

from pathlib import Path
from time import process_time
from xml.etree import ElementTree

import orjson
import panlock_kernel
import pytest

from pipeline.masking.face import REASONS, Masked
from pipeline.masking.formats.format import Malformed
from pipeline.masking.formats.xml import XmlFormat
from pipeline.masking.projected import Projected

PAN, PARTIAL = b"4111111111111111", b"411111******1111"
VECTORS = Path(__file__).parents[1] / "vectors" / "records"
KEYRING = panlock_kernel.Keyring({"k1": b"1" * 32}, "k1")


def mask(value: bytes, *fields: tuple[str, str, str], scan: str = "partial") -> Masked:
    rules = [dict(zip(("path", "class", "strategy"), field, strict=True)) for field in fields]
    config = {"format": "xml", "fields": rules, "scan": {"pan": scan}, "rules": []}
    masker = Projected(panlock_kernel.Flow(orjson.dumps(config), KEYRING), XmlFormat())
    return masker.enforce("checkout", [None], [value], [()])[0]


def rejection(value: bytes, *fields: tuple[str, str, str]) -> tuple[str, str | None]:
    result = mask(value, *fields)
    assert result.value is None
    return REASONS[-result.verdict - 1].value, result.detail


def json(value: bytes) -> object:
    return orjson.loads(XmlFormat().read(value).json)


def test_the_projection_is_by_local_names_with_attributes_comments_and_instructions() -> None:
    value = b'<?go fast?><a:x xmlns:a="urn:a" a:y="1"><b/><c>1</c><c z="2">3</c>t<!--n--><d> <e>&lt;</e>\n</d>u</a:x>'
    assert json(value) == {
        "#pi": "go fast",
        "x": {
            "@xmlns:a": "urn:a",
            "@y": "1",
            "#comment": "n",
            "b": None,
            "c": ["1", {"#text": "3", "@z": "2"}],
            "d": {"e": "<"},
            "#text": "tu",
        },
    }


@pytest.mark.parametrize("name", ["pain.001", "pacs.008", "cain.001"])
def test_a_message_with_nothing_to_mask_is_the_very_same_object(name: str) -> None:
    value = (VECTORS / f"{name}.xml").read_bytes().replace(PAN, b"x").replace(b"4111 1111 1111 1111", b"x")
    value = value.replace(b"5555-5555-5555-4444", b"x").replace(b"5555555555554444", b"x")
    assert mask(value).value is value


def test_in_pain_001_only_the_texts_with_card_numbers_change() -> None:
    value = (VECTORS / "pain.001.xml").read_bytes()
    result = mask(value)
    assert result.value is not None
    changed = {(old, new) for old, new in zip(value.split(b"\n"), result.value.split(b"\n"), strict=True) if old != new}
    assert {new.strip() for _, new in changed} == {
        b"<RmtInf><Ustrd>Refund to card 411111******1111, thanks</Ustrd></RmtInf>",
        b"<RmtInf><Ustrd>555555******4444 &lt;again&gt;</Ustrd></RmtInf>",
    }
    paths = [finding["path"] for finding in orjson.loads(result.masking)]
    assert paths[0] == "$.Document.CstmrCdtTrfInitn.PmtInf.CdtTrfTxInf[0].RmtInf.Ustrd"


def test_field_rules_reach_prefixed_elements_of_pacs_008() -> None:
    value = (VECTORS / "pacs.008.xml").read_bytes()
    path = "$.Document.FIToFICstmrCdtTrf.CdtTrfTxInf[*].Dbtr.Nm"
    result = mask(value, (path, "name", "redact"), ("$..Othr.Id", "pan", "redact"))
    assert result.value == value.replace(b"A. Buyer", b"[REDACTED:NAME]").replace(PAN, b"[REDACTED:PAN]")


def test_field_rules_drop_elements_of_cain_001() -> None:
    value = (VECTORS / "cain.001.xml").read_bytes()
    body = "$.Document.AuthstnInitn.Body"
    rules = (f"{body}.Envt.Card.Trck2Val", "sad", "drop"), (f"{body}.Cntxt.Vrfctn.Val.CardSctyCd", "sad", "redact")
    result = mask(value, *rules, ("$..PAN", "pan", "token"))
    assert result.value is not None and b"5555" not in result.value and b">737<" not in result.value
    root = ElementTree.fromstring(result.value)  # noqa: S314
    names = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert "Trck2Val" not in names and {"PAN", "CardSctyCd"} <= names


@pytest.mark.parametrize(
    "value",
    [
        b"<a><pan>%b</pan></a>",
        b"<a><pan>%b</pan><pan>%b</pan></a>",
        b'<a><pan x="1">%b</pan><pan/></a>',
        b"<a><pan>%b<!-- c --></pan></a>",
        b"<r:a xmlns:r='u'><r:pan>%b</r:pan></r:a>",
    ],
)
def test_a_path_does_not_change_with_repeats_attributes_comments_or_prefixes(value: bytes) -> None:
    given = value.replace(b"%b", b"12345")
    for path in ("$.a.pan", "$.a[*].pan[*]", "$..pan"):
        assert mask(given, (path, "pan", "redact")).value == value.replace(b"%b", b"[REDACTED:PAN]")


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        (b"<a>%b</a>", b"<a>%b</a>"),
        (b"<a x='%b' y='2'/>", b"<a x=\"%b\" y='2'/>"),
        (b"<a><!-- %b --></a>", b"<a><!-- %b --></a>"),
        (b"<?p %b?><a/>", b"<a/>"),
        (b"<a/><!--%b-->", b"<a/><!--%b-->"),
        (b"<a><![CDATA[<%b>]]></a>", b"<a>&lt;%b&gt;</a>"),
        (b"<a>&#52;111<!--x-->1111<![CDATA[1111]]>1111</a>", b"<a>411111******1111<!--x--></a>"),
        (b"<a>4111 1111 <b/>1111 1111</a>", b"<a>411111******1111<b/></a>"),
        (b"<a xmlns:x='urn:%b'/>", b'<a xmlns:x="urn:%b"/>'),
        (b"<a b='/>' c = '%b'></a>", b"<a b='/>' c = \"%b\"></a>"),
    ],
)
def test_card_numbers_are_found_wherever_xml_holds_text(value: bytes, masked: bytes) -> None:
    assert mask(value.replace(b"%b", PAN)).value == masked.replace(b"%b", PARTIAL)


def test_other_encodings_come_out_as_they_came_in() -> None:
    value = b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe4 4111111111111111</a>"
    assert mask(value).value == value.replace(PAN, PARTIAL)


def _many(count: int) -> list[bytes]:
    """Documents of so many parts, each with a card number in it."""
    return [
        b"<a " + b" ".join(b"a%d='%b'" % (number, PAN) for number in range(count)) + b"/>",
        b"<a>" + b"<b>%b</b>" % PAN * count + b"</a>",
        b"<a>" + b"<!--%b-->;x;" % PAN * count + b"</a>",
        b"<a>" + b"&#52;<![CDATA[;]]>" * count + b";%b</a>" % PAN,
    ]


def _seconds(value: bytes) -> float:
    started = process_time()
    result = mask(value, scan="redact")
    spent = process_time() - started
    assert result.value is not None and PAN not in result.value
    return spent


@pytest.mark.parametrize("kind", range(4))
def test_time_grows_with_the_size_and_not_with_its_square(kind: int) -> None:
    times = [min(_seconds(_many(count)[kind]) for _ in range(3)) for count in (2_000, 16_000)]
    assert times[1] < 32 * max(times[0], 0.002), times  # 8 times the size; its square would be 64


@pytest.mark.parametrize(
    ("value", "reason", "place"),
    [
        (b"", "malformed-value", "byte 0"),
        (b"<a>", "malformed-value", "byte 3"),
        (b"<a></b>", "malformed-value", "byte 5"),
        (b"<a/>x", "malformed-value", "byte 4"),
        (b"<a>&x;</a>", "malformed-value", "byte 3"),
        (b"<a>\xff</a>", "invalid-utf8", "byte 3"),
        (b'<!DOCTYPE a [<!ENTITY x "4111111111111111">]><a>&x;</a>', "malformed-value", None),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "malformed-value", None),
        (b'<?xml version="1.0" encoding="utf-16"?><a/>', "malformed-value", "byte 0"),
        (b"<a>" * 80 + b"</a>" * 80, "too-deep", "byte 192"),
        (b"<a>" + b"<b/>" * 100_001 + b"</a>", "too-large", None),
        (b"<x_4111111111111111/>", "schema-mismatch", "$"),
    ],
)
def test_what_is_no_such_xml_is_rejected_with_its_place(value: bytes, reason: str, place: str | None) -> None:
    found = rejection(value)
    assert found[0] == reason and found[1] is not None and place in (None, found[1])


def test_a_rule_for_an_element_that_has_elements_inside_is_rejected() -> None:
    assert rejection(b"<a><pan>41<b>1</b></pan></a>", ("$.a.pan", "pan", "redact")) == ("field-type", "$.a.pan")


def test_malformed_says_nothing_of_the_value() -> None:
    with pytest.raises(Malformed) as told:
        XmlFormat().read(b"<a>4111111111111111</b>")
    assert "4111" not in str(told.value)
