import io
from decimal import Decimal

import fastavro
import orjson
import pytest

from pipeline.masking.formats.avro import Avro
from pipeline.masking.formats.avro_schema import explicit
from pipeline.masking.formats.format import Malformed, SchemasUnavailableError, Unwritable
from pipeline.masking.formats.schemas import Schema, SchemaRefusedError
from pipeline.record import Reason
from tests.schemas import AVRO, PAN, Flow, avro

HEADER = b"\0\0\0\0\x07"
PAYMENT = {
    "pan": PAN, "cvv": "123", "account": 5, "rate": 0.1, "amount": Decimal("-12.34"), "tags": {"a": "1", "b": "2"},
    "either": 1.1, "raw": b"\x00\x01", "block": b"abcd", "kind": "REFUND", "parent": None, "notes": ["x", "y"],
}  # fmt: skip


def encoded(payment: object = PAYMENT, schema: object = AVRO) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), payment)
    return HEADER + out.getvalue()


def decoded(value: bytes) -> dict:
    return fastavro.schemaless_reader(io.BytesIO(value[5:]), fastavro.parse_schema(AVRO), None)


def test_a_value_is_told_by_its_field_names() -> None:
    told = orjson.loads(Avro(avro()).read(encoded({**PAYMENT, "parent": PAYMENT})).json)
    assert told["amount"] == -12.34
    assert told["rate"] == 0.1
    assert told["either"] == 1.1
    assert told["tags"] == {"a": "1", "b": "2"}
    assert told["parent"]["kind"] == "REFUND"


def test_field_rules_mask_and_everything_else_keeps_its_bits() -> None:
    flow = Flow("avro", avro(), "{path: $.pan, class: pan, strategy: token}, {path: $.cvv, class: sad}")
    before = decoded(encoded())
    after = decoded(flow.enforce(encoded()).value)
    assert after.pop("pan").startswith("tok_k1_")
    assert after.pop("cvv") is None
    assert after == {name: value for name, value in before.items() if name not in ("pan", "cvv")}


def test_a_value_in_which_nothing_is_masked_is_the_same_bytes() -> None:
    value = encoded({**PAYMENT, "pan": "none", "cvv": None})
    assert Flow("avro", avro()).enforce(value).value is value


def test_writing_the_view_gives_the_value() -> None:
    value = encoded({**PAYMENT, "rate": float("nan"), "parent": PAYMENT})
    document = Avro(avro()).read(value)
    assert document.write(document.json) == value


@pytest.mark.parametrize("at", ["pan", "either", "raw", "notes", "tags"])
def test_the_scan_reaches_every_text(at: str) -> None:
    content: object = {"raw": PAN.encode(), "notes": [PAN], "tags": {"k": PAN}}.get(at, PAN)
    masked = Flow("avro", avro()).enforce(encoded({**PAYMENT, "pan": "none", at: content})).value
    assert PAN.encode() not in masked
    assert b"411111******1111" in masked


def test_the_branch_of_a_union_is_kept() -> None:
    masked = Flow("avro", avro()).enforce(encoded({**PAYMENT, "either": 1.1})).value
    assert decoded(masked)["either"] == 1.1  # in the float branch it would be 1.10000002


def test_a_label_in_a_number_is_a_mismatch_with_its_path() -> None:
    flow = Flow("avro", avro(), "{path: $.account, class: pan, strategy: redact}")
    assert flow.rejected(encoded({**PAYMENT, "account": int(PAN)})) == (Reason.SCHEMA_MISMATCH, "$.account")


def test_fpe_keeps_a_number_a_number() -> None:
    flow = Flow("avro", avro(), "{path: $.account, class: pan, strategy: fpe, fallback: drop}")
    after = decoded(flow.enforce(encoded({**PAYMENT, "account": int(PAN)})).value)["account"]
    assert (len(str(after)), str(after)[:6]) == (16, "411111")
    assert after != int(PAN)


def test_what_is_dropped_takes_null_or_the_schemas_default() -> None:
    flow = Flow("avro", avro(), "{path: $.account, class: pan, strategy: drop}")
    assert decoded(flow.enforce(encoded({**PAYMENT, "account": int(PAN)})).value)["account"] == 0
    flow = Flow("avro", avro(), "{path: $.pan, class: pan, strategy: drop}")
    assert flow.rejected(encoded()) == (Reason.SCHEMA_MISMATCH, "$.pan")


def test_a_card_number_inside_binary_is_never_passed() -> None:
    found = Flow("avro", avro()).rejected(encoded({**PAYMENT, "raw": b"\x00\x01" + PAN.encode() + b"\xff"}))
    assert found == (Reason.SCHEMA_MISMATCH, "$.raw")


def test_a_masked_map_key_keeps_its_value() -> None:
    masked = Flow("avro", avro()).enforce(encoded({**PAYMENT, "tags": {PAN: "1", "b": "2"}})).value
    assert decoded(masked)["tags"] == {"411111******1111": "1", "b": "2"}


def test_a_map_key_that_comes_twice_hides_nothing() -> None:
    schema = {"type": "map", "values": "string"}
    twice = HEADER + b"\x04\x02a" + b"\x20" + PAN.encode() + b"\x02a\x02x\x00"
    assert Flow("avro", avro(schema)).rejected(twice) == (Reason.DUPLICATE_KEY, "value")


@pytest.mark.parametrize(
    ("value", "place"),
    [(b"", "byte 0"), (b"\x01", "byte 0"), (b"\0\0\0", "byte 3"), (encoded() + b"\0", f"byte {len(encoded())}")],
)
def test_what_cannot_be_read_is_malformed_at_a_byte(value: bytes, place: str) -> None:
    assert Flow("avro", avro()).rejected(value) == (Reason.MALFORMED_VALUE, place)


def test_an_unknown_schema_is_asked_for_again() -> None:
    schemas = avro()
    flow = Flow("avro", schemas)
    value = b"\0\0\0\0\x09" + encoded()[5:]
    assert flow.rejected(value) == (Reason.SCHEMA_UNKNOWN, "byte 1")
    schemas.schemas = {9: schemas.schemas[7]}
    assert flow.rejected(value) is None
    asked = schemas.asked
    assert flow.rejected(value) is None
    assert schemas.asked == asked


def test_schemas_that_cannot_be_had_reject_nothing() -> None:
    with pytest.raises(SchemasUnavailableError):
        Flow("avro", None).enforce(encoded())


def test_deep_nesting_of_a_recursive_type_ends_no_process() -> None:
    schema = {"type": "record", "name": "Node", "fields": [{"name": "next", "type": ["null", "Node"]}]}
    flow = Flow("avro", avro(schema))
    assert flow.rejected(HEADER + b"\x02" * 50 + b"\x00") is None
    reason = flow.rejected(HEADER + b"\x02" * 1_000_000 + b"\x00")
    assert reason is not None
    assert reason[0] == Reason.MALFORMED_VALUE


@pytest.mark.parametrize("items", ["null", {"type": "record", "name": "E", "fields": []}])
def test_arrays_of_nothing_are_refused(items: object) -> None:
    with pytest.raises(SchemaRefusedError, match="take no bytes"):
        explicit(Schema("avro", orjson.dumps({"type": "array", "items": items})))


def test_a_schema_that_is_none_is_unknown() -> None:
    assert Flow("avro", avro({"type": "nonsense"})).rejected(encoded()) == (Reason.SCHEMA_UNKNOWN, "byte 1")


@pytest.mark.parametrize("masked", [b'{"pan":1}', b"[]", b"1", b'{"other":"x"}', b'{"pan":"x","tags":5}'])
def test_no_masked_document_is_written_against_the_schema(masked: bytes) -> None:
    with pytest.raises(Unwritable):
        Avro(avro()).read(encoded()).write(masked)


def test_messages_hold_nothing_of_the_value() -> None:
    with pytest.raises(Malformed) as caught:
        Avro(avro()).read(HEADER + b"\x40" + PAN.encode())
    assert PAN not in str(caught.value)
    assert caught.value.__cause__ is None
