"""`panlock audit prove`, `panlock audit check`: the proof of one record's life, and whether it holds."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from cli.audit.keys import PolicyOption, bundles, places, verifiers
from cli.audit.sealed_log import from_export, from_topics
from cli.config import ConfigOption, load_config
from cli.kafka import told
from cli.output import JsonOption, plain, print_json, print_table, say, write
from pipeline.audit import proof
from pipeline.audit.proof import Checked, Life, NotProvenError
from pipeline.policy.topics import AUDIT
from pipeline.record import RecordId


def prove(
    record: Annotated[str, typer.Argument(metavar="RECORD-ID", help="<quarantine topic>/<partition>/<offset>")],
    policy: PolicyOption = None,
    export: Annotated[str | None, typer.Option(help="An export to prove it from; default: the topics.")] = None,
    out: Annotated[Path | None, typer.Option(help="File for the proof; default: stdout.")] = None,
    config: ConfigOption = None,
) -> None:
    """All that happened to one record, provable to whoever has the sealer's public key: `panlock audit check`."""
    settings = None if export is not None and policy is not None and config is None else load_config(config)
    found = bundles(settings, policy)
    logs, keys, life = places(found), verifiers(found), Life(record)
    place = logs[RecordId.parse(record).partition % found[0].policy.lanes]
    if export is not None:
        log = from_export(export, place, keys, life)
    else:
        settings = settings or load_config(config)
        with told(settings.kafka, f"read {AUDIT}"):
            log = asyncio.run(from_topics(settings.kafka, place, keys, life))
    made = proof.prove(life, log.checkpoint, log.manifest, log.size, log.roots)
    proof.check(made, keys)
    if out is None:
        write(made)
    else:
        out.write_bytes(made)
        say(f"{out}: {len(life.events)} events of {record}; `panlock audit check {out}` needs the policy alone")


def check(
    file: Annotated[Path, typer.Argument(metavar="PROOF", help="What `panlock audit prove` wrote.")],
    policy: Annotated[Path, typer.Option(help="Says whose signatures count. Take it from elsewhere than the proof.")],
    as_json: JsonOption = False,
) -> None:
    """Whether a proof holds, offline. Exit 1 where it does not."""
    keys = verifiers(bundles(None, policy))
    try:
        checked = proof.check(file.read_bytes(), keys)
    except NotProvenError as error:
        if as_json:
            print_json({"ok": False, "why": str(error)})
        say(f"NOT proven: {error}")
        raise typer.Exit(1) from None
    _show(checked, as_json)


def _show(checked: Checked, as_json: bool) -> None:
    checkpoint, manifest = checked.checkpoint, checked.manifest
    if as_json:
        sealed = {"log": checkpoint.origin, "size": checkpoint.size, "manifest": manifest.time}
        print_json({"ok": True, "record": checked.record, "sealed": sealed, "events": checked.events})
        return
    table = Table("event", "time", "type", "who", "reason")
    for event in checked.events:
        actor = event.get("actor") or {}
        who = actor.get("person") or actor.get("principal") or actor.get("worker") or ""
        cells = event["id"], event["time"], event["type"], who, event.get("reason", "")
        table.add_row(*(plain(str(each)) for each in cells))
    print_table(table)
    say(f"proven: these events of {checked.record} are in {checkpoint.origin}, sealed by {manifest.time}")
    say("not proven: that nobody was shown another history (split view); no witness has cosigned")
