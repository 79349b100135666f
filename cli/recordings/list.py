"""`panlock recordings list`: who wrote how much, and when; no content."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from cli.config import ConfigOption, Settings, load_config
from cli.kafka import told
from cli.output import JsonOption, plain, print_json, print_table, progress, say
from cli.reading import reader
from cli.recordings.asked import Since, moment, recording_of, shown
from cli.recordings.topic import recordings
from pipeline.policy import Policy, load_policy
from pipeline.policy.topics import recordings_topic
from pipeline.recording import Recording


@dataclass(slots=True)
class Kept:
    """Of one principal in one flow; `refused`: records of which no byte is kept; `first`, `last` in ms."""

    records: int = 0
    refused: int = 0
    first: int = 1 << 62
    last: int = 0

    def add(self, recording: Recording) -> None:
        self.records += 1
        self.refused += recording.refused is not None
        self.first, self.last = min(self.first, recording.timestamp), max(self.last, recording.timestamp)


def list_(
    policy: Annotated[Path, typer.Option(help="The policy in force.")],
    flow: Annotated[str | None, typer.Option(help="Of this flow alone.")] = None,
    since: Since = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """How much is recorded of whom, and of which time. Shows no content."""
    loaded = load_policy(policy)
    flows = [name for name, each in loaded.flows.items() if each.recorded] if flow is None else [flow]
    for name in flows:
        recording_of(loaded, name)
    found = asyncio.run(_read(load_config(config), loaded, flows, since))
    if as_json:
        print_json(
            [
                {"flow": name, "principal": who, "records": kept.records, "refused": kept.refused,
                 "first": shown(kept.first), "last": shown(kept.last)}
                for (name, who), kept in sorted(found.items())
            ]
        )  # fmt: skip
        return
    if not found:
        say("nothing is recorded")
        return
    table = Table("flow", "principal", "records", "not masked", "first", "last")
    for (name, who), kept in sorted(found.items()):
        told_ = (name, who, kept.records, kept.refused, shown(kept.first), shown(kept.last))
        table.add_row(*map(plain, told_))
    print_table(table)


async def _read(settings: Settings, policy: Policy, flows: list[str], since: str | None) -> dict[tuple[str, str], Kept]:
    found: dict[tuple[str, str], Kept] = {}
    begin = 0 if since is None else moment(since, time.time_ns() // 1_000_000)
    for flow in flows:
        topic = recordings_topic(flow)
        with told(settings.kafka, f"read {topic}"), progress("messages") as bar:
            async with reader(settings) as source:
                async for each in recordings(source, topic, begin, bar):
                    found.setdefault((flow, each.principal), Kept()).add(each)
    return found
