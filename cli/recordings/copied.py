"""A session written to a topic: its masked bytes, with their own times, and nothing else ever."""

import asyncio
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer

from cli.config import Settings
from cli.kafka import TIMEOUT_MS, told
from cli.recordings.asked import ReplayError
from pipeline.policy import Policy
from pipeline.policy.kinds import OWN_TOPICS
from pipeline.recording import Recording

LARGEST = 16 << 20  # bytes of a request: above any flow's largest record


def check_topic(topic: str, policy: Policy) -> None:
    """Raises ReplayError for a topic where it would look like what a producer wrote or a worker released."""
    clean = {flow.clean_topic for flow in policy.flows.values()}
    if topic.startswith(OWN_TOPICS) or topic in clean:
        raise ReplayError(f"{topic} is Panlock's: replay to a topic of your own, which you may write")


async def copy(settings: Settings, topic: str, recordings: Sequence[Recording]) -> None:
    """In their order, with header `panlock-record-id`."""
    with told(settings.kafka, f"write to {topic}"):
        producer = AIOKafkaProducer(
            acks="all", request_timeout_ms=TIMEOUT_MS, max_request_size=LARGEST, **settings.kafka.client()
        )
        try:
            await asyncio.wait_for(producer.start(), TIMEOUT_MS / 1000)
            for each in recordings:
                headers = [*each.headers, ("panlock-record-id", str(each.record).encode())]
                await producer.send(topic, each.value, each.key, timestamp_ms=each.timestamp, headers=headers)
            await producer.flush()
        finally:
            await producer.stop()
