"""What a signature says of a topic, remembered for a while: a topic that is made again is noticed within minutes."""

from typing import NamedTuple

from panlock_producer.codec import Place

STALE_S = 300.0


class Topic(NamedTuple):
    """`read`: when Kafka said so, on a monotonic clock."""

    cluster: str
    topic_id: bytes
    partitions: int
    read: float

    def place(self, partition: int) -> Place:
        return Place(self.cluster, self.topic_id, partition)
