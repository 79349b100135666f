"""`panlock audit`: replays the audit topic and says whether it is whole."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from cli.config import ConfigOption, Settings, load_config
from cli.kafka import told
from cli.output import JsonOption, plain, print_json, print_table, progress, say
from cli.reading import reader
from pipeline.audit.verify import KINDS, Report, Verifier
from pipeline.policy import load_policy
from pipeline.policy.topics import AUDIT

app = typer.Typer(name="audit", no_args_is_help=True, help="Replay and verify the audit topic.")

SHOWN = 50  # troubles of each kind in the table; --json has a thousand


@app.callback()
def audit() -> None:
    """Replay and verify the audit topic."""


@app.command()
def verify(
    config: ConfigOption = None,
    policy: Annotated[
        Path | None, typer.Option(help="Tells how many lanes there must be; else the topic's partitions do.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Every lane's chain from its log start to its end: gaps, breaks, repeated keys, tombstones. Exit 1 if any.

    An unchanged log verifies; so does one that whoever holds both the workers' certificate and their state rewrote
    from the start. Signatures and checkpoints against that come with the sealer.
    """
    settings = load_config(config)
    lanes = None if policy is None else load_policy(policy).lanes
    report = asyncio.run(_replay(settings, lanes))
    if as_json:
        print_json(report.json())
    else:
        _show(report)
    raise typer.Exit(0 if report.ok else 1)


async def _replay(settings: Settings, lanes: int | None) -> Report:
    with told(settings.kafka, f"read {AUDIT}"):
        async with reader(settings) as source:
            log = await source.log(AUDIT)
            verifier = Verifier(len(log.starts) if lanes is None else lanes)
            verifier.first_offsets(log.starts)
            with progress("offsets") as bar:
                task = bar.add_task(f"replaying {AUDIT}", total=log.length)
                reached = dict(log.starts)
                async for records in source.read(log):
                    for record in records:
                        verifier.add(record.partition, record.offset, record.key, record.value)
                    if records:
                        reached[records[0].partition] = records[-1].offset + 1
                    bar.update(task, completed=sum(reached.values()) - sum(log.starts.values()))
    return verifier.report()


def _show(report: Report) -> None:
    table = Table("lane", "seq", "kind", "what")
    for kind in KINDS:
        for trouble in report.troubles[kind][:SHOWN]:
            table.add_row(str(trouble.lane), str(trouble.seq), kind, plain(trouble.what))
    if table.row_count:
        print_table(table)
    counts = ", ".join(f"{len(report.troubles[kind]) + report.more[kind]} {kind}" for kind in KINDS)
    say(f"{report.events} events in {report.present} of {report.expected} lanes: {counts}")
    say(
        "the log is whole"
        if report.ok
        else "the log is NOT whole: keep the topic as it is, and find out who could write it"
    )
