"""`panlock produce`: NDJSON from stdin to a principal's quarantine topic, with its identity header."""

import asyncio
import sys
from collections import deque
from collections.abc import Callable
from io import BufferedReader
from typing import Annotated, cast

import orjson
import typer
from aiokafka import AIOKafkaProducer
from aiokafka.structs import RecordMetadata

from cli.config import ConfigOption, Settings, load_config
from cli.kafka import TIMEOUT_MS, told
from cli.mask import batches
from cli.output import JsonOption, print_json, progress, say
from pipeline.identity.headers import IDENTITY
from pipeline.policy.topics import quarantine_topic

IN_FLIGHT = 2_000  # records sent and not yet acknowledged


def produce(
    flow: Annotated[str, typer.Option(help="The flow.")],
    principal: Annotated[str, typer.Option(help="Who writes: the CN of the certificate.")],
    config: ConfigOption = None,
    key_field: Annotated[
        str | None, typer.Option("--key", help="Top-level field whose value is the record's key; else there is none.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write each line of stdin as one record. Lines go as they are: whether they are JSON, Panlock will say."""
    settings = load_config(config)
    topic = quarantine_topic(flow, principal)
    with progress("records") as bar:
        task = bar.add_task(f"writing {topic}", total=None)
        sent = asyncio.run(_send_all(settings, topic, principal, key_field, lambda: bar.advance(task)))
    if as_json:
        print_json({"topic": topic, "records": sent})
    else:
        say(f"{sent} records written to {topic}")


async def _send_all(
    settings: Settings, topic: str, principal: str, key_field: str | None, acknowledged: Callable[[], None]
) -> int:
    """Returns once every record is acknowledged by all in-sync replicas."""
    headers = [(IDENTITY, principal.encode())]
    waiting: deque[asyncio.Future[RecordMetadata]] = deque()
    sent = 0
    loop = asyncio.get_running_loop()
    with told(settings.kafka, f"write to {topic}"):
        producer = AIOKafkaProducer(
            acks="all", linger_ms=5, max_request_size=16 << 20, request_timeout_ms=TIMEOUT_MS, **settings.kafka.client()
        )
        try:
            await asyncio.wait_for(producer.start(), TIMEOUT_MS / 1000)
            lines = batches(cast(BufferedReader, sys.stdin.buffer))
            while (some := await loop.run_in_executor(None, next, lines, None)) is not None:
                for line in some:
                    waiting.append(await producer.send(topic, line, _key(line, key_field), headers=headers))
                    sent += 1
                    if len(waiting) >= IN_FLIGHT:
                        await waiting.popleft()
                        acknowledged()
            while waiting:
                await waiting.popleft()
                acknowledged()
        finally:
            await producer.stop()
    return sent


def _key(line: bytes, field: str | None) -> bytes | None:
    """The field's text, or its JSON where it is no string; None where the line has no such field."""
    if field is None:
        return None
    try:
        value = orjson.loads(line).get(field)
    except (ValueError, AttributeError):
        return None
    if value is None:
        return None
    return value.encode() if isinstance(value, str) else orjson.dumps(value)
