"""Formats beside JSON, on documents that nobody thought of."""

import csv as stdlib_csv
import io
import re
from pathlib import Path
from xml.etree import ElementTree

import orjson
import panlock_kernel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.masking.face import REASONS
from pipeline.masking.formats.csv import CsvFormat
from pipeline.masking.formats.format import Format
from pipeline.masking.formats.ndjson import NdJsonFormat
from pipeline.masking.formats.text import TextFormat
from pipeline.masking.formats.xml import XmlFormat
from pipeline.masking.projected import Projected

PAN = "4111111111111111"
ALONE = re.compile(rb"(?<!\w)4111111111111111(?!\w)")  # a mutation may make it part of a longer run
KEYRING = panlock_kernel.Keyring({"k1": b"1" * 32}, "k1")
VECTORS = [path.read_bytes() for path in sorted((Path(__file__).parents[1] / "vectors" / "records").glob("*.xml"))]
FORMATS: dict[str, tuple[Format, list[bytes]]] = {
    "xml": (XmlFormat(), VECTORS),
    "csv": (CsvFormat(), [b'pan,note\n4111111111111111,"a ""b"" 5555-5555-5555-4444"\nx,y\n']),
    "ndjson": (NdJsonFormat(), [b'{"a":"4111111111111111"}\n["x", 5555555555554444]\n']),
    "text": (TextFormat(), [b"to card 4111 1111 1111 1111 or\n5555555555554444"]),
}
FIELDS = st.text(st.sampled_from("ab 41,;\"'\n\r<&>é\u00a0") | st.characters(codec="utf-8", categories=["L", "N", "P"]))
NAMES = st.sampled_from(["a", "b", "n:c"])


def masker(name: str) -> Projected:
    config = {"format": "xml" if name == "xml" else "json", "scan": {"pan": "redact"}, "fields": [], "rules": []}
    return Projected(panlock_kernel.Flow(orjson.dumps(config), KEYRING), FORMATS[name][0])


MASKERS = {name: masker(name) for name in FORMATS}


@pytest.mark.parametrize("name", FORMATS)
@given(st.data())
def test_mutated_values_never_raise_and_keep_no_card_number(name: str, data: st.DataObject) -> None:
    value = bytearray(data.draw(st.sampled_from(FORMATS[name][1])))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(value)))
        end = data.draw(st.integers(start, min(len(value), start + 12)))
        value[start:end] = data.draw(
            st.sampled_from([b"", b"<", b"</x>", b'"', b",", b"\n", b"&amp;", b"]]>", b"\xff"])
        )
    result = MASKERS[name].enforce("p", [None], [bytes(value)], [()])[0]
    if result.verdict < 0:
        assert REASONS[-result.verdict - 1].value != "internal-error" and PAN not in (result.detail or "")
        return
    assert result.value is not None and not ALONE.search(result.value)
    again = MASKERS[name].enforce("p", [None], [result.value], [()])[0]
    assert again.value is result.value and MASKERS[name].assess("p", None, result.value, (), b"[]") == (0, None)


def elements(depth: int) -> st.SearchStrategy[str]:
    texts = st.text("ab4 1&<é\n", max_size=8).map(lambda text: text.replace("&", "&amp;").replace("<", "&lt;"))
    inner = st.one_of(texts, st.sampled_from([f"; {PAN} ;", "<!--x-->", f"<![CDATA[<{PAN}>]]>", "<?p q?>"]))
    below = inner if depth == 0 else st.one_of(inner, elements(depth - 1))
    return st.builds(
        lambda name, attribute, content: f"<{name}{attribute}>{''.join(content)}</{name}>",
        NAMES,
        st.sampled_from(["", " x='1'", f' y = "{PAN}"', " n:z=''"]),
        st.lists(below, max_size=4),
    )


@given(elements(3))
def test_masked_xml_is_the_tree_that_it_was_but_for_the_card_numbers(inner: str) -> None:
    value = f'<r xmlns:n="urn:n">{inner}</r>'.encode()
    result = MASKERS["xml"].enforce("p", [None], [value], [()])[0]
    assert result.value is not None and PAN.encode() not in result.value
    before, after = (list(ElementTree.fromstring(each).iter()) for each in (value, result.value))  # noqa: S314
    assert [element.tag for element in before] == [element.tag for element in after]
    assert [sorted(element.attrib) for element in before] == [sorted(element.attrib) for element in after]
    if result.value is not value:
        assert result.masking != b"[]"


@given(st.lists(st.lists(FIELDS, min_size=2, max_size=2), min_size=1, max_size=5))
def test_csv_is_read_as_the_standard_library_reads_it(rows: list[list[str]]) -> None:
    written = io.StringIO(newline="")
    stdlib_csv.writer(written).writerows(rows)
    document = CsvFormat(["x", "y"]).read(written.getvalue().encode())
    expected = [row for row in stdlib_csv.reader(io.StringIO(written.getvalue(), newline=""), strict=True) if row]
    assert [list(row.values()) for row in orjson.loads(document.json)] == expected
