"""`panlock audit reconcile`: is every clean record one that was released, and is every released one there?

A round: 1 how far the audit and the clean topics are committed, and where they end    2 all that is new in them, side
by side    3 what has found no counterpart, though it must be before those ends. `--follow` goes round again and again.
"""

import asyncio
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import typer
from aiokafka.errors import KafkaError
from rich.table import Table

from cli.config import ConfigOption, Settings, load_config
from cli.kafka import told
from cli.output import JsonOption, plain, print_json, print_json_lines, print_lines, print_table, progress, say
from cli.reading import Log, Reader, reader
from deploy.admin import KafkaUnreachableError
from pipeline.audit.reconcile import KINDS, Reconciler, log_of
from pipeline.policy import Policy, load_policy
from pipeline.policy.topics import AUDIT

SHOWN = 200  # differences, in the table for people
EVERY = 5.0  # seconds between rounds
SKEW_MS = 600_000  # by which one broker's clock may be behind another's
SAMPLE = 100  # offsets, of what a log that was cut begins with


def reconcile(
    policy: Annotated[Path, typer.Option(help="The policy that workers enforce: its flows are compared.")],
    follow: Annotated[bool, typer.Option("--follow", help="Go on until SIGTERM or Ctrl-C.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare the clean topics with the audit, both ways. Exit 1 on any difference.

    Needs a certificate that reads the audit and, as one of their flows' `consumers`, the clean topics. With --follow
    each difference is told once, within seconds, and with --json every round is a line, too.
    """
    settings, rules = load_config(config), load_policy(policy)
    rounds = Rounds(Reconciler(rules), _topics(rules))
    with told(settings.kafka, "read the audit and the clean topics"):
        asyncio.run(_follow(rounds, settings, as_json) if follow else _once(rounds, settings))
    if not follow:
        _show(rounds.reconciler, as_json)
    raise typer.Exit(1 if rounds.reconciler.counts else 0)


def _topics(policy: Policy) -> list[str]:
    return sorted(flow.clean_topic for flow in policy.flows.values())


@dataclass(slots=True)
class Rounds:
    """`positions`: what has been read of each log."""

    reconciler: Reconciler
    topics: Sequence[str]
    positions: dict[str, int] = field(default_factory=dict)

    async def go(self, source: Reader, advance: Callable[[int, int], None]) -> None:
        """One round; `advance` hears how many offsets are new, and how many there are to read."""
        logs = [await source.log(topic) for topic in (AUDIT, *self.topics)]
        due = [(log.topic, await source.committed(log)) for log in logs]
        logs = [await source.log(log.topic) for log in logs]  # where they end, later than that
        first = not self.positions
        logs = [self._unread(log) for log in logs]
        if first:
            logs[0] = await begin(source, logs[0], logs[1:])
        total = sum(log.length for log in logs)
        async for records in source.read(*logs):
            for record in records:
                if record.topic == AUDIT:
                    self.reconciler.event(record.partition, record.offset, record.value or b"")
                else:
                    place = record.topic, record.partition, record.offset
                    self.reconciler.clean(*place, record.key, record.value, tuple(record.headers))
            if records:
                self.positions[log_of(records[0].topic, records[0].partition)] = records[-1].offset + 1
            advance(len(records), total)
        self.positions.update((log_of(log.topic, p), end) for log in logs for p, end in log.ends.items())
        self.reconciler.settle({log_of(topic, p): end for topic, ends in due for p, end in ends.items()})

    def _unread(self, log: Log) -> Log:
        """What is new of it. Where a log starts behind what was read, or ends before it, what lay between is gone."""
        starts = dict(log.starts)
        for partition, start in log.starts.items():
            position, end = self.positions.get(log_of(log.topic, partition), 0), log.ends[partition]
            if end < position:
                self.reconciler.recreated(log.topic, partition, end, position)
            elif start > position:
                self.reconciler.cut(log.topic, partition)
            else:
                starts[partition] = position
        return replace(log, starts=starts)


async def begin(source: Reader, audit: Log, clean: Sequence[Log]) -> Log:
    """Of the audit what may have released something that is still there, where retention has cut the clean topics.

    A record's time is not after its event's, and events and clean records have one order: nothing that a clean log
    begins with was released before the earliest time there.
    """
    times = list[int]()
    for log in clean:
        used = {partition: start for partition, start in log.starts.items() if log.ends[partition] > 0}
        if not used or 0 in used.values():
            return audit
        head = Log(log.topic, used, {p: min(start + SAMPLE, log.ends[p]) for p, start in used.items()})
        first = dict[int, int]()
        async for records in source.read(head):
            for record in records:
                first[record.partition] = min(record.timestamp, first.get(record.partition, record.timestamp))
        if first.keys() < {p for p, start in used.items() if start < log.ends[p]}:
            return audit
        times += first.values()
    return await source.since(audit, max(0, min(times) - SKEW_MS)) if times else audit


async def _once(rounds: Rounds, settings: Settings) -> None:
    async with reader(settings) as source:
        with progress("records") as bar:
            task = bar.add_task("reconciling")
            await rounds.go(source, lambda count, total: bar.update(task, advance=count, total=total))


async def _follow(rounds: Rounds, settings: Settings, as_json: bool) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    before: dict[str, object] = {}
    while True:
        last = stopping.is_set()
        try:
            await _once(rounds, settings)
        except (KafkaError, KafkaUnreachableError, TimeoutError, OSError) as error:
            if not rounds.positions:  # it has never worked: then somebody is there to be told
                raise
            say(f"not reconciled, it is tried again: {error}")
        else:
            before = _tell(rounds.reconciler, as_json, before)
        if last:
            return
        try:
            async with asyncio.timeout(EVERY):
                await stopping.wait()
        except TimeoutError:
            continue


def _tell(reconciler: Reconciler, as_json: bool, before: dict[str, object]) -> dict[str, object]:
    """What is new, and where it stands."""
    found, summary = reconciler.told(), reconciler.summary()
    if as_json:
        print_json_lines([*(each._asdict() for each in found), summary])
        sys.stdout.flush()
        return summary
    print_lines(f"{each.kind}: {each.record}: {each.what}" for each in found)
    if summary != before:
        say(_sum(reconciler))
    return summary


def _show(reconciler: Reconciler, as_json: bool) -> None:
    found = reconciler.told()
    if as_json:
        lists = {
            kind: [{"record": each.record, "what": each.what} for each in found if each.kind == kind] for kind in KINDS
        }
        print_json({**reconciler.summary(), **lists})
        return
    table = Table("record", "kind", "what")
    for each in sorted(found, key=lambda each: KINDS.index(each.kind))[:SHOWN]:
        table.add_row(plain(each.record), each.kind, plain(each.what))
    if table.row_count:
        print_table(table)
    say(_sum(reconciler))


def _sum(reconciler: Reconciler) -> str:
    counts = ", ".join(f"{reconciler.counts[kind]} {kind}" for kind in KINDS)
    return f"{reconciler.released} released, {reconciler.clean_records} clean records: {counts}"
