"""`panlock audit export`: every log of the audit to a directory or an object store, once or for good."""

import asyncio
import signal
from typing import Annotated

import typer

from agents.cluster import identify
from agents.export import Export
from agents.restore import reader
from agents.stored import Stored
from cli.audit.keys import PolicyOption, bundles, places, verifiers
from cli.config import ConfigOption, Settings, load_config
from cli.kafka import told
from cli.output import JsonOption, print_json, say
from pipeline.policy.topics import CHECKPOINTS

EVERY = 10.0  # seconds


def export(
    to: Annotated[str, typer.Argument(metavar="DIR|URL", help="A directory, or s3://bucket/path, gs://bucket/path.")],
    policy: PolicyOption = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on until SIGTERM or Ctrl-C.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Export every log as far as the sealer's last manifest says, as C2SP tlog-tiles; again, and it goes on.

    Each event is verified on its way: one that is not what was sealed ends the export, exit 2.
    """
    settings = load_config(config)
    found = bundles(settings, policy)
    exporting = Export(Stored(to), verifiers(found), places(found))
    exporting.keep(found)
    with told(settings.kafka, f"read {CHECKPOINTS}"):
        count = asyncio.run(_run(exporting, settings, follow))
    if as_json:
        print_json({"exported": count, "to": to})
    else:
        say(f"{count} events exported to {to}")


async def _run(exporting: Export, settings: Settings, follow: bool) -> int:
    stopping = asyncio.Event()
    if follow:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    cluster = (await identify(settings.kafka, [CHECKPOINTS])).cluster_id
    count = 0
    while True:
        async with reader(settings.kafka) as consumer:
            count += await exporting.once(consumer, cluster)
        if not follow or stopping.is_set():
            return count
        try:
            async with asyncio.timeout(EVERY):
                await stopping.wait()
        except TimeoutError:
            continue
