"""Protobuf in Confluent's wire format, read with messages made from the schema's descriptors.

Paths are the field names of the .proto. A field that is not set, or in proto3 at its default, is absent.
64-bit integers are numbers, enums their names, bytes as octets.text_of has them. Dropping clears a field.

Fail closed: a value with fields that its schema does not know is malformed, for they would pass unseen.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor, FileDescriptor
from google.protobuf.message import DecodeError, Message

from pipeline.masking.formats.confluent import message_indexes, schema_id
from pipeline.masking.formats.format import Malformed
from pipeline.masking.formats.protobuf_nodes import fit, view
from pipeline.masking.formats.protobuf_wire import check_nothing_hidden
from pipeline.masking.formats.schemas import Compiled, Schema, SchemaRefusedError, Schemas


@dataclass(frozen=True, slots=True)
class ProtobufDocument:
    json: bytes
    header: bytes
    message: Message

    def write(self, masked: bytes) -> bytes:
        """Raises Unwritable."""
        changed = type(self.message)()
        changed.CopyFrom(self.message)
        fit(changed, orjson.loads(masked), "$")
        return self.header + changed.SerializeToString(deterministic=True)


def _file(schema: Schema) -> FileDescriptor:
    """The schema's own file, the last of its set. Raises SchemaRefusedError."""
    pool = descriptor_pool.DescriptorPool()
    try:
        files = descriptor_pb2.FileDescriptorSet.FromString(schema.text).file
        for each in files:
            _refuse_groups(each.message_type)
            pool.Add(each)
        return pool.FindFileByName(files[-1].name)
    except SchemaRefusedError:
        raise
    except Exception as error:  # noqa: BLE001  # whatever the library finds wrong with descriptors
        raise SchemaRefusedError(f"not a usable FileDescriptorSet ({type(error).__name__})") from None


def _refuse_groups(messages: Iterable[descriptor_pb2.DescriptorProto]) -> None:
    for message in messages:
        if any(field.type == field.TYPE_GROUP for field in message.field):
            raise SchemaRefusedError("groups (proto2) are not supported: use messages")
        _refuse_groups(message.nested_type)


class Protobuf:
    def __init__(self, schemas: Schemas) -> None:
        self._compiled: Compiled[FileDescriptor] = Compiled("protobuf", schemas, _file)

    def read(self, value: bytes) -> ProtobufDocument:
        """Raises Malformed, SchemasUnavailableError."""
        file = self._compiled.of(schema_id(value))
        indexes, at = message_indexes(value)
        descriptor = _type(file, indexes)
        message: Message = message_factory.GetMessageClass(descriptor)()
        raw = value[at:]
        try:
            message.ParseFromString(raw)
            same = message.SerializeToString(deterministic=True) == raw
        except (DecodeError, ValueError):
            raise Malformed(f"byte {at}") from None
        if not same:
            check_nothing_hidden(value, descriptor, at, len(value))
        return ProtobufDocument(orjson.dumps(view(message)), value[:at], message)


def _type(file: FileDescriptor, indexes: tuple[int, ...]) -> Descriptor:
    """Raises Malformed."""
    types: Sequence[Descriptor] = list(file.message_types_by_name.values())
    for level, index in enumerate(indexes):
        if not 0 <= index < len(types):
            raise Malformed("byte 5")
        found = types[index]
        types = found.nested_types
        if level == len(indexes) - 1:
            return found
    raise Malformed("byte 5")
