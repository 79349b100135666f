"""The demo's Kafka clients: librdkafka through confluent-kafka, each under one certificate."""

import logging
from collections.abc import Mapping
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition

from deploy.demo.told import PATIENCE, NotAsToldError

Kafka = Mapping[str, str]

_log = logging.getLogger("panlock.demo.kafka")
_log.addHandler(logging.NullHandler())
_log.propagate = False  # what goes wrong is told once, by the step


def librdkafka(kafka: Kafka) -> dict[str, str]:
    """The settings that kcat and confluent-kafka take; `kafka` as in a configuration file."""
    return {
        "bootstrap.servers": kafka["bootstrap"],
        "security.protocol": "ssl",
        "ssl.ca.location": kafka["ca"],
        "ssl.certificate.location": kafka["certificate"],
        "ssl.key.location": kafka["key"],
    }


def consumer(kafka: Kafka, group: str, isolation: str = "read_committed") -> Consumer:
    settings: dict[str, Any] = {
        "group.id": group,
        "isolation.level": isolation,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "fetch.wait.max.ms": 100,
    }
    return Consumer(librdkafka(kafka) | settings, logger=_log)


def topics(kafka: Kafka) -> dict[str, int]:
    """Every topic that the certificate may see, Kafka's own too, and its number of partitions."""
    client = consumer(kafka, "demo-topics")
    try:
        return {name: len(each.partitions) for name, each in client.list_topics(timeout=30).topics.items()}
    finally:
        client.close()


def read_all(kafka: Kafka, topic: str, group: str, isolation: str = "read_committed") -> list[Message]:
    """Everything in the topic, each partition to the end it has now."""
    client = consumer(kafka, group, isolation)
    try:
        count = len(client.list_topics(topic, timeout=30).topics[topic].partitions)
        client.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in range(count)])
        found, ended = [], set[int]()
        while len(ended) < count:
            message = client.poll(PATIENCE)
            if message is None:
                raise NotAsToldError(f"nothing came from {topic} for {PATIENCE:.0f} s")
            if message.error() is None:
                found.append(message)
            elif message.error().code() == KafkaError._PARTITION_EOF:
                ended.add(message.partition())
            else:
                raise NotAsToldError(f"{topic} cannot be read: {message.error().str()}")
        return found
    finally:
        client.close()


def ends(kafka: Kafka, topic: str) -> dict[int, int]:
    """End offset of each partition."""
    client = consumer(kafka, "demo-ends", "read_uncommitted")
    try:
        numbers = client.list_topics(topic, timeout=30).topics[topic].partitions
        return {each: client.get_watermark_offsets(TopicPartition(topic, each), 30)[1] for each in numbers}
    finally:
        client.close()


def refusal(kafka: Kafka, topic: str, group: str) -> str:
    """Why the broker does not let this certificate read the topic. Raises NotAsToldError if it does."""
    client = consumer(kafka, group)
    try:
        client.subscribe([topic])
        message = client.poll(PATIENCE)
        if message is None:
            raise NotAsToldError(f"the broker gave no answer about {topic}")
        error = message.error()
        if error is None or error.code() != KafkaError.TOPIC_AUTHORIZATION_FAILED:
            raise NotAsToldError(f"{topic} was not refused: {'a record came' if error is None else error.str()}")
        return str(error.name())
    finally:
        client.close()


def headers(message: Message) -> dict[str, str]:
    """A record's headers as text; of a name that stands twice, the last."""
    return {name: (content or b"").decode(errors="replace") for name, content in message.headers() or ()}


def in_bytes(message: Message) -> list[bytes]:
    """Key, value, and each header's name and value, apart and together."""
    parts = [message.key(), message.value()]
    for name, content in message.headers() or ():
        parts += [name.encode(), content]
    whole = [part for part in parts if part]
    return [*whole, b"\n".join(whole)]
