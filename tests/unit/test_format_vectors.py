"""Bytes in, bytes out, of every binary format: no later change may edit them."""

import json
from pathlib import Path

import pytest

from tests.schemas import Flow, Known, avro
from tests.unit.test_protobuf_format import schema

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "formats" / "v1.json").read_text())
SCHEMAS = {"avro": avro, "protobuf": lambda: Known({7: schema()}), "iso8583": lambda: None}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_golden_values_are_masked_to_the_same_bytes(vector: dict) -> None:
    more = f"    spec: {{extends: {vector['extends']}}}\n" if "extends" in vector else ""
    flow = Flow(vector["format"], SCHEMAS[vector["format"]](), vector["fields"], more)
    assert flow.enforce(bytes.fromhex(vector["value"])).value.hex() == vector["masked"]
