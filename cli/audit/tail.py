"""`panlock audit tail`: the audit as it is written."""

import asyncio
import heapq
import signal
import sys
from collections.abc import AsyncIterator
from typing import Annotated

import typer
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord

from agents.restore import reader
from cli.audit.shown import as_object, line
from cli.config import ConfigOption, Settings, load_config
from cli.kafka import TopicMissingError, told
from cli.output import JsonOption, show, write
from pipeline.policy.topics import AUDIT

POLL_MS = 200


def tail(
    lines: Annotated[
        int, typer.Option("--lines", "-n", min=0, max=10_000, help="Events from before, to begin with.")
    ] = 10,
    follow: Annotated[bool, typer.Option(help="Go on until Ctrl-C.")] = True,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """The last events of every log of the audit, and those that come, as soon as they are committed.

    Not verified: that is what `panlock audit verify` and `panlock audit search` do.
    """
    settings = load_config(config)
    with told(settings.kafka, f"read {AUDIT}"):
        asyncio.run(_run(settings, lines, follow, as_json))


async def _run(settings: Settings, lines: int, follow: bool, as_json: bool) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with reader(settings.kafka) as consumer:
        places = await _places(consumer)
        starts, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
        consumer.assign(places)
        for tp in places:
            consumer.seek(tp, max(starts[tp], ends[tp] - 3 * lines))  # transactions end with a control record
        before = [record async for record in _up_to(consumer, ends)]
        for record in heapq.nlargest(lines, before, key=_order)[::-1]:
            _print(record, as_json)
        while follow and not stopping.is_set():
            found = await consumer.getmany(timeout_ms=POLL_MS)
            for record in sorted((each for records in found.values() for each in records), key=_order):
                _print(record, as_json)


def _order(record: ConsumerRecord) -> tuple[int, str, int, int]:
    return record.timestamp, record.topic, record.partition, record.offset


async def _places(consumer: AIOKafkaConsumer) -> list[TopicPartition]:
    """Of every emitter that this certificate may read. Raises TopicMissingError."""
    topics = [name for name in await consumer.topics() if name == AUDIT or name.startswith(f"{AUDIT}.")]
    if AUDIT not in topics:
        raise TopicMissingError(f"cannot read {AUDIT}: it is not there, or this certificate is no auditor's")
    found = []
    for topic in sorted(topics):
        await consumer._client.add_topic(topic)
        found += [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
    return found


async def _up_to(consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> AsyncIterator[ConsumerRecord]:
    """What is there already; what comes meanwhile, too."""
    waiting = [tp for tp, end in ends.items() if await consumer.position(tp) < end]
    while waiting:
        for records in (await consumer.getmany(timeout_ms=POLL_MS)).values():
            for record in records:
                yield record
        waiting = [tp for tp in waiting if await consumer.position(tp) < ends[tp]]


def _print(record: ConsumerRecord, as_json: bool) -> None:
    log, event = f"{record.topic}/{record.partition}", record.value or b"null"
    if as_json:
        write(as_object(log, event))
        sys.stdout.flush()
    else:
        show(line(log, event))
