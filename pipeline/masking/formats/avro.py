"""Avro in Confluent's wire format, read and written with the schema that wrote it.

Paths are field names: a union is told as the value that it holds, a map as an object, an enum as its symbol, a decimal
as its number, dates and times as the numbers that they are, bytes as octets.text_of has them.
"""

from dataclasses import dataclass
from io import BytesIO
from typing import Any

import fastavro
import orjson

from pipeline.masking.formats.avro_nodes import Node
from pipeline.masking.formats.avro_schema import explicit
from pipeline.masking.formats.confluent import HEADER, schema_id
from pipeline.masking.formats.format import Malformed
from pipeline.masking.formats.schemas import Compiled, Schemas

Codec = tuple[Any, Node]  # the explicit schema, and what walks its values


@dataclass(frozen=True, slots=True)
class AvroDocument:
    json: bytes
    header: bytes
    schema: Any
    node: Node
    native: Any

    def write(self, masked: bytes) -> bytes:
        """Raises Unwritable."""
        changed = self.node.fit(self.native, orjson.loads(masked), "$")
        out = BytesIO()
        out.write(self.header)
        fastavro.schemaless_writer(out, self.schema, changed)
        return out.getvalue()


class Avro:
    def __init__(self, schemas: Schemas) -> None:
        self._compiled: Compiled[Codec] = Compiled("avro", schemas, explicit)

    def read(self, value: bytes) -> AvroDocument:
        """Raises Malformed, SchemasUnavailableError."""
        schema, node = self._compiled.of(schema_id(value))
        stream = BytesIO(value)
        stream.seek(HEADER)
        try:
            native = fastavro.schemaless_reader(
                stream,
                schema,
                None,
                return_record_name=True,
                return_record_name_override=True,
            )
        except Exception:  # noqa: BLE001  # fastavro says in many ways that bytes do not fit; content never raises
            raise Malformed(f"byte {stream.tell()}") from None
        if stream.tell() != len(value):
            raise Malformed(f"byte {stream.tell()}")
        json = orjson.dumps(node.view(native))
        return AvroDocument(json, value[:HEADER], schema, node, native)
