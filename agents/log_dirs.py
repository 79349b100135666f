"""Kafka's DescribeLogDirs request, version 1 (KIP-113): how many bytes of each partition lie on the brokers' disks."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Int64, Schema, String

from agents.administration import administration
from agents.settings import Kafka

_KEY, _VERSION = 35, 1
_TEXT = String("utf-8")


class _Response(Response):
    """`results`: (error code, directory, topics) each."""

    API_KEY, API_VERSION = _KEY, _VERSION
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "results",
            Array(
                ("error_code", Int16),
                ("log_dir", _TEXT),
                (
                    "topics",
                    Array(
                        ("name", _TEXT),
                        (
                            "partitions",
                            Array(("index", Int32), ("size", Int64), ("offset_lag", Int64), ("is_future", Boolean)),
                        ),
                    ),
                ),
            ),
        ),
    )


class _Struct(RequestStruct):
    API_KEY, API_VERSION, RESPONSE_TYPE = _KEY, _VERSION, _Response
    SCHEMA = Schema(("topics", Array(("topic", _TEXT), ("partitions", Array(Int32)))))


class _Request(Request[_Struct]):
    """Of these partitions."""

    API_KEY = _KEY

    def __init__(self, partitions: Mapping[str, int]) -> None:
        self._partitions = partitions

    def build(self, request_struct_class: type[_Struct]) -> _Struct:
        return request_struct_class([(topic, list(range(count))) for topic, count in self._partitions.items()])


async def bytes_on_disk(kafka: Kafka, partitions: Mapping[str, int]) -> Mapping[tuple[str, int], int]:
    """(topic, partition) → bytes of its segments, all replicas together; `partitions`: how many each topic has.

    Needs Describe on the cluster: without it, brokers answer with nothing. Raises KafkaError.
    """
    sizes: Counter[tuple[str, int]] = Counter()
    async with administration(kafka) as admin:
        client = admin._client
        for broker in client.cluster.brokers():
            answer: Any = await client.send(broker.nodeId, _Request(partitions))
            for _, _, topics in answer.results:
                for name, found in topics:
                    sizes.update({(name, index): size for index, size, *_ in found})
    return sizes
