"""An Avro schema made explicit, so that nothing in a value is hidden from its projection or lost on the way back.

The explicit schema has the very same bytes on the wire:

- a union of several types holds records of one member, so that fastavro says which branch it read, and writes that one;
- a map is an array of {k, v}: a key that comes twice would else hide its first value, in a value that passes as it is;
- logical types are their underlying types: what is read is what is written;
- a recursive type is unrolled DEEPEST levels, the last of which nothing can be: fastavro follows nesting on the stack
  of C, and ten thousand levels, 10 KB, end the process.

Bounds: an array whose items take no bytes may claim 2^62 of them, so such schemas are refused, as are more than
NODES types.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import fastavro
import orjson

from pipeline.masking.formats.avro_nodes import Array, Branch, Map, Member, Node, Null, Nullable, Record, Union
from pipeline.masking.formats.format import DEEPEST
from pipeline.masking.formats.leaves import Decimal, Double, Flag, Leaf, Octets, Single, Symbol, Text, Whole
from pipeline.masking.formats.schemas import Schema, SchemaRefusedError

Definition = dict[str, Any]  # of a type, in the schema's own JSON, checked by fastavro

NODES = 20_000
IMPOSSIBLE = 1 << 40  # bytes of a fixed that no value has
INT, LONG = Whole(-(1 << 31), (1 << 31) - 1), Whole(-(1 << 63), (1 << 63) - 1)
PRIMITIVES: Mapping[str, Leaf] = {
    "boolean": Flag(),
    "int": INT,
    "long": LONG,
    "float": Single(),
    "double": Double(),
    "bytes": Octets(),
    "string": Text(),
}


@dataclass(slots=True)
class _Made:
    """A type in its explicit form: as fastavro takes it, as Panlock walks it, and whether it takes no bytes."""

    avro: Any
    node: Node
    empty: bool = False


@dataclass(slots=True)
class _Making:
    named: dict[str, Definition] = field(default_factory=dict)  # full name → definition
    made: dict[tuple[str, int], _Made] = field(default_factory=dict)
    types: int = 0
    names: Iterator[int] = field(default_factory=count)

    def of(self, schema: Any, depth: int = 0) -> _Made:
        self.types += 1
        if self.types > NODES:
            raise SchemaRefusedError(f"the schema has more than {NODES} types, recursive ones unrolled")
        if isinstance(schema, list):
            return self._union(schema, depth)
        if isinstance(schema, str):
            return self._primitive(schema, {}, depth)
        kind = schema["type"]
        if kind == "array":
            item = self.of(schema["items"], depth)
            if item.empty:
                raise SchemaRefusedError("an array's items take no bytes: any number of them would fit a few")
            return _Made({"type": "array", "items": item.avro}, Array(item.node))
        if kind == "map":
            return self._map(schema, depth)
        if kind in ("record", "error", "enum", "fixed"):
            self.named[str(schema["name"])] = schema
            return self._named(str(schema["name"]), depth)
        return self._primitive(str(kind), schema, depth) if isinstance(kind, str) else self.of(kind, depth)

    def _primitive(self, name: str, schema: Definition, depth: int) -> _Made:
        if name == "null":
            return _Made("null", Null(), empty=True)
        if name not in PRIMITIVES:
            return self._named(name, depth)
        if name == "bytes" and schema.get("logicalType") == "decimal":
            return _Made("bytes", _decimal(schema, None))
        return _Made(name, PRIMITIVES[name])

    def _named(self, name: str, depth: int) -> _Made:
        schema = self.named[name]
        if schema["type"] == "enum":
            symbols = tuple(schema["symbols"])
            return _Made({"type": "enum", "name": self._fresh(), "symbols": list(symbols)}, Symbol(symbols))
        if schema["type"] == "fixed":
            return self._fixed(schema)
        if (name, depth) in self.made:
            known = self.made[name, depth]
            return _Made(_name_of(known.avro), known.node, known.empty)
        if depth == DEEPEST:
            made = _Made({"type": "fixed", "name": self._fresh(), "size": IMPOSSIBLE}, Null())
        else:
            made = self._record(schema, depth)
        self.made[name, depth] = made
        return made

    def _fixed(self, schema: Definition) -> _Made:
        size = int(str(schema["size"]))
        leaf = _decimal(schema, size) if schema.get("logicalType") == "decimal" else Octets(size)
        return _Made({"type": "fixed", "name": self._fresh(), "size": size}, leaf, empty=size == 0)

    def _record(self, schema: Definition, depth: int) -> _Made:
        fields, members, empty, name = [], [], True, self._fresh()
        for each in schema["fields"]:
            made = self.of(each["type"], depth + 1)
            fields.append({"name": each["name"], "type": made.avro})
            members.append(Member(each["name"], made.node, each.get("default", ...)))
            empty = empty and made.empty
        return _Made({"type": "record", "name": name, "fields": fields}, Record(tuple(members)), empty)

    def _map(self, schema: Definition, depth: int) -> _Made:
        made = self.of(schema["values"], depth)
        entry = {
            "type": "record",
            "name": self._fresh(),
            "fields": [{"name": "k", "type": "string"}, {"name": "v", "type": made.avro}],
        }
        return _Made({"type": "array", "items": entry}, Map(made.node))

    def _union(self, branches: list[Any], depth: int) -> _Made:
        made = [self.of(branch, depth) for branch in branches]
        others = [each for each in made if each.avro != "null"]
        if len(others) == 1:
            return _Made([each.avro for each in made], Nullable(others[0].node, len(made) == 2))
        avro: list[Any] = []
        nodes = {}
        for each in made:
            if each.avro == "null":
                avro.append("null")
                continue
            name = self._fresh()
            avro.append({"type": "record", "name": name, "fields": [{"name": "v", "type": each.avro}]})
            nodes[name] = Branch(name, each.node)
        return _Made(avro, Union(nodes, len(others) < len(made)))

    def _fresh(self) -> str:
        return f"t{next(self.names)}"


def _decimal(schema: Definition, size: int | None) -> Octets:
    scale, precision = schema.get("scale", 0), schema.get("precision", 0)
    if type(scale) is not int or type(precision) is not int or not 0 <= scale <= precision <= 150:
        return Octets(size)  # as the specification says of a logical type that is not valid: it is ignored
    return Decimal(scale, precision, size)


def _name_of(avro: Any) -> object:
    return avro["name"] if isinstance(avro, dict) else avro


def explicit(schema: Schema) -> tuple[Any, Node]:
    """The schema as fastavro takes it, and the node that walks its values. Raises SchemaRefusedError."""
    try:
        named: dict[str, Definition] = {}
        for _, text in schema.references:
            fastavro.parse_schema(orjson.loads(text), named_schemas=named)
        parsed = fastavro.parse_schema(orjson.loads(schema.text), named_schemas=named)
        made = _Making(named).of(parsed)
        return fastavro.parse_schema(made.avro), made.node
    except SchemaRefusedError:
        raise
    except Exception as error:  # noqa: BLE001  # whatever fastavro finds wrong with a schema, and it says it in many ways
        raise SchemaRefusedError(f"not a valid Avro schema ({type(error).__name__})") from None
