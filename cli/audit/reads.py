"""`panlock audit reads`: who can have read which clean records, and who approved those."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from aiokafka.structs import ConsumerRecord
from rich.table import Table

from cli.audit.tables import moment
from cli.config import ConfigOption, Settings, load_config
from cli.kafka import told
from cli.output import JsonOption, plain, print_json, print_table, progress, say
from cli.reading import reader
from pipeline.audit.access.reads import Asked, Reads
from pipeline.policy import Policy, load_policy
from pipeline.policy.topics import AUDIT, BROKER_AUDIT

DAY = timedelta(days=1)
SHOWN = 50  # records


def reads(
    policy: Annotated[Path, typer.Option(help="The policy that workers enforce: it says which topics are clean.")],
    principal: Annotated[str | None, typer.Option(help="Who read: the policy's name, or Kafka's.")] = None,
    topic: Annotated[str | None, typer.Option(help="The clean topic.")] = None,
    record: Annotated[str | None, typer.Option(help="Record id: who can have read this one?")] = None,
    from_: Annotated[str | None, typer.Option("--from", help="As for `audit search`; a day ago, if not said.")] = None,
    to: Annotated[str | None, typer.Option("--to", help="The same; now, if not said.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Reads of clean topics, beside the records that were there to be read and who approved them.

    A broker counts fetches of a topic, not records: who fetched after a record's release can have read it, who did not
    has not. Exit 1 where the time is not covered: then "did not" is not proven.
    """
    settings, rules = load_config(config), load_policy(policy)
    if principal in rules.principals:
        principal = rules.kafka_name(principal)
    now = datetime.now(UTC)
    asked = Asked(_ms(moment(from_) or now - DAY), _ms(moment(to, end=True) or now), principal, topic, record)
    with told(settings.kafka, f"read {BROKER_AUDIT} and {AUDIT}"):
        found = asyncio.run(_read(settings, rules, asked))
    if as_json:
        print_json(found)
    else:
        _show(found)
    raise typer.Exit(1 if found["unknown"] or not found["covered"] else 0)


async def _read(settings: Settings, policy: Policy, asked: Asked) -> dict[str, Any]:
    joined = Reads(policy, asked)
    async with reader(settings) as source:
        takes: list[tuple[str, Callable[[ConsumerRecord], None]]] = [
            (BROKER_AUDIT, lambda each: joined.access(each.value or b"")),
            (AUDIT, lambda each: joined.lane(each.value or b"", each.timestamp)),
        ]
        with progress("events") as bar:
            for topic, take in takes:
                log = await source.log(topic)
                task = bar.add_task(f"reading {topic}", total=log.length)
                async for records in source.read(log):
                    for record in records:
                        take(record)
                    bar.advance(task, len(records))
    return joined.json()


def _show(found: dict[str, Any]) -> None:
    table = Table("principal", "topic", "fetches", "first", "last", "hosts", "records there")
    for each in found["reads"]:
        hosts = ", ".join(each["hosts"])
        cells = (each["principal"], each["topic"], each["fetches"], each["first"], each["last"], hosts, each["records"])
        table.add_row(*map(plain, cells))
    print_table(table)
    records = Table("record", "released", "approved by", "can have been read by, since")
    for each in found["records"][-SHOWN:]:
        who = ", ".join(f"{reader['principal']} {reader['since']}" for reader in each["readers"]) or "nobody"
        approved = ", ".join(each["approved_by"]) or "nobody had to"
        records.add_row(*map(plain, (each["record"], each["released"], approved, who)))
    if found["records"]:
        print_table(records)
    say(f"{len(found['records'])} records released in that time, {min(SHOWN, len(found['records']))} shown")
    for topic, count in sorted(found["older"].items()):
        say(f"{count} older ones of {topic} were there, too, as far as retention has left them")
    for gap in found["unknown"]:
        when = f" from {gap['from']} to {gap['to']}" if "from" in gap else ""
        say(f"NOT covered{when}: {gap['type']} of {gap.get('node', 'a node')}")
    for node, known in found["covered"].items():
        say(f"what {node} counted is known from {known['from']} to {known['to']}")
    if not found["covered"]:
        say("no node has reported: nothing is known of reads")


def _ms(when: datetime) -> int:
    return round(when.timestamp() * 1000)
