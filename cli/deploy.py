"""`panlock deploy`: from the policy to topics and ACLs, and back: is the cluster still what the policy says."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from confluent_kafka.admin import AdminClient
from rich.text import Text

from cli.config import ConfigOption, Settings, load_config
from cli.kafka import TopicMissingError
from cli.output import JsonOption, plain, print_json, say, show
from cli.pending import read_pending
from cli.policy import clear_quarantine, who_changes_it
from cli.render import render
from deploy.admin import KafkaDeniedError, connect
from deploy.apply import apply as carry_out
from deploy.apply import look
from deploy.desired import Desired, desired
from deploy.observed import count_brokers
from deploy.plan import Plan, as_json, left_over
from deploy.prune import LeftOver, verdicts
from deploy.pruning import delete, held
from pipeline.policy import Policy, load_policy

app = typer.Typer(no_args_is_help=True, help="Topics and ACLs from the policy.")
app.command()(render)

PolicyOption = Annotated[Path, typer.Option("--policy", help="The policy.")]
_COLOURS = {"+": "green", "~": "yellow", "-": "red", "!": "bold red", "i": "cyan"}


@app.command()
def plan(policy: PolicyOption, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show what apply would do, and change nothing.

    + is added, ~ changed, - an ACL too many or, with --prune, a topic; ! for people to mend, i for people to know.
    """
    target = _target(policy, config)
    observed, found = look(target.admin, target.wanted)
    _print(found, json, _left_behind(target, observed.topics))


@app.command()
def apply(
    policy: PolicyOption,
    config: ConfigOption = None,
    json: JsonOption = False,
    revoke: Annotated[bool, typer.Option("--revoke", help="Also remove the ACLs marked -.")] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Also remove the ACLs and topics marked -, once you have said yes.")
    ] = False,
) -> None:
    """Add what is missing, set configurations; may be repeated. Never shrinks; deletes topics with --prune alone."""
    target = _target(policy, config)
    going = _agreed(target) if prune else []
    done = carry_out(target.admin, target.wanted, revoke or prune)
    _print(done, json)
    gone = _delete(target, going)
    say("applied" if gone or done.changes or (done.revoke and (revoke or prune)) else "nothing to do")
    if done.revoke and not (revoke or prune):
        say(f"{len(done.revoke)} ACLs that the policy does not grant are still there: --revoke removes them")


def _agreed(target: "Target") -> list[str]:
    """The topics that a person lets go, after having seen all that would."""
    observed, found = look(target.admin, target.wanted)
    left = _left_behind(target, observed.topics)
    going = [each.topic for each in left if each.kept is None]
    for acl in found.revoke:
        say(f"- ACL {acl}")
    for sign, text in _pruned(left):
        say(f"{sign} {text}")
    if going or found.revoke:
        asked = f"remove {len(found.revoke)} ACL(s) and {len(going)} topic(s) for good, with what they hold?"
        typer.confirm(asked, abort=True, err=True)
    return going


def _delete(target: "Target", going: list[str]) -> list[str]:
    """Those that still may go: their ACLs are gone, so nothing more comes into them."""
    left = _left_behind(target, going)
    for each in left:
        if each.kept is not None:
            say(f"topic {each.topic} stays: since you were asked it {each.kept}")
    gone = [each.topic for each in left if each.kept is None]
    if gone:
        delete(target.admin, gone)
        say(f"removed: {', '.join(gone)}")
    return gone


def _left_behind(target: "Target", topics: Iterable[str]) -> list[LeftOver]:
    names = left_over(target.wanted, topics)
    if not names:
        return []
    return verdicts(held(target.admin, names, target.wanted.application), _waiting(target.settings))


def _waiting(settings: Settings) -> Counter[str] | None:
    """Quarantine topic → records that wait for people."""
    try:
        return Counter(pending.record.rsplit("/", 2)[0] for pending in asyncio.run(read_pending(settings)))
    except KafkaDeniedError:
        return None
    except TopicMissingError:
        return Counter()


@app.command()
def check(policy: PolicyOption, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Exit 1 if the cluster is not what the policy says."""
    target = _target(policy, config)
    found = look(target.admin, target.wanted)[1]
    _print(found, json)
    say(clear_quarantine(target.policy))
    say(who_changes_it(target.policy))
    say("the cluster differs from the policy" if found.drift else "the cluster is what the policy says")
    raise typer.Exit(1 if found.drift else 0)


@dataclass(frozen=True, slots=True)
class Target:
    """A policy and the cluster that is to follow it."""

    policy: Policy
    settings: Settings
    admin: AdminClient
    wanted: Desired


def _target(policy: Path, config: Path | None) -> Target:
    loaded, settings = load_policy(policy), load_config(config)
    admin = connect(settings.kafka.model_dump(mode="json"))
    return Target(loaded, settings, admin, desired(loaded, count_brokers(admin)))


def _print(what: Plan, json: bool, left: Sequence[LeftOver] = ()) -> None:
    if json:
        print_json(as_json(what) | {"prune": [asdict(each) for each in left]})
        return
    for sign, text in (*lines(what), *_pruned(left)):
        show(Text.assemble((f"{sign} ", _COLOURS[sign]), plain(text)))


def _pruned(left: Iterable[LeftOver]) -> Iterator[tuple[str, str]]:
    for each in left:
        if each.kept is None:
            yield "-", f"topic {each.topic}, of no flow of the policy: nothing in it is waited for"
        else:
            yield "!", f"topic {each.topic} stays, with --prune too: it {each.kept}"


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
