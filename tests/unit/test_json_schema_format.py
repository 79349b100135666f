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


def flow(fields: str = "", schema: object = SCHEMA, references: tuple = ()) -> Flow:
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
    value = HEADER + b'{"pan":"%b","ref":"x"}' % PAN.encode()
    assert flow().rejected(value) == (Reason.SCHEMA_MISMATCH, "$")
    assert flow(references=(("other.json", b'{"type":"string"}'),)).rejected(value) is None


@pytest.mark.parametrize("rest", [b"", b"{", b'{"a":1,"a":2}', b"\xff"])
def test_what_is_no_json_is_rejected(rest: bytes) -> None:
    assert flow().rejected(HEADER + rest) is not None


def test_a_schema_that_is_none_is_unknown() -> None:
    assert flow(schema={"type": "nonsense"}).rejected(HEADER + b"{}") == (Reason.SCHEMA_UNKNOWN, "byte 1")
