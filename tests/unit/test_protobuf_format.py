import functools

import orjson
import pytest
from google.protobuf import message_factory
from google.protobuf.message import Message

from agents.schemas.protoc import ProtocError, descriptors
from pipeline.masking.formats.protobuf import Protobuf, _file
from pipeline.masking.formats.schemas import Schema
from pipeline.record import Reason
from tests.schemas import PAN, Flow, Known

HEADER = b"\0\0\0\0\x07\x02\x02"  # the second message of the file
PROTO = b"""
syntax = "proto3"; package pay; import "google/protobuf/timestamp.proto"; import "card.proto";
message Other {}
message Payment {
  Card card = 1; int64 account = 2; repeated string notes = 3; map<string, Card> cards = 4; float rate = 5;
  bytes raw = 6; uint64 big = 7; enum Kind { SALE = 0; REFUND = 1; } Kind kind = 8;
  google.protobuf.Timestamp time = 9; oneof either { string text = 10; int32 number = 11; }
  repeated int32 counts = 12; Payment parent = 13; map<int32, string> by_number = 14;
}
"""
CARD = b'syntax = "proto3"; package pay; message Card { string number = 1; string cvv = 2; }'


@functools.cache
def schema() -> Schema:
    return Schema("protobuf", descriptors(PROTO, {"card.proto": CARD}))


def payment(**fields: object) -> Message:
    type_ = message_factory.GetMessageClass(_file(schema()).message_types_by_name["Payment"])
    return type_(**fields)


def encoded(**fields: object) -> bytes:
    return HEADER + payment(**fields).SerializeToString(deterministic=True)


def decoded(value: bytes) -> Message:
    return type(payment()).FromString(value[len(HEADER) :])


def flow(fields: str = "") -> Flow:
    return Flow("protobuf", Known({7: schema()}), fields)


FULL = {
    "card": {"number": PAN, "cvv": "123"}, "account": 2**62, "notes": ["a", "b"], "cards": {"x": {"number": "1"}},
    "rate": 0.1, "raw": b"\x01\x02", "big": 2**64 - 1, "kind": 1, "time": {"seconds": 5}, "text": "hi",
    "counts": [1, 300], "parent": {"account": 1}, "by_number": {5: "q"},
}  # fmt: skip


def test_a_message_is_told_by_its_field_names() -> None:
    told = orjson.loads(Protobuf(Known({7: schema()})).read(encoded(**FULL)).json)
    assert told == FULL | {"raw": "\ue0000102", "kind": "REFUND", "by_number": {"5": "q"}}


def test_field_rules_mask_and_everything_else_stays() -> None:
    rules = "{path: $.card.number, class: pan, strategy: token}, {path: $.card.cvv, class: sad}"
    after = decoded(flow(rules).enforce(encoded(**FULL)).value)
    assert after.card.number.startswith("tok_k1_")
    assert after.card.cvv == ""
    after.card.number, after.card.cvv = PAN, "123"
    assert after.SerializeToString(deterministic=True) == encoded(**FULL)[len(HEADER) :]


def test_the_scan_reaches_texts_lists_maps_and_bytes() -> None:
    fields = {"notes": [PAN], "cards": {PAN: {"number": PAN}}, "by_number": {1: PAN}, "raw": PAN.encode(), "text": PAN}
    masked = flow().enforce(encoded(**fields)).value
    assert PAN.encode() not in masked
    assert masked.count(b"411111******1111") == 6


def test_a_value_in_which_nothing_is_masked_is_the_same_bytes() -> None:
    value = HEADER + b"\x52\x02hi" + b"\x10\x05" + b"\x32\x00"  # out of order, and a default written out
    assert flow().enforce(value).value is value


@pytest.mark.parametrize(
    "hidden",
    [
        b"\x82\x08\x10" + PAN.encode(),  # a field that the schema does not know
        b"\x0a\x14\x82\x08\x10" + PAN.encode() + b"\x00",  # one inside a message, and cut short
        b"\x52\x10" + PAN.encode() + b"\x52\x01a",  # a value that the next one overrides
        b"\x52\x10" + PAN.encode() + b"\x58\x01",  # another member of the same oneof
        b"\x0a\x12\x0a\x10" + PAN.encode() + b"\x0a\x03\x0a\x01a",  # messages that are merged
        b"\x22\x17\x0a\x01a\x12\x12\x0a\x10" + PAN.encode() + b"\x22\x05\x0a\x01a\x12\x00",  # a key that comes twice
        b"\x72\x14\x08\x00\x12\x10" + PAN.encode() + b"\x72\x02\x12\x00",  # one key in two spellings
        b"\x22\x12\x1a\x10" + PAN.encode(),  # a third field of an entry
        b"\x10\xff",
    ],
)
def test_nothing_passes_unseen(hidden: bytes) -> None:
    found = flow().rejected(HEADER + hidden)
    assert found is not None
    assert found[0] == Reason.MALFORMED_VALUE


@pytest.mark.parametrize("indexes", [b"\x02\x08", b"\x04\x02\x10", b"\x01\x00", b"\x7e", b""])
def test_message_indexes_that_lead_nowhere_are_malformed(indexes: bytes) -> None:
    found = flow().rejected(HEADER[:5] + indexes)
    assert found is not None
    assert found[0] == Reason.MALFORMED_VALUE


def test_a_label_in_a_number_is_a_mismatch_with_its_path() -> None:
    rules = "{path: $.account, class: pan, strategy: redact}"
    assert flow(rules).rejected(encoded(account=int(PAN))) == (Reason.SCHEMA_MISMATCH, "$.account")


def test_fpe_keeps_a_number_a_number() -> None:
    rules = "{path: $.account, class: pan, strategy: fpe, fallback: drop}"
    after = decoded(flow(rules).enforce(encoded(account=int(PAN))).value).account
    assert str(after)[:6] == "411111"
    assert after != int(PAN)


def test_too_deep_is_rejected() -> None:
    deep = payment()
    inner = deep
    for _ in range(70):
        inner = inner.parent
    inner.account = 1
    assert flow().rejected(HEADER + deep.SerializeToString()) == (Reason.TOO_DEEP, "value")


def test_text_that_does_not_compile_and_imports_that_lead_out_are_refused() -> None:
    with pytest.raises(ProtocError, match="protoc refuses"):
        descriptors(b"message {", {})
    with pytest.raises(ProtocError, match="leads out"):
        descriptors(PROTO, {"../card.proto": CARD})
