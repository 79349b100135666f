"""The formats of values, one a module, behind one table."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

from pipeline.masking.formats.avro import Avro
from pipeline.masking.formats.csv import Columns, CsvFormat
from pipeline.masking.formats.format import Format
from pipeline.masking.formats.iso8583 import Iso8583, standing
from pipeline.masking.formats.iso8583_spec import Base, spec_of
from pipeline.masking.formats.json_schema import JsonSchema
from pipeline.masking.formats.ndjson import NdJsonFormat
from pipeline.masking.formats.protobuf import Protobuf
from pipeline.masking.formats.rules import StandingRule
from pipeline.masking.formats.schemas import Schemas
from pipeline.masking.formats.text import TextFormat
from pipeline.masking.formats.xml import XmlFormat


class CsvOptions(Protocol):
    @property
    def columns(self) -> Columns: ...
    @property
    def delimiter(self) -> str: ...


class Spec(Protocol):
    @property
    def extends(self) -> Base: ...
    @property
    def fields(self) -> Mapping[str, Mapping[str, object]]: ...


class Flow(Protocol):
    """What of a policy's flow concerns its format."""

    @property
    def format(self) -> str: ...
    @property
    def spec(self) -> Spec: ...
    @property
    def csv(self) -> CsvOptions: ...


FORMATS: Mapping[str, Callable[[Flow, Schemas], Format]] = MappingProxyType(
    {
        "csv": lambda flow, schemas: CsvFormat(flow.csv.columns, flow.csv.delimiter),
        "xml": lambda flow, schemas: XmlFormat(),
        "ndjson": lambda flow, schemas: NdJsonFormat(),
        "text": lambda flow, schemas: TextFormat(),
        "avro": lambda flow, schemas: Avro(schemas),
        "protobuf": lambda flow, schemas: Protobuf(schemas),
        "jsonschema": lambda flow, schemas: JsonSchema(schemas),
        "iso8583": lambda flow, schemas: Iso8583(spec_of(flow.spec.extends, flow.spec.fields)),
    }
)


def standing_of(flow: Flow) -> Sequence[StandingRule]:
    """Rules that nobody has to write: what is card data by its place in the flow's format."""
    return standing(spec_of(flow.spec.extends, flow.spec.fields)) if flow.format == "iso8583" else ()


def format_of(flow: Flow, schemas: Schemas) -> Format | None:
    """None for JSON: the kernel reads it itself."""
    return None if flow.format == "json" else FORMATS[flow.format](flow, schemas)
