"""How far a peer has come, asked of the broker: the committed ends of its output. Costs next to nothing."""

import time

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from bench.payments import Access

# a topic that the controller has made is not yet one that its broker leads
_NOT_YET = {
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.UNKNOWN_LEADER_EPOCH,  # from a broker that has not heard of the topic
    KafkaError._NOENT,  # "No leaders found"
}
_ASK = 10.0  # seconds an answer may take
# one a topic, as a client that knew the cluster before the topic was made finds no leader for it for long;
# kept, as destroying one corrupts memory (confluent-kafka 2.12)
_kept: list[AdminClient] = []


class Ends:
    """Ends of a topic's partitions. Control records count in them: one a partition and transaction."""

    def __init__(self, access: Access, topic: str, partitions: int) -> None:
        self._admin = AdminClient(access.librdkafka())
        _kept.append(self._admin)
        self._latest = {TopicPartition(topic, p): OffsetSpec.latest() for p in range(partitions)}

    def written(self) -> int:
        """Sum of the high watermarks: what is written, committed or not."""
        return sum(self._offsets(IsolationLevel.READ_UNCOMMITTED).values())

    def committed(self) -> dict[int, int]:
        """Last stable offset by partition."""
        return self._offsets(IsolationLevel.READ_COMMITTED)

    def _offsets(self, level: IsolationLevel) -> dict[int, int]:
        deadline = time.monotonic() + _ASK
        while True:
            answers = self._admin.list_offsets(self._latest, isolation_level=level, request_timeout=_ASK)
            try:
                return {place.partition: answer.result(_ASK).offset for place, answer in answers.items()}
            except KafkaException as error:
                if error.args[0].code() not in _NOT_YET or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
