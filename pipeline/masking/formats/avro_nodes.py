"""How the containers of an explicit Avro schema (avro_schema) are told in JSON, and what masking makes of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from pipeline.masking.formats.entries import entries
from pipeline.masking.formats.format import Malformed, Unwritable
from pipeline.masking.formats.leaves import Json, Text, Whole
from pipeline.masking.formats.places import item, member
from pipeline.record import Reason


class Node(Protocol):
    """`view`: what orjson writes of what fastavro read, raises Malformed. `fit`: the value to write, given that
    its view is now `masked`, raises Unwritable."""

    def view(self, native: Any) -> Json: ...
    def fit(self, native: Any, masked: Json, place: str) -> object: ...


class Null:
    def view(self, native: Any) -> Json:
        return None

    def fit(self, native: Any, masked: Json, place: str) -> object:
        if masked is not None:
            raise Unwritable(place)
        return None


class Member(NamedTuple):
    """A record's field; `default`: as the schema writes it, ... without one."""

    name: str
    node: Node
    default: object

    def dropped(self, place: str) -> object:
        """What stands where masking dropped the member: null, else the schema's default, else nothing can."""
        if isinstance(self.node, Nullable | Union) and self.node.null:
            return None
        if isinstance(self.node, Text) and isinstance(self.default, str):
            return self.default
        if isinstance(self.node, Whole) and type(self.default) is int:
            return self.default
        raise Unwritable(place)


@dataclass(frozen=True, slots=True)
class Record:
    members: tuple[Member, ...]

    def view(self, native: Any) -> Json:
        return {name: node.view(native[name]) for name, node, _ in self.members}

    def fit(self, native: Any, masked: Json, place: str) -> object:
        if not isinstance(masked, dict) or not masked.keys() <= native.keys():
            raise Unwritable(place)  # a name that was masked is none of the schema's
        return {
            each.name: native[each.name]
            if each.name in masked and masked[each.name] == native[each.name]  # most of it, and cheaper than fit
            else self._changed(each, native, masked, member(place, each.name))
            for each in self.members
        }

    def _changed(self, each: Member, native: Any, masked: Mapping[str, Json], place: str) -> object:
        if each.name not in masked:
            return each.dropped(place)
        return each.node.fit(native[each.name], masked[each.name], place)


@dataclass(frozen=True, slots=True)
class Array:
    items: Node

    def view(self, native: Any) -> Json:
        return [self.items.view(each) for each in native]

    def fit(self, native: Any, masked: Json, place: str) -> object:
        if not isinstance(masked, list) or len(masked) != len(native):
            raise Unwritable(place)
        pairs = enumerate(zip(native, masked, strict=True))
        return [self.items.fit(before, after, item(place, index)) for index, (before, after) in pairs]


@dataclass(frozen=True, slots=True)
class Map:
    """Read as an array of {k, v}, so that every entry is seen."""

    values: Node

    def view(self, native: Any) -> Json:
        told = {entry["k"]: self.values.view(entry["v"]) for entry in native}
        if len(told) != len(native):
            raise Malformed("value", Reason.DUPLICATE_KEY)
        return told

    def fit(self, native: Any, masked: Json, place: str) -> object:
        if not isinstance(masked, dict):
            raise Unwritable(place)
        return [
            {"k": after, "v": self.values.fit(value, masked[after], member(place, after))}
            for after, value in entries([(entry["k"], entry["v"]) for entry in native], masked, place)
        ]


@dataclass(frozen=True, slots=True)
class Nullable:
    """A union of one type, and of null where `null`: the value itself says which it is."""

    node: Node
    null: bool

    def view(self, native: Any) -> Json:
        return None if native is None else self.node.view(native)

    def fit(self, native: Any, masked: Json, place: str) -> object:
        if masked is None and self.null:
            return None
        if native is None:
            raise Unwritable(place)
        return self.node.fit(native, masked, place)


class Branch(NamedTuple):
    """A branch of a union: a record of one member, v."""

    name: str
    node: Node


@dataclass(frozen=True, slots=True)
class Union:
    """A union of several types, told as the value alone; what no longer fits its branch may fit one of text."""

    branches: Mapping[str, Branch]
    null: bool

    def view(self, native: Any) -> Json:
        if native is None:
            return None
        name, value = _branch(native)
        return self.branches[name].node.view(value)

    def fit(self, native: Any, masked: Json, place: str) -> object:
        if masked is None and self.null:
            return None
        if native is None:
            raise Unwritable(place)
        name, value = _branch(native)
        try:
            return name, {"v": self.branches[name].node.fit(value, masked, place)}
        except Unwritable:
            if not isinstance(masked, str):
                raise
        for other, node in self.branches.values():
            if isinstance(node, Text):
                return other, {"v": masked}
        raise Unwritable(place)


def _branch(native: Any) -> tuple[str, object]:
    name, wrapped = native
    return name, wrapped["v"]
