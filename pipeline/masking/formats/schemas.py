"""Schemas by their id, as a registry or a directory gives them. `pipeline` asks; what answers is passed in."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Generic, Literal, Protocol, TypeVar

from pipeline.errors import PanlockError
from pipeline.masking.formats.format import Malformed, SchemasUnavailableError
from pipeline.record import Reason

Kind = Literal["avro", "protobuf", "jsonschema"]
Codec = TypeVar("Codec")

KEPT = 1000  # compiled schemas a format keeps: far more than a flow has, and a bound


@dataclass(frozen=True, slots=True)
class Schema:
    """`text`: JSON of an Avro or JSON Schema, or a serialised FileDescriptorSet that ends with the schema's own file.

    `references`: name → text of the schemas that it names and does not hold.
    """

    kind: Kind
    text: bytes
    references: tuple[tuple[str, bytes], ...] = ()


class Schemas(Protocol):
    def schema(self, id_: int) -> Schema | None:
        """None where no such schema exists. Raises SchemasUnavailableError."""


class NoSchemas:
    """Of a worker that was given none."""

    def schema(self, id_: int) -> Schema | None:
        raise SchemasUnavailableError("a flow's format needs schemas: name a directory or a registry under `schemas:`")


class SchemaRefusedError(PanlockError):
    """A schema that cannot be worked with; the message names the part. Records that use it are `schema-unknown`."""


class Compiled(Generic[Codec]):
    """What a format makes of each schema, made once and kept. Threads share it.

    Looked up when a record needs it, in the thread that enforces: ids are in the records alone, and a second pass over
    every chunk to ask ahead would cost all records what only the first of a schema needs.
    """

    def __init__(self, kind: Kind, schemas: Schemas, compile_: Callable[[Schema], Codec]) -> None:
        self._kind, self._schemas, self._compile = kind, schemas, compile_
        self._kept: OrderedDict[int, Codec | None] = OrderedDict()
        self._lock = Lock()

    def of(self, id_: int) -> Codec:
        """Raises Malformed (schema-unknown), SchemasUnavailableError."""
        codec = self._kept.get(id_)
        if codec is None and id_ not in self._kept:
            codec = self._find(id_)
        if codec is None:
            raise Malformed("byte 1", Reason.SCHEMA_UNKNOWN)
        return codec

    def _find(self, id_: int) -> Codec | None:
        schema = self._schemas.schema(id_)
        if schema is None:
            return None  # not kept: it may be registered at any moment
        try:
            codec = self._compile(schema) if schema.kind == self._kind else None
        except SchemaRefusedError:
            codec = None
        with self._lock:
            self._kept[id_] = codec
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return codec
