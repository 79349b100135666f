"""`panlock audit verify`: replays the audit topic and says whether it is whole."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from agents.cluster import identify
from cli.change import read
from cli.config import ConfigOption, Settings, load_config
from cli.kafka import told
from cli.output import JsonOption, plain, print_json, print_table, progress, say
from cli.reading import reader
from pipeline.audit.signature import keys_of
from pipeline.audit.verify import KINDS, Report, Signed, Verifier
from pipeline.policy import Policy, load_policy
from pipeline.policy.topics import AUDIT

SHOWN = 50  # troubles of each kind in the table; --json has a thousand


def verify(
    config: ConfigOption = None,
    policy: Annotated[
        Path | None, typer.Option(help="Says how many lanes there are, and whose signatures count.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Every lane's chain from its log start to its end: gaps, breaks, repeated keys, tombstones, signatures.

    Exit 1 if anything is wrong. Whose signatures count says the policy, or, where the configuration has `genesis:`,
    every policy that people have put in force. With neither, signatures are not checked, and that is said.
    """
    settings = load_config(config)
    rules = None if policy is None else load_policy(policy)
    with told(settings.kafka, f"read {AUDIT}"):
        report = asyncio.run(_replay(settings, None if rules is None else rules.lanes, _jwks(settings, rules)))
    if as_json:
        print_json(report.json())
    else:
        _show(report)
    raise typer.Exit(0 if report.ok else 1)


def _jwks(settings: Settings, policy: Policy | None) -> list[Mapping[str, str]]:
    """Public keys of workers: of the policy, and of every one that was in force."""
    policies = [] if policy is None else [policy]
    if settings.genesis is not None:
        policies += [each.bundle.policy for each in read(settings).chain]
    return [key for each in policies for key in each.audit.worker_keys]


async def _replay(settings: Settings, lanes: int | None, jwks: list[Mapping[str, str]]) -> Report:
    signed = Signed((await identify(settings.kafka, [AUDIT])).cluster_id, keys_of(jwks)) if jwks else None
    async with reader(settings) as source:
        log = await source.log(AUDIT)
        verifier = Verifier(len(log.starts) if lanes is None else lanes, signed)
        verifier.first_offsets(log.starts)
        with progress("offsets") as bar:
            task = bar.add_task(f"replaying {AUDIT}", total=log.length)
            reached = dict(log.starts)
            async for records in source.read(log):
                if records:
                    verifier.add_all(records[0].partition, records)
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
    if report.signatures is None:
        say("signatures were NOT checked: name the policy (--policy), or write its `genesis:` into the configuration")
    else:
        say(f"{report.signatures} signatures of workers hold")
    say(
        "the log is whole"
        if report.ok
        else "the log is NOT whole: keep the topic as it is, and find out who could write it"
    )
