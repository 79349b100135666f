"""Which cluster this is, and which topics: ids that a recreated topic or another cluster does not share."""

from base64 import urlsafe_b64encode
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
_LARGEST = "max.message.bytes"


class TopicMissingError(PanlockError):
    """A topic of the policy that the cluster does not have, or that this certificate may not see."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Ids as Kafka writes them: base64url without padding."""

    cluster_id: str
    topic_ids: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Facts:
    """The cluster's and its topics' ids, how many partitions each topic has, and the largest batch (bytes) it takes."""

    identity: Identity
    partitions: Mapping[str, int]
    limits: Mapping[str, int]


async def facts(kafka: Kafka, topics: Sequence[str]) -> Facts:
    """Needs Describe and DescribeConfigs on each topic. Raises TopicMissingError, KafkaError."""
    async with administration(kafka) as admin:
        found = await _metadata(admin, topics)
        return Facts(found.identity, found.partitions, await _limits(admin, topics))


async def identify(kafka: Kafka, topics: Sequence[str]) -> Identity:
    """Raises TopicMissingError, and aiokafka's KafkaError where no broker answers."""
    async with administration(kafka) as admin:
        return (await _metadata(admin, topics)).identity


async def _metadata(admin: AIOKafkaAdminClient, topics: Sequence[str]) -> Facts:
    """Without limits."""
    client = admin._client
    answer = await client.send(client.get_random_node(), MetadataRequest(topics))
    ids: dict[str, str] = {}
    counts: dict[str, int] = {}
    for code, name, topic_id, _, partitions, *_ in answer.topics:
        _check(code, name)
        ids[name] = urlsafe_b64encode(topic_id.bytes).decode().rstrip("=")
        counts[name] = len(partitions)
    return Facts(Identity(str(answer.cluster_id), ids), counts, {})


async def _limits(admin: AIOKafkaAdminClient, topics: Sequence[str]) -> dict[str, int]:
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic, {_LARGEST: ""}) for topic in topics]
    found: dict[str, int] = {}
    for answer in await admin.describe_configs(resources):
        for code, _, _, name, entries, *_ in answer.resources:
            _check(code, name)
            found[name] = int(next(entry[1] for entry in entries if entry[0] == _LARGEST))
    return found


def _check(code: int, topic: str) -> None:
    error = for_code(code)
    if error in _MISSING:
        raise TopicMissingError(
            f"topic {topic} is not there for this certificate: run `panlock deploy apply` with this policy"
        )
    if code:
        raise error(topic)
