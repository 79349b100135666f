import time

import orjson
import pytest

from pipeline.masking.formats.schemas import Schema
from pipeline.record import Reason
from tests.schemas import PAN, Flow, Known

HEADER = b"\0\0\0\0\x07"
SCHEMA = {
    "type": "object",
    "properties": {"pan": {"type": ["string", "integer"]}, "n": {"type": "integer"}, "ref": {"$ref": "other.json"}},
    "required": ["pan"],
}


OTHER = (("other.json", b'{"type":"string"}'),)


def flow(fields: str = "", schema: object = SCHEMA, references: tuple = OTHER) -> Flow:
    return Flow("jsonschema", Known({7: Schema("jsonschema", orjson.dumps(schema), references)}), fields)


def test_json_is_masked_in_place() -> None:
    masked = flow("{path: $.pan, class: pan, strategy: partial}").enforce(HEADER + b'{ "pan" : "%b" }' % PAN.encode())
    assert masked.value == HEADER + b'{ "pan" : "411111******1111" }'


def test_what_no_longer_matches_is_rejected_with_its_path() -> None:
    found = flow("{path: $.n, class: pan, strategy: redact}").rejected(HEADER + b'{"pan":"x","n":%b}' % PAN.encode())
    assert found == (Reason.SCHEMA_MISMATCH, "$.n")
    found = flow("{path: $.pan, class: pan, strategy: drop}").rejected(HEADER + b'{"pan":"%b"}' % PAN.encode())
    assert found == (Reason.SCHEMA_MISMATCH, "$")


def test_references_come_with_the_schema_and_nothing_is_fetched() -> None:
    value = HEADER + b'{"pan":"%b","ref":%b}'
    assert flow().rejected(value % (PAN.encode(), b'"x"')) is None
    assert flow().rejected(value % (PAN.encode(), b"1")) == (Reason.SCHEMA_MISMATCH, "$.ref")
    assert flow(references=()).rejected(value % (PAN.encode(), b'"x"')) == (Reason.SCHEMA_UNKNOWN, "byte 1")
    for uri in ("http://127.0.0.1:1/other.json", "file:///etc/hostname"):
        assert flow(schema={"$ref": uri}).rejected(HEADER + b"{}") == (Reason.SCHEMA_UNKNOWN, "byte 1")


def test_a_reference_by_a_whole_uri_is_found_by_it() -> None:
    schema, known = {"$ref": "https://pay.example/card.json"}, (("https://pay.example/card.json", b'{"minimum":5}'),)
    fields = "{path: $.pan, class: pan, strategy: drop}"
    assert flow(fields, schema, known).rejected(HEADER + b'{"pan":"%b"}' % PAN.encode()) is None
    assert flow(fields, schema, ()).rejected(HEADER + b"{}") == (Reason.SCHEMA_UNKNOWN, "byte 1")


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(?=(a+)+$)b", r"^(a|aa)+\1$"])
def test_a_pattern_that_would_try_for_ever_ends(pattern: str) -> None:
    schema = {"properties": {"x": {"pattern": pattern}}}
    value = HEADER + b'{"pan":"%b","x":"%b"}' % (PAN.encode(), b"a" * 5000 + b"!")
    began = time.process_time()
    found = flow("{path: $.pan, class: pan, strategy: redact}", schema).rejected(value)
    assert found == (Reason.SCHEMA_MISMATCH, "$.x")
    assert time.process_time() - began < 2


def test_a_pattern_may_look_around() -> None:
    schema = {"properties": {"pan": {"pattern": r"^(?!\d{13}).*$"}}}
    assert (
        flow("{path: $.pan, class: pan, strategy: redact}", schema).rejected(HEADER + b'{"pan":"%b"}' % PAN.encode())
        is None
    )


@pytest.mark.parametrize("rest", [b"", b"{", b'{"a":1,"a":2}', b"\xff"])
def test_what_is_no_json_is_rejected(rest: bytes) -> None:
    assert flow().rejected(HEADER + rest) is not None


def test_a_schema_that_is_none_is_unknown() -> None:
    assert flow(schema={"type": "nonsense"}).rejected(HEADER + b"{}") == (Reason.SCHEMA_UNKNOWN, "byte 1")
