"""Two of Kafka's requests that no client of ours has: the active controller and its clock, and finalized features.

DescribeQuorum, version 1 (KIP-595, KIP-836); ApiVersions, version 3 (KIP-584). Both read.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from aiokafka.errors import IncompatibleBrokerVersion
from aiokafka.protocol.api import Request, RequestStruct, Response, ResponseHeader_v0
from aiokafka.protocol.types import CompactArray, CompactString, Int16, Int32, Int64, Schema, TaggedFields

from agents.administration import administration
from agents.settings import Kafka

_TEXT = CompactString("utf-8")
_TAGS = ("tags", TaggedFields)
_METADATA_LOG = "__cluster_metadata"
_FINALIZED = 2  # the tag of the finalized features
_FEATURES = CompactArray(("name", _TEXT), ("max_level", Int16), ("min_level", Int16), _TAGS)
_REPLICAS = CompactArray(("id", Int32), ("end", Int64), ("fetched", Int64), ("caught_up", Int64), _TAGS)


class _QuorumResponse(Response):
    API_KEY, API_VERSION = 55, 1
    SCHEMA = Schema(
        ("error_code", Int16),
        (
            "topics",
            CompactArray(
                ("name", _TEXT),
                (
                    "partitions",
                    CompactArray(
                        ("number", Int32),
                        ("error_code", Int16),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("high_watermark", Int64),
                        ("voters", _REPLICAS),
                        ("observers", _REPLICAS),
                        _TAGS,
                    ),
                ),
                _TAGS,
            ),
        ),
        _TAGS,
    )


class _QuorumStruct(RequestStruct):
    API_KEY, API_VERSION, RESPONSE_TYPE, FLEXIBLE_VERSION = 55, 1, _QuorumResponse, True
    SCHEMA = Schema(
        ("topics", CompactArray(("name", _TEXT), ("partitions", CompactArray(("number", Int32), _TAGS)), _TAGS)), _TAGS
    )


class _Quorum(Request[_QuorumStruct]):
    API_KEY = 55

    def build(self, request_struct_class: type[_QuorumStruct]) -> _QuorumStruct:
        return request_struct_class([(_METADATA_LOG, [(0, {})], {})], {})


class _VersionsResponse(Response):
    API_KEY, API_VERSION = 18, 3
    SCHEMA = Schema(
        ("error_code", Int16),
        ("keys", CompactArray(("key", Int16), ("min", Int16), ("max", Int16), _TAGS)),
        ("throttle_time_ms", Int32),
        _TAGS,
    )


class _VersionsStruct(RequestStruct):
    API_KEY, API_VERSION, RESPONSE_TYPE, FLEXIBLE_VERSION = 18, 3, _VersionsResponse, True
    SCHEMA = Schema(("software_name", _TEXT), ("software_version", _TEXT), _TAGS)

    def parse_response_header(self, read_buffer: BytesIO | bytes) -> ResponseHeader_v0:
        """The one response that keeps the old header (KIP-511)."""
        return ResponseHeader_v0.decode(read_buffer)


class _Versions(Request[_VersionsStruct]):
    API_KEY = 18

    def build(self, request_struct_class: type[_VersionsStruct]) -> _VersionsStruct:
        return request_struct_class("panlock", "1", {})


@dataclass(frozen=True, slots=True)
class Quorum:
    """`leader`: node id of the active controller; `ahead`: ms by which its clock is ahead of ours. `features`: name →
    finalized level. None where Kafka does not say: it denies it, or has no such request."""

    leader: int | None
    ahead: int | None
    features: Mapping[str, int] | None


async def quorum(kafka: Kafka) -> Quorum:
    """Needs Describe on the cluster. Raises KafkaError."""
    async with administration(kafka) as admin:
        client = admin._client
        node = client.get_random_node()
        try:
            features = await _features(client, node)
            return Quorum(*await _leader(client, node), features)
        except (IncompatibleBrokerVersion, NotImplementedError):  # brokers of before Kafka 3.3, or with ZooKeeper
            return Quorum(None, None, None)


async def _features(client: Any, node: int) -> Mapping[str, int] | None:
    answer: Any = await client.send(node, _Versions())
    if answer.error_code != 0 or _FINALIZED not in answer.tags:
        return None
    found = _FEATURES.decode(BytesIO(answer.tags[_FINALIZED]))
    return {name: level for name, level, _, _ in found or ()}


async def _leader(client: Any, node: int) -> tuple[int | None, int | None]:
    """The leader says of itself that it has caught up now, by its own clock."""
    answer: Any = await client.send(node, _Quorum())
    now = time.time_ns() // 1_000_000
    for _, partitions, _ in answer.topics if answer.error_code == 0 else ():
        for _, error, leader, _, _, voters, _, _ in partitions:
            told = [caught_up for replica, _, _, caught_up, _ in voters if replica == leader]
            if error == 0 and told and told[0] > 0:
                return leader, told[0] - now
    return None, None
