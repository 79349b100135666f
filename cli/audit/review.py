"""`panlock audit review`: what rules find in the audit; `… acknowledge`: a person has looked at it."""

import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.table import Table

from agents.review.findings import Finding, findings
from agents.search.query import between
from cli.audit.keys import PolicyOption
from cli.audit.tables import HOT, ExportOption, HotOption, IndexOption, opened, tell
from cli.config import ConfigOption, load_config
from cli.decisions import send
from cli.kafka import cluster_id
from cli.output import JsonOption, plain, print_json, print_table, say
from pipeline.approval.decision import Acknowledgement, sign_message

LANE = 0  # findings are of the whole audit: one lane hears of them, and every policy has it

app = typer.Typer(help="What rules find in the audit, and what people say about it.")


@app.callback(invoke_without_command=True)
def review(
    context: typer.Context,
    all_: Annotated[bool, typer.Option("--all", help="Acknowledged findings, too.")] = False,
    export: ExportOption = None,
    policy: PolicyOption = None,
    index: IndexOption = None,
    hot: HotOption = HOT,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Findings that nobody has acknowledged, of the last --hot days. Exit 1 where there are any."""
    if context.invoked_subcommand is not None:
        return
    found = opened(config, policy, export, index, hot)
    now = datetime.now(UTC)
    between(found.connection, now - timedelta(days=hot), now + timedelta(days=1))
    told = findings(found.connection, found.policies)
    unanswered = [each for each in told if each.acknowledged is None]
    shown = told if all_ else unanswered
    if as_json:
        print_json({"open": len(unanswered), "findings": [_object(each) for each in shown]})
    else:
        print_table(_table(shown))
        say(f"{len(unanswered)} findings are open, {len(told) - len(unanswered)} acknowledged")
    tell(found.coverage)
    raise typer.Exit(1 if unanswered else found.code)


def _table(shown: list[Finding]) -> Table:
    table = Table("time", "finding", "what", "where", "look", "acknowledged")
    for each in shown:
        where = each.events[0] if len(each.events) == 1 else f"{each.events[0]} and others" if each.events else ""
        said = each.acknowledged
        answer = "open" if said is None else f"{said.person}: {said.reason}"
        what = plain(f"{each.rule.title}: {each.what}")
        table.add_row(f"{each.time:%Y-%m-%d %H:%M}", each.id, what, plain(where), plain(each.rule.look), plain(answer))
    return table


def _object(finding: Finding) -> dict[str, object]:
    said = finding.acknowledged
    return {
        "finding": finding.id,
        "rule": finding.rule.name,
        "time": f"{finding.time.isoformat(timespec='milliseconds')}Z",
        "what": finding.what,
        "events": finding.events,
        "acknowledged": said and {**said._asdict(), "time": f"{said.time.isoformat(timespec='milliseconds')}Z"},
    }


@app.command()
def acknowledge(
    finding: Annotated[str, typer.Argument(metavar="FINDING", help="As `panlock audit review` shows it.")],
    reason: Annotated[str, typer.Option(help="What it was, and what was done. Goes into the audit.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say that you have looked at a finding. Needs a person with the role auditors, whom it is not about."""
    settings = load_config(config)
    key = settings.signatory()
    message = Acknowledgement(
        cluster=cluster_id(settings),
        lane=LANE,
        finding=finding,
        reason=reason,
        jti=str(uuid.uuid4()),
        iat=int(time.time()),
    )
    send(settings, b"acknowledgement/%d" % LANE, sign_message(key, message), LANE)
    if as_json:
        print_json({"finding": finding, "lane": LANE, "sent": True})
    else:
        say("sent; `panlock audit review` shows it once a worker has counted it, and the sealer sealed that")
