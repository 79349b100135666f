"""`panlock audit prove`, `panlock audit check`: the proof of one record's life, and whether it holds."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from agents.search.engine import Connection
from agents.stored import Stored
from cli.audit.keys import PolicyOption, bundles, kept_bundles, places, verifiers
from cli.audit.sealed_log import from_export, from_topics
from cli.audit.tables import HOT, HotOption, IndexOption, are_made, opened
from cli.config import ConfigOption, load_config
from cli.kafka import told
from cli.output import JsonOption, plain, print_json, print_table, say, write
from pipeline.audit import proof
from pipeline.audit.claims.material import Claim, NotProvenError
from pipeline.audit.life import Life
from pipeline.audit.proof import Checked, Trusted
from pipeline.audit.signature import keys_of
from pipeline.policy.bundle import Bundle
from pipeline.policy.topics import AUDIT
from pipeline.record import RecordId

UNPROVEN = (
    ("the clean record is what came of the signed one", "a worker, who masked it"),
    ("no other event names the record", "whoever verifies the whole export: panlock audit verify --export"),
)


def prove(
    record: Annotated[str, typer.Argument(metavar="RECORD-ID", help="<quarantine topic>/<partition>/<offset>")],
    policy: PolicyOption = None,
    export: Annotated[str | None, typer.Option(help="An export to prove it from; default: the topics.")] = None,
    index: IndexOption = None,
    hot: HotOption = HOT,
    out: Annotated[Path | None, typer.Option(help="File for the proof; default: stdout.")] = None,
    config: ConfigOption = None,
) -> None:
    """All that happened to one record, provable to whoever has the sealer's public key: `panlock audit check`.

    From an export of which this machine has the tables of `panlock audit search`, it reads a few files of it alone.
    """
    settings = None if export is not None and policy is not None and config is None else load_config(config)
    found = bundles(settings, policy)
    held = None
    if export is not None and are_made(export, index):
        held = opened(config, policy, export, index, hot).connection
    life, made = proven(record, found, export, config, held)
    if out is None:
        write(made)
    else:
        out.write_bytes(made)
        say(f"{out}: {len(life.events)} events of {record}; `panlock audit check {out}` needs the policy alone")


def proven(
    record: str, found: list[Bundle], export: str | None, config: Path | None, held: Connection | None = None
) -> tuple[Life, bytes]:
    """The proof, from an export or the topics; it was checked. `held`: tables of the export. Raises NotProvenError,
    and what cannot be read."""
    kept = [] if export is None else kept_bundles(Stored(export))
    logs, keys, life = places(found), verifiers(found), Life(record, [*found, *kept])
    place = logs[RecordId.parse(record).partition % found[0].policy.lanes]
    if export is not None:
        log = from_export(export, place, keys, life, held)
    else:
        settings = load_config(config)
        with told(settings.kafka, f"read {AUDIT}"):
            log = asyncio.run(from_topics(settings.kafka, place, keys, life))
    made = proof.prove(life, log.checkpoint, log.manifest, log.roots, keys, log.others)
    proof.check(made, trusted(found))
    return life, made


def check(
    file: Annotated[Path, typer.Argument(metavar="PROOF", help="What `panlock audit prove` wrote.")],
    policy: Annotated[Path, typer.Option(help="Says whose signatures count. Take it from elsewhere than the proof.")],
    as_json: JsonOption = False,
) -> None:
    """Whether a proof holds, offline: what is proven in it, by whose key, and what is not. Exit 1 where it does not."""
    try:
        checked = proof.check(file.read_bytes(), trusted(bundles(None, policy)))
    except NotProvenError as error:
        if as_json:
            print_json({"ok": False, "why": str(error)})
        say(f"NOT proven: {error}")
        raise typer.Exit(1) from None
    _show(checked, as_json)


def trusted(found: list[Bundle]) -> Trusted:
    """The newest policy first. Raises NoKeysError."""
    places(found)
    workers = keys_of(key for each in found for key in each.policy.audit.worker_keys)
    return Trusted(verifiers(found), workers, found[0])


def _show(checked: Checked, as_json: bool) -> None:
    checkpoint, manifest = checked.checkpoint, checked.manifest
    claims = [*checked.claims, *(Claim("", what, by, False) for what, by in UNPROVEN)]
    if as_json:
        sealed = {"log": checkpoint.origin, "size": checkpoint.size, "manifest": manifest.time}
        told = [each._asdict() for each in claims]
        print_json({"ok": True, "record": checked.record, "sealed": sealed, "claims": told, "events": checked.events})
        return
    table = Table("event", "time", "type", "who", "reason")
    for event in checked.events:
        actor = event.get("actor") or {}
        who = actor.get("person") or actor.get("principal") or actor.get("worker") or ""
        cells = event["id"], event["time"], event["type"], who, event.get("reason", "")
        table.add_row(*(plain(str(each)) for each in cells))
    print_table(table)
    table = Table("event", "claim", "", "by")
    for each in claims:
        table.add_row(each.event, plain(each.what), "proven" if each.proven else "NOT proven", plain(each.by))
    print_table(table)
    say(f"proven: these events of {checked.record} are in {checkpoint.origin}, sealed by {manifest.time}")
