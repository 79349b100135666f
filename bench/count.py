"""What a peer's output holds for a consumer that reads committed records only."""

from collections.abc import Mapping

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka import KafkaError as Reason

from bench.payments import Access

_TAKE = 10_000  # records a call
_WAIT = 20.0  # seconds for the next records


def committed_records(access: Access, topic: str, since: Mapping[int, int]) -> int:
    """Reads from these offsets to the present end, read_committed. Raises TimeoutError if it comes to no end."""
    consumer = Consumer(
        {
            **access.librdkafka(),
            "group.id": "bench-count",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 50,
        }
    )
    consumer.assign([TopicPartition(topic, partition, offset) for partition, offset in since.items()])
    count, ended = 0, 0
    try:
        while ended < len(since):
            messages = consumer.consume(_TAKE, 0.2)
            if not messages and (messages := consumer.consume(1, _WAIT)) == []:
                raise TimeoutError(f"{topic}: no end within {_WAIT:.0f} s")
            for message in messages:
                error = message.error()
                if error is None:
                    count += 1
                elif error.code() == Reason._PARTITION_EOF:
                    ended += 1
    finally:
        consumer.close()
    return count
