"""`panlock deploy`: from the policy to topics and ACLs, and back: is the cluster still what the policy says."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from cli.config import ConfigOption, load_config
from cli.output import JsonOption, plain, print_json, say, show
from cli.policy import clear_quarantine, who_changes_it
from cli.render import render
from deploy.admin import connect
from deploy.apply import apply as carry_out
from deploy.apply import look
from deploy.desired import desired
from deploy.observed import count_brokers
from deploy.plan import Plan, as_json
from pipeline.policy import load_policy

app = typer.Typer(no_args_is_help=True, help="Topics and ACLs from the policy.")
app.command()(render)

PolicyOption = Annotated[Path, typer.Option("--policy", help="The policy.")]
_COLOURS = {"+": "green", "~": "yellow", "-": "red", "!": "bold red", "i": "cyan"}


@app.command()
def plan(policy: PolicyOption, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show what apply would do, and change nothing.

    + is added, ~ changed, - an ACL too many, ! for people to mend, i for people to know.
    """
    _print(_plan(policy, config), json)


@app.command()
def apply(
    policy: PolicyOption,
    config: ConfigOption = None,
    json: JsonOption = False,
    revoke: Annotated[bool, typer.Option("--revoke", help="Also remove the ACLs marked -.")] = False,
) -> None:
    """Add what is missing and set configurations. Never deletes a topic or a record, never shrinks; may be repeated."""
    loaded = load_policy(policy)
    admin = connect(_kafka(config))
    done = carry_out(admin, desired(loaded, count_brokers(admin)), revoke)
    _print(done, json)
    say("applied" if done.changes or (revoke and done.revoke) else "nothing to do")
    if done.revoke and not revoke:
        say(f"{len(done.revoke)} ACLs that the policy does not grant are still there: --revoke removes them")


@app.command()
def check(policy: PolicyOption, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Exit 1 if the cluster is not what the policy says."""
    found = _plan(policy, config)
    _print(found, json)
    say(clear_quarantine(load_policy(policy)))
    say(who_changes_it(load_policy(policy)))
    say("the cluster differs from the policy" if found.drift else "the cluster is what the policy says")
    raise typer.Exit(1 if found.drift else 0)


def _plan(policy: Path, config: Path | None) -> Plan:
    loaded = load_policy(policy)
    admin = connect(_kafka(config))
    return look(admin, desired(loaded, count_brokers(admin)))[1]


def _kafka(config: Path | None) -> dict[str, str]:
    kafka: dict[str, str] = load_config(config).kafka.model_dump(mode="json")
    return kafka


def _print(what: Plan, json: bool) -> None:
    if json:
        print_json(as_json(what))
        return
    for sign, text in lines(what):
        show(Text.assemble((f"{sign} ", _COLOURS[sign]), plain(text)))


def lines(what: Plan) -> Iterator[tuple[str, str]]:
    """(sign, text) for each difference."""
    for topic in what.create:
        yield "+", f"topic {topic.name}, {topic.partitions} partitions"
        for key, value in sorted(topic.configs.items()):
            yield "+", f"    {key} = {value}"
    for grow in what.grow:
        yield "~", f"topic {grow.topic}: {grow.before} partitions -> {grow.after}"
    for change in what.configure:
        yield "~", f"topic {change.topic}: {change.key} = {change.before} -> {change.after}"
    for acl in what.grant:
        yield "+", f"ACL {acl}"
    for acl in what.revoke:
        yield "-", f"ACL {acl}"
    for found in what.found:
        yield "!", f"{found.subject} {found.what}: {found.remedy}"
    for note in what.notes:
        yield "i", note
