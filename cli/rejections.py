"""`panlock rejections`: a producer reads which of its records were rejected, why, and where."""

import asyncio
from typing import Annotated, Any

import orjson
import typer
from aiokafka.structs import ConsumerRecord
from rich.table import Table

from cli.config import ConfigOption, Settings, load_config
from cli.kafka import told
from cli.output import JsonOption, plain, print_json_lines, print_table, say
from cli.reading import reader
from pipeline.audit.events import timestamp
from pipeline.policy.topics import rejections_topic


def rejections(
    principal: Annotated[str, typer.Option(help="Whose: the CN of the certificate.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Everything the topic still holds (7 days), the oldest first. With --json, one object a line."""
    found = asyncio.run(_read(load_config(config), rejections_topic(principal)))
    if as_json:
        print_json_lines(found)
    elif not found:
        say("nothing was rejected in the last 7 days")
    else:
        table = Table("time", "record", "reason", "place")
        for each in found:
            table.add_row(*(plain(each.get(name) or "") for name in ("time", "record", "reason", "place")))
        print_table(table)


async def _read(settings: Settings, topic: str) -> list[dict[str, Any]]:
    with told(settings.kafka, f"read {topic}"):
        async with reader(settings) as source:
            log = await source.log(topic)
            records = [record async for some in source.read(log) for record in some]
    return [_rejection(record) for record in sorted(records, key=lambda record: (record.timestamp, record.offset))]


def _rejection(record: ConsumerRecord) -> dict[str, Any]:
    """What a worker wrote, and when."""
    try:
        told_of = orjson.loads(record.value or b"")
    except ValueError:
        told_of = None
    if not isinstance(told_of, dict):
        told_of = {"record": (record.key or b"").decode(errors="replace"), "reason": "unreadable"}
    return {"time": timestamp(record.timestamp).decode(), **told_of}
