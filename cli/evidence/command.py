"""`panlock evidence`: the pack of one time span; `… check`: whether one is as it was made, and who signed it."""

from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from agents.evidence.pack import folders, review_sheet, write
from agents.evidence.report import render
from agents.evidence.signed import verifier
from agents.evidence.standing import sheets
from agents.review.findings import Finding, findings
from agents.search.engine import SearchError
from agents.search.query import between
from cli.audit.keys import PolicyOption
from cli.audit.tables import HOT, ExportOption, IndexOption, moment, opened, tell
from cli.config import ConfigOption
from cli.evidence.check import check, signing_key
from cli.evidence.sample import Sampled, sampled
from cli.output import JsonOption, print_json, say

app = typer.Typer(help="What the audit shows for each PCI DSS requirement, as files.")
app.command()(check)


@app.callback(invoke_without_command=True)
def evidence(
    context: typer.Context,
    out: Annotated[
        Path | None, typer.Option(help="Directory for the pack; it must be empty, or not be there.", show_default=False)
    ] = None,
    from_: Annotated[str, typer.Option("--from", help="2026-10-01, or how long ago, as 90d.")] = f"{HOT}d",
    to: Annotated[str | None, typer.Option("--to", help="The same; a day is meant whole. Default: now.")] = None,
    each: Annotated[int, typer.Option("--proofs", min=0, max=1_000, help="Records to prove, of each outcome.")] = 2,
    seed: Annotated[str, typer.Option(help="Chooses them: the same seed, the same records.")] = "panlock",
    sign: Annotated[
        Path | None, typer.Option(help="Your Ed25519 key, as `panlock person key` makes it: signs for the pack.")
    ] = None,
    export: ExportOption = None,
    policy: PolicyOption = None,
    index: IndexOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write what the audit shows for each PCI DSS requirement: a report, data, proofs, and how to check them.

    From an export with --policy, offline; or from the topics. Exit 1 where a log is not what was sealed.
    """
    if context.invoked_subcommand is not None:
        return
    if out is None:
        raise SearchError("say --out DIR: where the pack goes")
    key = None if sign is None else signing_key(sign)
    until = moment(to, end=True) or datetime.now(UTC)
    since = moment(from_)
    assert since is not None  # noqa: S101  # it has a default
    if since >= until:
        raise SearchError(f"--from {from_} is not before --to {to or 'now'}: nothing lies between")
    hot = max(HOT, (datetime.now(UTC) - since + timedelta(days=1)).days)
    found = opened(config, policy, export, index, hot)
    rules, connection = found.found[0].policy, found.connection
    between(connection, since, until)
    told = findings(connection, found.policies)
    tables = {**sheets(rules, found.coverage), "review": review_sheet(told)}
    proven = sampled(connection, found.found, Sampled(each, seed), export, config)
    proofs = sum(name.endswith(".json") for name in proven)
    facts = {
        "since": since,
        "until": until,
        "proofs": proofs,
        "unproven": len(proven) - proofs,
        "made": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "version": version("panlock"),
    }
    report = render(connection, rules, found.coverage, told, tables, facts)
    write(out, {"report.html": report, **folders(connection, tables, proven)}, key)
    vkey = None if key is None else str(verifier(key.public_key()))
    if as_json:
        print_json(
            {
                "out": str(out),
                "proofs": proofs,
                "unproven": len(proven) - proofs,
                "findings": len(told),
                "open": _open(told),
                "key": vkey,
            }
        )
    else:
        say(f"{out}/report.html: {proofs} proofs, {len(told)} findings, {_open(told)} of them open")
        say("nobody has signed it: --sign FILE" if vkey is None else f"signed; whoever checks it needs the key {vkey}")
    if proofs < len(proven):
        say(f"{len(proven) - proofs} records could NOT be proven: {out}/10.2/proofs says why")
    tell(found.coverage)
    raise typer.Exit(found.code)


def _open(told: list[Finding]) -> int:
    return sum(each.acknowledged is None for each in told)
