"""Recordings and the audit, read from a time on."""

from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import replace
from typing import Any

import orjson
from rich.progress import Progress

from cli.output import say
from cli.reading import Reader
from pipeline.policy.topics import AUDIT
from pipeline.recording import Recording, RecordingError, read_recording


async def recordings(
    source: Reader, topic: str, since: int, bar: Progress, lane: int | None = None
) -> AsyncIterator[Recording]:
    """Lane by lane, in order, or of one lane. What is no recording is told of on stderr. Errors are aiokafka's."""
    log = await source.since(await source.log(topic), since)
    if lane is not None:
        log = replace(log, starts={lane: log.starts[lane]}, ends={lane: log.ends[lane]})
    task = bar.add_task(topic, total=log.length)
    async for records in source.read(log):
        bar.advance(task, len(records))
        for record in records:
            try:
                found = read_recording(record.key, record.value, record.headers, record.timestamp)
            except RecordingError as error:
                say(f"{topic}/{record.partition}/{record.offset}: {error}")
                continue
            if found.timestamp >= since:
                yield found


async def events(source: Reader, since: int, bar: Progress, types: Collection[str] = ()) -> list[Mapping[str, Any]]:
    """Of the workers' audit, from that time (ms, the broker's) on; of these types, if any are named."""
    log = await source.since(await source.log(AUDIT), since)
    task, found = bar.add_task(AUDIT, total=log.length), []
    async for records in source.read(log):
        bar.advance(task, len(records))
        for record in records:
            event = orjson.loads(record.value or b"{}")
            if not types or event.get("type") in types:
                found.append(event)
    return found
