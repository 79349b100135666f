"""Which cluster this is, and which topics: ids that a recreated topic or another cluster does not share."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAuthorizationFailedError, UnknownTopicOrPartitionError, for_code

from agents.administration import administration
from agents.metadata import MetadataRequest
from agents.settings import Kafka
from pipeline.errors import PanlockError

_MISSING = (UnknownTopicOrPartitionError, TopicAuthorizationFailedError)
_LARGEST, _CLEANUP = "max.message.bytes", "cleanup.policy"


class TopicMissingError(PanlockError):
    """A topic of the policy that the cluster does not have, or that this certificate may not see."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Ids as Kafka writes them: base64url without padding."""

    cluster_id: str
    topic_ids: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Facts:
    """The cluster's and its topics' ids, how many partitions each topic has, the largest batch (bytes) that it takes,
    and which are compacted: those take no record without a key."""

    identity: Identity
    partitions: Mapping[str, int]
    limits: Mapping[str, int]
    compacted: frozenset[str]


def topic_bytes(topic_id: str) -> bytes:
    """A topic's UUID in 16 bytes."""
    return urlsafe_b64decode(topic_id + "==")


async def facts(kafka: Kafka, topics: Sequence[str]) -> Facts:
    """Needs Describe and DescribeConfigs on each topic. Raises TopicMissingError, KafkaError."""
    async with administration(kafka) as admin:
        found = await _metadata(admin, topics)
        limits, compacted = await _configuration(admin, topics)
        return Facts(found.identity, found.partitions, limits, compacted)


async def identify(kafka: Kafka, topics: Sequence[str]) -> Identity:
    """Raises TopicMissingError, and aiokafka's KafkaError where no broker answers."""
    async with administration(kafka) as admin:
        return (await _metadata(admin, topics)).identity


async def _metadata(admin: AIOKafkaAdminClient, topics: Sequence[str]) -> Facts:
    """Without the topics' configuration."""
    client = admin._client
    answer = await client.send(client.get_random_node(), MetadataRequest(topics))
    ids: dict[str, str] = {}
    counts: dict[str, int] = {}
    for code, name, topic_id, _, partitions, *_ in answer.topics:
        _check(code, name)
        ids[name] = urlsafe_b64encode(topic_id.bytes).decode().rstrip("=")
        counts[name] = len(partitions)
    return Facts(Identity(str(answer.cluster_id), ids), counts, {}, frozenset())


async def _configuration(admin: AIOKafkaAdminClient, topics: Sequence[str]) -> tuple[dict[str, int], frozenset[str]]:
    """max.message.bytes by topic, and the topics that are compacted."""
    wanted = {_LARGEST: "", _CLEANUP: ""}
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic, wanted) for topic in topics]
    limits: dict[str, int] = {}
    compacted = set()
    for answer in await admin.describe_configs(resources):
        for code, _, _, name, entries, *_ in answer.resources:
            _check(code, name)
            values = {entry[0]: entry[1] for entry in entries}
            limits[name] = int(values[_LARGEST])
            if "compact" in values[_CLEANUP]:
                compacted.add(name)
    return limits, frozenset(compacted)


def _check(code: int, topic: str) -> None:
    error = for_code(code)
    if error in _MISSING:
        raise TopicMissingError(
            f"topic {topic} is not there for this certificate: run `panlock deploy apply` with this policy"
        )
    if code:
        raise error(topic)
