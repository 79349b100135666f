"""Schemas and masked flows for tests of binary formats."""

from collections.abc import Mapping

import orjson

from pipeline.keys import Keyring
from pipeline.masking.face import REASONS, Masked
from pipeline.masking.formats.schemas import Schema
from pipeline.policy import parse_policy
from pipeline.record import Reason
from pipeline.source import sources

PAN = "4111111111111111"
AVRO = {
    "type": "record",
    "name": "Payment",
    "namespace": "pay",
    "fields": [
        {"name": "pan", "type": "string"},
        {"name": "cvv", "type": ["null", "string"], "default": None},
        {"name": "account", "type": "long", "default": 0},
        {"name": "rate", "type": "float"},
        {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}},
        {"name": "tags", "type": {"type": "map", "values": "string"}},
        {"name": "either", "type": ["float", "double", "string"]},
        {"name": "raw", "type": "bytes"},
        {"name": "block", "type": {"type": "fixed", "name": "Block", "size": 4}},
        {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["SALE", "REFUND"]}},
        {"name": "parent", "type": ["null", "Payment"], "default": None},
        {"name": "notes", "type": {"type": "array", "items": "string"}},
    ],
}


class Known:
    """Schemas that are simply there."""

    def __init__(self, schemas: Mapping[int, Schema]) -> None:
        self.schemas, self.asked = schemas, 0

    def schema(self, id_: int) -> Schema | None:
        self.asked += 1
        return self.schemas.get(id_)


def avro(schema: object = AVRO) -> Known:
    return Known({7: Schema("avro", orjson.dumps(schema))})


class Flow:
    """One flow's enforcement of single values."""

    def __init__(self, format_: str, schemas: Known | None, fields: str = "", more: str = "") -> None:
        policy = parse_policy(
            "version: 1\nprincipals:\n  checkout: {spiffe: spiffe://a/b}\nflows:\n  payments:\n"
            f"    producers: [checkout]\n    format: {format_}\n{more}    fields: [{fields}]\n",
            "test",
        )
        keyring = Keyring({"k1": b"1" * 32}, "k1")
        self.source = sources(policy, keyring, schemas=schemas)["quarantine.payments.checkout"]

    def enforce(self, value: bytes) -> Masked:
        return Masked._make(self.source.masker.enforce("checkout", [None], [value], [()])[0])

    def rejected(self, value: bytes) -> tuple[Reason, str | None] | None:
        result = self.enforce(value)
        return None if result.verdict >= 0 else (REASONS[-result.verdict - 1], result.detail)
