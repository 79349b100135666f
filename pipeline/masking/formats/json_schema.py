"""JSON in Confluent's wire format: masked in place like any JSON, then held against its schema.

Only a value that was masked is checked: whether producers keep to their schemas is the registry's business, what
masking does to a value is ours. A schema may refer to what its registry entry lists; nothing is fetched.
"""

from dataclasses import dataclass
from typing import Any

import orjson
from jsonschema import exceptions
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

from pipeline.masking.formats.confluent import HEADER, schema_id
from pipeline.masking.formats.format import Unwritable
from pipeline.masking.formats.places import item, member
from pipeline.masking.formats.schemas import Compiled, Schema, SchemaRefusedError, Schemas


@dataclass(frozen=True, slots=True)
class JsonSchemaDocument:
    json: bytes
    header: bytes
    validator: Validator

    def write(self, masked: bytes) -> bytes:
        """Raises Unwritable."""
        try:
            error = next(iter(self.validator.iter_errors(orjson.loads(masked))), None)
        except Exception:  # noqa: BLE001  # a reference that leads nowhere, a pattern that is none: nothing can be said
            raise Unwritable("$") from None
        if error is not None:
            raise Unwritable(_place(error))
        return self.header + masked


def _place(error: exceptions.ValidationError) -> str:
    place = "$"
    for step in error.absolute_path:
        place = item(place, step) if isinstance(step, int) else member(place, str(step))
    return place


def _validator(schema: Schema) -> Validator:
    """Raises SchemaRefusedError."""
    try:
        parsed = orjson.loads(schema.text)
        registry: Registry[Any] = Registry().with_resources(
            (name, Resource.from_contents(orjson.loads(text), default_specification=DRAFT7))
            for name, text in schema.references
        )
        chosen = validator_for(parsed)
        chosen.check_schema(parsed)
        return chosen(parsed, registry=registry)
    except Exception as error:  # noqa: BLE001  # whatever the libraries find wrong with a schema
        raise SchemaRefusedError(f"not a valid JSON Schema ({type(error).__name__})") from None


class JsonSchema:
    def __init__(self, schemas: Schemas) -> None:
        self._compiled: Compiled[Validator] = Compiled("jsonschema", schemas, _validator)

    def read(self, value: bytes) -> JsonSchemaDocument:
        """Raises Malformed, SchemasUnavailableError. That the rest is JSON, the kernel says."""
        validator = self._compiled.of(schema_id(value))
        return JsonSchemaDocument(value[HEADER:], value[:HEADER], validator)
