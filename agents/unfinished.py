"""Transactions that Kafka left open where a lane writes: what follows them could be aborted, or committed, with them.

A coordinator that ends a transaction while one of its partitions has no leader (its only replica is down, or the only
broker is shutting down) leaves that partition's marker out and calls the transaction complete (Kafka 4.1 to 4.3:
KRaftMetadataCache answers as for a deleted topic). What was committed there waits, and goes with the fate of the next
transaction of the same producer. A lane is the only writer of its partitions, so it can know.
"""

import asyncio
import time
from collections.abc import Collection

from aiokafka import AIOKafkaConsumer, TopicPartition

from agents.cluster import Facts
from agents.restore import high_watermarks
from pipeline.errors import PanlockError
from pipeline.policy import Policy
from pipeline.policy.topics import AUDIT, PENDING, STATE, recorded, rejections_topic

GRACE = 5.0  # seconds until a lane says what it waits for
LOOK = 0.1  # seconds between two looks


class UnfinishedTransactionError(PanlockError):
    """A partition holds a transaction that nobody ends."""


def outputs(policy: Policy, facts: Facts, lane: int) -> list[TopicPartition]:
    """Every partition that the lane writes. With `repartition: masked` others write there, too."""
    own = [STATE, AUDIT, PENDING, *(rejections_topic(name) for name in policy.principals), *recorded(policy)]
    clean = {flow.clean_topic for flow in policy.flows.values()}
    return [TopicPartition(topic, lane) for topic in own if topic in facts.partitions] + [
        TopicPartition(topic, partition)
        for topic in sorted(clean)
        for partition in range(lane, facts.partitions[topic], policy.lanes)
    ]


async def check_finished(consumer: AIOKafkaConsumer, partitions: Collection[TopicPartition]) -> None:
    """Return when every transaction that is open now has ended. Raises UnfinishedTransactionError after GRACE."""
    ends = await high_watermarks(consumer, partitions)
    deadline = time.monotonic() + GRACE
    while True:
        stable = await consumer.end_offsets(list(ends))
        ends = {tp: end for tp, end in ends.items() if stable[tp] < end}
        if not ends:
            return
        if time.monotonic() > deadline:
            break
        await asyncio.sleep(LOOK)
    found = ", ".join(f"{tp.topic}/{tp.partition} from offset {stable[tp]}" for tp in sorted(ends))
    raise UnfinishedTransactionError(
        f"a transaction that nobody ends lies in {found}: find its producer with `kafka-transactions.sh find-hanging`, "
        "and see operations.md, *A transaction that nobody ends*"
    )
