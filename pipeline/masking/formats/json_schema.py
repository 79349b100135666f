"""JSON in Confluent's wire format: masked in place like any JSON, then held against its schema.

Only a value that was masked is checked: whether producers keep to their schemas is the registry's business, what
masking does to a value is ours. A schema may refer to what its registry entry lists; nothing is fetched. A pattern that
would try for ever ends, and then matches nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import orjson
from jsonschema_rs import FancyRegexOptions, ValidationError, Validator, validator_for

from pipeline.masking.formats.confluent import HEADER, schema_id
from pipeline.masking.formats.format import Unwritable
from pipeline.masking.formats.places import item, member
from pipeline.masking.formats.schemas import Compiled, Schema, SchemaRefusedError, Schemas

BASE = "json-schema:///"  # what the library puts in front of a relative reference
PATTERNS = FancyRegexOptions(backtrack_limit=100_000)  # about a millisecond a text


@dataclass(frozen=True, slots=True)
class JsonSchemaDocument:
    json: bytes
    header: bytes
    validator: Validator

    def write(self, masked: bytes) -> bytes:
        """Raises Unwritable."""
        try:
            error = next(iter(self.validator.iter_errors(orjson.loads(masked))), None)
        except Exception:  # noqa: BLE001  # a number that no float holds, …: nothing can be said
            raise Unwritable("$") from None
        if error is not None:
            raise Unwritable(_place(error))
        return self.header + masked


def _place(error: ValidationError) -> str:
    place = "$"
    for step in error.instance_path:
        place = item(place, step) if isinstance(step, int) else member(place, step)
    return place


def _validator(schema: Schema) -> Validator:
    """Raises SchemaRefusedError."""
    references: Mapping[str, bytes] = dict(schema.references)

    def referred(uri: str) -> dict[str, object]:
        found: dict[str, object] = orjson.loads(references[uri if uri in references else uri.removeprefix(BASE)])
        return found

    try:
        return validator_for(
            orjson.loads(schema.text), retriever=referred, pattern_options=PATTERNS, validate_formats=False
        )
    except Exception as error:  # noqa: BLE001  # whatever the library finds wrong with a schema
        raise SchemaRefusedError(f"not a valid JSON Schema ({type(error).__name__})") from None


class JsonSchema:
    def __init__(self, schemas: Schemas) -> None:
        self._compiled: Compiled[Validator] = Compiled("jsonschema", schemas, _validator)

    def read(self, value: bytes) -> JsonSchemaDocument:
        """Raises Malformed, SchemasUnavailableError. That the rest is JSON, the kernel says."""
        validator = self._compiled.of(schema_id(value))
        return JsonSchemaDocument(value[HEADER:], value[:HEADER], validator)
