"""The largest batch that each topic takes, as the cluster has it now: an administrator may have changed it."""

from collections.abc import Sequence

from confluent_kafka.admin import ConfigResource, ResourceType

from agents.administrator import administrator
from agents.settings import Kafka

TIMEOUT = 10.0  # seconds


def size_limits(kafka: Kafka, topics: Sequence[str]) -> dict[str, int]:
    """Topic → max.message.bytes. Blocking. Raises confluent_kafka.KafkaException; needs DescribeConfigs on each."""
    resources = [ConfigResource(ResourceType.TOPIC, topic) for topic in topics]
    answers = administrator(kafka).describe_configs(resources, request_timeout=TIMEOUT)
    return {
        resource.name: int(future.result(TIMEOUT)["max.message.bytes"].value) for resource, future in answers.items()
    }
