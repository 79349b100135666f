"""`panlock produce`: NDJSON from stdin to a principal's quarantine topic, signed by its certificate or sealed too."""

import asyncio
import sys
from collections import deque
from collections.abc import Callable
from io import BufferedReader
from pathlib import Path
from typing import Annotated, cast

import orjson
import typer
from aiokafka.structs import RecordMetadata

from cli.config import ConfigOption, Settings, load_config
from cli.kafka import TIMEOUT_MS, told
from cli.mask import batches
from cli.output import JsonOption, print_json, progress, say
from panlock_producer import Identity, Recipient
from panlock_producer import ProducerError as KitError
from panlock_producer.aio import SignedProducer
from pipeline.errors import PanlockError
from pipeline.policy.topics import quarantine_topic

Signer = tuple[Identity, Recipient | None]

IN_FLIGHT = 2_000  # records sent and not yet acknowledged


class SigningError(PanlockError):
    """Files that cannot sign or seal; the message says which."""


def produce(
    flow: Annotated[str, typer.Option(help="The flow.")],
    principal: Annotated[str, typer.Option(help="Who writes: the CN of the certificate.")],
    config: ConfigOption = None,
    key_field: Annotated[
        str | None, typer.Option("--key", help="Top-level field whose value is the record's key; else there is none.")
    ] = None,
    seal_key: Annotated[
        Path | None,
        typer.Option(help="Workers' public key, for a flow whose quarantine is sealed.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write each line of stdin as one record, signed with the certificate of `kafka:`. Lines go as they are: whether
    they are JSON, Panlock will say."""
    settings = load_config(config)
    topic = quarantine_topic(flow, principal)
    signer = _signer(settings, seal_key)
    with progress("records") as bar:
        task = bar.add_task(f"writing {topic}", total=None)
        sent = asyncio.run(_send_all(settings, topic, signer, key_field, lambda: bar.advance(task)))
    if as_json:
        print_json({"topic": topic, "records": sent})
    else:
        say(f"{sent} records written to {topic}")


def _signer(settings: Settings, seal_key: Path | None) -> Signer:
    """Raises SigningError."""
    try:
        kafka = settings.kafka
        identity = Identity.from_files(kafka.certificate, kafka.key)
        return identity, None if seal_key is None else Recipient.from_file(seal_key)
    except KitError as error:
        raise SigningError(str(error)) from error


async def _send_all(
    settings: Settings, topic: str, signer: Signer, key_field: str | None, acknowledged: Callable[[], None]
) -> int:
    """Returns once every record is acknowledged by all in-sync replicas."""
    waiting: deque[asyncio.Future[RecordMetadata]] = deque()
    sent = 0
    loop = asyncio.get_running_loop()
    identity, recipient = signer
    with told(settings.kafka, f"write to {topic}"):
        producer = SignedProducer(
            identity,
            seal_to=recipient,
            acks="all",
            linger_ms=5,
            max_request_size=16 << 20,
            request_timeout_ms=TIMEOUT_MS,
            **settings.kafka.client(),
        )
        try:
            await asyncio.wait_for(producer.start(), TIMEOUT_MS / 1000)
            lines = batches(cast(BufferedReader, sys.stdin.buffer))
            while (some := await loop.run_in_executor(None, next, lines, None)) is not None:
                for line in some:
                    waiting.append(await producer.send(topic, line, _key(line, key_field)))
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
