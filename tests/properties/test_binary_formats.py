"""Whatever the bytes: formats never raise, no card number survives, and what is written can be read."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.masking.formats.octets import octets_of, text_of
from tests.schemas import PAN, Flow, avro
from tests.unit import test_avro_format, test_iso8583_format, test_protobuf_format

FLOWS = {
    "avro": (
        Flow("avro", avro()),
        test_avro_format.encoded({**test_avro_format.PAYMENT, "parent": test_avro_format.PAYMENT}),
    ),
    "protobuf": (
        test_protobuf_format.flow(),
        test_protobuf_format.encoded(
            **test_protobuf_format.FULL,
        ),
    ),
    "iso8583": (test_iso8583_format.flow(), test_iso8583_format.encoded()),
}
EDITS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 3), st.binary(max_size=4)), max_size=4)


def damaged(value: bytes, edits: list[tuple[float, int, bytes]]) -> bytes:
    for where, gone, new in edits:
        at = int(where * len(value))
        value = value[:at] + new + value[at + gone :]
    return value


@pytest.mark.parametrize("name", FLOWS)
@given(edits=EDITS)
@settings(max_examples=400, deadline=None)
def test_damaged_values_are_rejected_or_masked(name: str, edits: list[tuple[float, int, bytes]]) -> None:
    flow, whole = FLOWS[name]
    result = flow.enforce(damaged(whole, edits))
    if result.verdict < 0:
        assert result.value is None
        assert PAN not in (result.detail or "")
    elif result.value is not None:
        again = flow.enforce(result.value)
        assert again.verdict == 0
        assert again.value == result.value


@pytest.mark.parametrize("name", FLOWS)
@given(value=st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_an_outcome(name: str, value: bytes) -> None:
    FLOWS[name][0].enforce(value)
    FLOWS[name][0].enforce(FLOWS[name][1][:7] + value)


@given(st.binary(max_size=80))
def test_bytes_come_back_from_their_text(octets: bytes) -> None:
    assert octets_of(text_of(octets), octets) == octets
