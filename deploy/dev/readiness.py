"""Whether a development cluster serves: asked of it, never guessed from time passed."""

import socket

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

_ASK = 2.0  # seconds an answer may take


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(_ASK)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def whole(client: AdminClient, brokers: int) -> bool:
    """All brokers answer, and every partition has a leader and all its replicas in sync."""
    try:
        metadata = client.list_topics(timeout=_ASK)
    except KafkaException:
        return False
    if len(metadata.brokers) < brokers:
        return False
    partitions = [p for topic in metadata.topics.values() for p in topic.partitions.values()]
    return all(p.leader >= 0 and len(p.isrs) == len(p.replicas) for p in partitions)
