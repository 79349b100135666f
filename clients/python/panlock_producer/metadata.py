"""Kafka's Metadata request, version 12: the cluster's id and a topic's (KIP-516). aiokafka has it up to 5."""

import uuid
from io import BytesIO

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    AbstractType,
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

_KEY, _VERSION = 3, 12
_NAME, _TAGS = CompactString("utf-8"), ("tags", TaggedFields)


class _Uuid(AbstractType[uuid.UUID]):
    @classmethod
    def encode(cls, value: uuid.UUID) -> bytes:
        return value.bytes

    @classmethod
    def decode(cls, data: BytesIO) -> uuid.UUID:
        return uuid.UUID(bytes=data.read(16))


_BROKER = CompactArray(("node_id", Int32), ("host", _NAME), ("port", Int32), ("rack", _NAME), _TAGS)
_PARTITION = CompactArray(
    ("error_code", Int16),
    ("partition", Int32),
    ("leader", Int32),
    ("leader_epoch", Int32),
    ("replicas", CompactArray(Int32)),
    ("isr", CompactArray(Int32)),
    ("offline", CompactArray(Int32)),
    _TAGS,
)
_TOPIC = CompactArray(
    ("error_code", Int16),
    ("name", _NAME),
    ("topic_id", _Uuid),
    ("is_internal", Boolean),
    ("partitions", _PARTITION),
    ("operations", Int32),
    _TAGS,
)


class TopicResponse(Response):
    """`cluster_id`; `topics`: (error code, name, UUID, internal, partitions, …) each."""

    API_KEY, API_VERSION = _KEY, _VERSION
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", _BROKER),
        ("cluster_id", _NAME),
        ("controller_id", Int32),
        ("topics", _TOPIC),
        _TAGS,
    )


class _Struct(RequestStruct):
    FLEXIBLE_VERSION = True
    API_KEY, API_VERSION, RESPONSE_TYPE = _KEY, _VERSION, TopicResponse
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", _Uuid), ("name", _NAME), _TAGS)),
        ("allow_auto_topic_creation", Boolean),
        ("include_topic_authorized_operations", Boolean),
        _TAGS,
    )


class TopicRequest(Request[_Struct]):
    API_KEY = _KEY

    def __init__(self, topic: str) -> None:
        self._topic = topic

    def build(self, request_struct_class: type[_Struct]) -> _Struct:
        return request_struct_class([(uuid.UUID(int=0), self._topic, {})], False, False, {})
