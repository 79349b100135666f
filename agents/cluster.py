"""Which cluster this is, and which topics: ids that a recreated topic or another cluster does not share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicCollection

from agents.administrator import administrator
from agents.settings import Kafka
from pipeline.errors import PanlockError

TIMEOUT = 10.0  # seconds
_MISSING = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.TOPIC_AUTHORIZATION_FAILED)
_BASE64URL = str.maketrans("+/", "-_")  # librdkafka writes UUIDs in the other alphabet than Kafka's own tools


class TopicMissingError(PanlockError):
    """A topic of the policy that the cluster does not have, or that this certificate may not see."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Ids as Kafka writes them: base64url without padding."""

    cluster_id: str
    topic_ids: Mapping[str, str]


def identify(kafka: Mapping[str, Any], topics: Sequence[str]) -> Identity:
    """Blocking. Raises TopicMissingError, and confluent_kafka.KafkaException where no broker answers."""
    admin = administrator(Kafka.model_validate(kafka))
    cluster = admin.describe_cluster(request_timeout=TIMEOUT).result(TIMEOUT)
    found: dict[str, str] = {}
    asked = admin.describe_topics(TopicCollection(list(topics)), request_timeout=TIMEOUT) if topics else {}
    for name, future in asked.items():
        try:
            found[name] = str(future.result(TIMEOUT).topic_id).translate(_BASE64URL)
        except KafkaException as error:
            if error.args[0].code() not in _MISSING:
                raise
            raise TopicMissingError(
                f"topic {name} is not there for this certificate: run `panlock deploy apply` with this policy"
            ) from error
    return Identity(str(cluster.cluster_id), found)
