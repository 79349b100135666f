"""How a Protobuf message is told in JSON, and how what was masked goes into it."""

from collections.abc import Mapping
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

from pipeline.masking.formats.entries import entries
from pipeline.masking.formats.format import DEEPEST, Malformed, Unwritable
from pipeline.masking.formats.leaves import Double, Flag, Json, Leaf, Octets, Single, Text, Whole
from pipeline.masking.formats.places import item, member
from pipeline.record import Reason

_I32, _I64 = Whole(-(1 << 31), (1 << 31) - 1), Whole(-(1 << 63), (1 << 63) - 1)
_U32, _U64 = Whole(0, (1 << 32) - 1), Whole(0, (1 << 64) - 1)
_ENUM = FieldDescriptor.TYPE_ENUM
LEAVES: Mapping[int, Leaf] = {
    FieldDescriptor.TYPE_DOUBLE: Double(),
    FieldDescriptor.TYPE_FLOAT: Single(),
    FieldDescriptor.TYPE_INT64: _I64,
    FieldDescriptor.TYPE_UINT64: _U64,
    FieldDescriptor.TYPE_INT32: _I32,
    FieldDescriptor.TYPE_FIXED64: _U64,
    FieldDescriptor.TYPE_FIXED32: _U32,
    FieldDescriptor.TYPE_BOOL: Flag(),
    FieldDescriptor.TYPE_STRING: Text(),
    FieldDescriptor.TYPE_BYTES: Octets(),
    FieldDescriptor.TYPE_UINT32: _U32,
    FieldDescriptor.TYPE_SFIXED32: _I32,
    FieldDescriptor.TYPE_SFIXED64: _I64,
    FieldDescriptor.TYPE_SINT32: _I32,
    FieldDescriptor.TYPE_SINT64: _I64,
}


def view(message: Message, level: int = 0) -> Json:
    """Raises Malformed: too deep, or with fields that the schema does not know."""
    if level >= DEEPEST:
        raise Malformed("value", Reason.TOO_DEEP)
    if len(UnknownFieldSet(message)):
        raise Malformed("value")
    return {field.name: _field(field, value, level + 1) for field, value in message.ListFields()}


def _field(field: FieldDescriptor, value: Any, level: int) -> Json:
    if _is_map(field):
        inner = _part(field, "value")
        return {_name(key): _one(inner, value[key], level) for key in value}
    if field.is_repeated:
        return [_one(field, each, level) for each in value]
    return _one(field, value, level)


def _one(field: FieldDescriptor, value: Any, level: int) -> Json:
    if field.message_type is not None:
        return view(value, level)
    if field.type == _ENUM:
        known = field.enum_type and field.enum_type.values_by_number.get(value)
        return known.name if known else value
    return LEAVES[field.type].view(value)


def fit(message: Message, masked: Json, place: str) -> None:
    """Change the message to what its view now is. Raises Unwritable."""
    present = {field.name: (field, value) for field, value in message.ListFields()}
    if not isinstance(masked, dict) or not masked.keys() <= present.keys():
        raise Unwritable(place)
    for name, (field, value) in present.items():
        if name in masked and masked[name] == value:  # most of it, and cheaper than what follows
            continue
        here = member(place, name)
        if name not in masked:
            if field.is_required:
                raise Unwritable(here)
            message.ClearField(name)
        elif _is_map(field):
            _fit_map(field, value, masked[name], here)
        elif field.is_repeated:
            _fit_items(field, value, masked[name], here)
        elif field.message_type is not None:
            fit(value, masked[name], here)
        else:
            _set(message, field, value, masked[name], here)


def _set(message: Message, field: FieldDescriptor, value: Any, masked: Json, place: str) -> None:
    changed = _leaf(field, value, masked, place)
    if changed is not value:
        setattr(message, field.name, changed)


def _leaf(field: FieldDescriptor, value: Any, masked: Json, place: str) -> Any:
    if field.type != _ENUM:
        return LEAVES[field.type].fit(value, masked, place)
    if masked == _one(field, value, 0):
        return value
    raise Unwritable(place)


def _fit_items(field: FieldDescriptor, values: Any, masked: Json, place: str) -> None:
    if not isinstance(masked, list) or len(masked) != len(values):
        raise Unwritable(place)
    for index, after in enumerate(masked):
        if field.message_type is not None:
            fit(values[index], after, item(place, index))
        else:
            values[index] = _leaf(field, values[index], after, item(place, index))


def _fit_map(field: FieldDescriptor, values: Any, masked: Json, place: str) -> None:
    key, inner = _part(field, "key"), _part(field, "value")
    if not isinstance(masked, dict):
        raise Unwritable(place)
    keys = {_name(each): each for each in values}
    changed = []
    for name, before in entries(list(keys.items()), masked, place):
        here = member(place, name)
        after = before if name == _name(before) else _key(key, name, here)
        value = values[before]
        if inner.message_type is not None:
            kept = type(value)()
            kept.CopyFrom(value)
            fit(kept, masked[name], here)
        else:
            kept = _leaf(inner, value, masked[name], here)
        changed.append((after, kept))
    values.clear()
    for after, kept in changed:
        if inner.message_type is not None:
            values[after].CopyFrom(kept)
        else:
            values[after] = kept


def _key(field: FieldDescriptor, name: str, place: str) -> Any:
    return LEAVES[field.type].fit(0, name, place)


def _name(key: object) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _part(map_: FieldDescriptor, name: str) -> FieldDescriptor:
    return map_.message_type.fields_by_name[name]  # type: ignore[union-attr]  # a map's type is its entry's
