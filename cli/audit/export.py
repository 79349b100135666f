"""`panlock audit export`: every log of the audit to a directory or an object store, once or for good."""

import asyncio
import logging
import signal
from pathlib import Path
from typing import Annotated

import typer
from aiokafka.errors import KafkaError
from pydantic import BaseModel

from agents.cluster import identify
from agents.config import Web
from agents.export import Export
from agents.export_web import serve
from agents.logs import configure
from agents.restore import reader
from agents.stored import Stored, StoreError
from cli.audit.keys import PolicyOption, bundles, places, verifiers
from cli.config import ConfigOption, Settings, configured, load_config
from cli.kafka import told
from cli.output import JsonOption, print_json, say
from pipeline.policy.topics import CHECKPOINTS

EVERY = 10.0  # seconds
log = logging.getLogger(__name__)


class ExporterSettings(BaseModel):
    """What the configuration says of the web port; without `web` there is none."""

    web: Web | None = None
    store: Path | None = None


def export(
    to: Annotated[str, typer.Argument(metavar="DIR|URL", help="A directory, or s3://bucket/path, gs://bucket/path.")],
    policy: PolicyOption = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on until SIGTERM or Ctrl-C.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Export every log as far as the sealer's last manifest says, as C2SP tlog-tiles; again, and it goes on.

    Each event is verified on its way: one that is not what was sealed ends the export, exit 2. With --follow it tries
    again where Kafka or the store does not answer, and serves /metrics where the configuration has `web:`.
    """
    settings = load_config(config)
    found = bundles(settings, policy)
    exporting = Export(Stored(to), verifiers(found), places(found))
    exporting.keep(found)
    with told(settings.kafka, f"read {CHECKPOINTS}"):
        count = asyncio.run(_follow(exporting, settings, config) if follow else _once(exporting, settings))
    if as_json:
        print_json({"exported": count, "to": to})
    else:
        say(f"{count} events exported to {to}")


async def _once(exporting: Export, settings: Settings) -> int:
    cluster = (await identify(settings.kafka, [CHECKPOINTS])).cluster_id
    async with reader(settings.kafka) as consumer:
        return await exporting.once(consumer, cluster)


async def _follow(exporting: Export, settings: Settings, config: Path | None) -> int:
    configure()
    own, base = configured(config, ExporterSettings)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    store = None if own.store is None else base / own.store
    runner = None if own.web is None else await serve(exporting, own.web, store)
    count = 0
    try:
        while True:
            last = stopping.is_set()  # then what the sealer said in the end is exported, too
            try:
                count += await _once(exporting, settings)
            except (KafkaError, TimeoutError, OSError, StoreError) as error:
                log.warning("nothing exported, it is tried again: %s", error)
            if last:
                return count
            try:
                async with asyncio.timeout(EVERY):
                    await stopping.wait()
            except TimeoutError:
                continue
    finally:
        if runner is not None:
            await runner.cleanup()
