"""`panlock doctor`: what stands in the way of Panlock on a cluster that is there already."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from agents.quorum import Quorum, quorum
from cli.config import ConfigOption, Settings, load_config
from cli.kafka import told
from cli.output import JsonOption, plain, print_json, print_table, say, write
from deploy.admin import connect
from deploy.desired import Desired, desired
from deploy.doctor.facts import Controller, Facts
from deploy.doctor.finding import Finding, Severity
from deploy.doctor.judge import judge
from deploy.doctor.reading import read
from deploy.observed import count_brokers
from pipeline.policy import load_policy

_COLOURS = {
    Severity.BLOCKER: "bold red",
    Severity.RISK: "yellow",
    Severity.UNKNOWN: "magenta",
    Severity.NOTE: "cyan",
}


def doctor(
    policy: Annotated[
        Path | None, typer.Option(help="The policy: look at its topics, and at who may read and write them, too.")
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Exit 1 if anything but a note is found, or could not be seen. Reads no record, and changes nothing."""
    settings = load_config(config)
    admin = connect(settings.kafka.model_dump(mode="json"))
    wanted = desired(load_policy(policy), count_brokers(admin)) if policy else None
    names = [topic.name for topic in wanted.topics] if wanted else []
    facts = read(admin, settings.kafka.bootstrap, names, *_asked(settings))
    found = judge(facts, wanted, str(policy))
    if as_json:
        print_json(_as_json(found))
    else:
        _show(found)
    _say(found, facts, wanted)
    raise typer.Exit(int(any(each.severity is not Severity.NOTE for each in found)))


def _asked(settings: Settings) -> tuple[Controller | None, dict[str, int] | None]:
    with told(settings.kafka, "say which controller is active"):
        seen: Quorum = asyncio.run(quorum(settings.kafka))
    known = None if seen.leader is None or seen.ahead is None else Controller(seen.leader, seen.ahead)
    return known, None if seen.features is None else dict(seen.features)


def _show(found: Iterable[Finding]) -> None:
    """The table, then the commands: they are to be pasted, and no table's column holds them."""
    table = Table("", "severity", "check", "where", "what", "PCI DSS", show_lines=True)
    remedies = []
    for number, each in enumerate(found, 1):
        severity = plain(each.severity)
        severity.stylize(_COLOURS[each.severity])
        cells = (each.check, each.where, each.what, ", ".join(each.requirements) or "–")
        table.add_row(str(number), severity, *map(plain, cells))
        remedies.append((number, each))
    if remedies:
        print_table(table)
    for number, each in remedies:
        _paste(f"# {number}. {each.check}, {each.where}\n{each.remedy}\n")


def _paste(text: str) -> None:
    """Never folded: lines to be pasted into a shell or a file."""
    write(plain(text).plain.encode())


def _say(found: Iterable[Finding], facts: Facts, wanted: Desired | None) -> None:
    counted = Counter(each.severity for each in found)
    summary = ", ".join(f"{counted[severity]} {severity}" for severity in Severity if counted[severity])
    say(f"{summary or 'nothing found'} on {len(facts.brokers)} broker(s); nothing was changed, and no record read")
    if wanted is None:
        say("without --policy no topic was looked at, and of the ACLs those alone that reach all topics")


def _as_json(found: Iterable[Finding]) -> dict[str, object]:
    return {"findings": [{**asdict(each), "requirements": list(each.requirements)} for each in found]}
