"""JSON for people: new lines, and not a token changed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.layout import indented

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES, st.sampled_from([None, (",", ":"), (" , ", " : ")]), st.booleans())
def test_the_value_is_the_same(value: object, separators: tuple | None, ascii_only: bool) -> None:
    text = json.dumps(value, separators=separators, ensure_ascii=ascii_only)
    shown = indented(text)
    assert json.loads(shown) == value
    assert _squeezed(shown) == _squeezed(text)


def _squeezed(text: str) -> str:
    """Without the white space between tokens."""
    parts = text.replace("\\\\", "\0").replace('\\"', "\1").split('"')
    return '"'.join(part if number % 2 else "".join(part.split(" ")) for number, part in enumerate(parts)).replace(
        "\n", ""
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"a":123456789012345678901234567890.10,"b":"\\u0041"}',
         '{\n  "a": 123456789012345678901234567890.10,\n  "b": "\\u0041"\n}'),
        ('{"a":[],"b":{ },"c":[1]}', '{\n  "a": [],\n  "b": {},\n  "c": [\n    1\n  ]\n}'),
        ('"a\\"],{"', '"a\\"],{"'),
        ("not json }", "notjson\n}"),
        ("", ""),
    ],
)  # fmt: skip
def test_numbers_and_escapes_stay_as_they_were_written(text: str, shown: str) -> None:
    assert indented(text) == shown
