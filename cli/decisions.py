"""Sending what people say: to `panlock.decisions` on the partition of the lane that is to hear it, or elsewhere."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from aiokafka import AIOKafkaProducer

from cli.config import Settings
from cli.kafka import TIMEOUT_MS, told
from pipeline.policy.topics import BUNDLE_BYTES, DECISIONS

LARGEST = 2 * BUNDLE_BYTES  # bytes of a request: a proposal is the largest that people send


class Message(NamedTuple):
    """`raw` is signed; `lane` is its partition."""

    key: bytes
    raw: bytes
    lane: int


def send(settings: Settings, key: bytes, raw: bytes, lane: int) -> None:
    """Returns once every in-sync replica has it. Raises KafkaDeniedError, KafkaUnreachableError."""
    asyncio.run(deliver(settings, [Message(key, raw, lane)]))


async def deliver(settings: Settings, messages: Sequence[Message], topic: str = DECISIONS) -> list[str]:
    """`<topic>/<partition>/<offset>` of each. Raises KafkaDeniedError, KafkaUnreachableError."""
    with told(settings.kafka, f"write to {topic}"):
        producer = AIOKafkaProducer(
            acks="all", request_timeout_ms=TIMEOUT_MS, max_request_size=LARGEST, **settings.kafka.client()
        )
        try:
            await asyncio.wait_for(producer.start(), TIMEOUT_MS / 1000)
            sent = [await producer.send(topic, each.raw, each.key, each.lane) for each in messages]
            places = [await asyncio.wait_for(delivery, TIMEOUT_MS / 1000) for delivery in sent]
        finally:
            await producer.stop()
    return [f"{place.topic}/{place.partition}/{place.offset}" for place in places]
