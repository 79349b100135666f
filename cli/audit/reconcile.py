"""`panlock audit reconcile`: is every clean record one that was released, and is every released one there?

1 where the clean topics end now     2 all of the audit     3 the clean records up to 1     4 what came meanwhile
"""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from cli.config import ConfigOption, Settings, load_config
from cli.kafka import told
from cli.output import JsonOption, plain, print_json, print_table, progress, say
from cli.reading import Log, Reader, reader
from pipeline.audit.reconcile import KINDS, Reconciler, Report
from pipeline.policy import Policy, load_policy
from pipeline.policy.topics import AUDIT
from pipeline.record import Headers

SHOWN = 50  # of each kind


def reconcile(
    policy: Annotated[Path, typer.Option(help="The policy that workers enforce: its flows are compared.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare the clean topics with the audit, both ways. Exit 1 on any difference.

    Needs a certificate that reads the audit and, as one of their flows' `consumers`, the clean topics.
    """
    settings, rules = load_config(config), load_policy(policy)
    with told(settings.kafka, "read the audit and the clean topics"):
        report = asyncio.run(_reconcile(settings, rules))
    if as_json:
        print_json(report.json())
    else:
        _show(report)
    raise typer.Exit(0 if report.ok else 1)


async def _reconcile(settings: Settings, policy: Policy) -> Report:
    reconciler = Reconciler(policy)
    topics = sorted({flow.clean_topic for flow in policy.flows.values()})
    async with reader(settings) as source:
        clean = [await source.log(topic) for topic in topics]
        audit = await source.log(AUDIT)
        with progress("offsets") as bar:
            task = bar.add_task("reconciling", total=audit.length + sum(log.length for log in clean))
            async for records in source.read(audit):
                for record in records:
                    reconciler.event(record.value or b"")
                bar.advance(task, len(records))
            emptied = [log.topic for log in clean if await _clean(source, reconciler, log)]
            for log in clean:
                await _later(source, reconciler, log)
    return reconciler.report(emptied)


async def _clean(source: Reader, reconciler: Reconciler, log: Log) -> bool:
    """Whether retention has emptied a partition of the topic: nobody knows any more what had been there."""
    cut = {partition for partition, start in log.starts.items() if start > 0}
    first: dict[int, Headers] = {}
    async for records in source.read(log):
        for record in records:
            first.setdefault(record.partition, tuple(record.headers))
            place = f"{log.topic}/{record.partition}/{record.offset}"
            reconciler.clean(log.topic, place, record.key, record.value, tuple(record.headers))
    reconciler.cut(log.topic, [headers for partition, headers in first.items() if partition in cut])
    return not cut <= first.keys()


async def _later(source: Reader, reconciler: Reconciler, log: Log) -> None:
    now = await source.log(log.topic)
    async for records in source.read(Log(log.topic, log.ends, now.ends)):
        for record in records:
            reconciler.later(tuple(record.headers))


def _show(report: Report) -> None:
    table = Table("record", "kind", "what")
    for kind in KINDS:
        for each in report.found[kind][:SHOWN]:
            table.add_row(plain(each.record), kind, plain(each.what))
    if table.row_count:
        print_table(table)
    counts = ", ".join(f"{report.counts[kind]} {kind}" for kind in KINDS)
    say(f"{report.released} released, {report.clean} clean records: {counts}")
