"""`panlock policy`: is the policy fine, what does it come to, and how people change it (cli.change)."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from cli.change import apply, approve, deny, fetch, propose, show
from cli.output import JsonOption, plain, print_json, print_lines, print_table, say
from pipeline.policy import Policy, PolicyError, load_policy
from pipeline.policy.explain import explain
from pipeline.policy.kinds import duration
from pipeline.policy.topics import input_topics, limits, owner_of

app = typer.Typer(no_args_is_help=True, help="Check a policy file, and change the policy in force.")
for _command in (propose, show, approve, deny, apply, fetch):
    app.command()(_command)

PolicyFile = Annotated[Path, typer.Argument(metavar="FILE", help="The policy.")]


@app.command()
def check(file: PolicyFile, as_json: JsonOption = False) -> None:
    """Exit 0 and a summary, or 2 and every problem with its line, field and remedy."""
    try:
        policy = load_policy(file)
    except PolicyError as error:
        if as_json:
            print_json({"ok": False, "problems": [problem._asdict() for problem in error.problems]})
        say(str(error))
        raise typer.Exit(2) from None
    if as_json:
        print_json(_summary(policy))
        return
    print_table(_flows(policy))
    if any(flow.hold for flow in policy.flows.values()):
        print_table(_rules(policy))
    say(f"{file} is fine: {len(limits(policy))} topics, {policy.lanes} lanes, hash {policy.hash}")
    say(clear_quarantine(policy))
    say(who_changes_it(policy))


@app.command("explain")
def explain_(file: PolicyFile, as_json: JsonOption = False) -> None:
    """The policy in sentences: who writes, what becomes of which field, what waits for whom."""
    sentences = list(explain(load_policy(file)))
    if as_json:
        print_json(sentences)
    else:
        print_lines(sentences)


@app.command()
def schema() -> None:
    """The policy's JSON Schema, for editors; `check` knows more than it can say."""
    print_json(Policy.model_json_schema())


def clear_quarantine(policy: Policy) -> str:
    """What a customer must be told of `quarantine: clear`."""
    clear = _clear_topics(policy)
    if not clear:
        return "every quarantine topic is sealed: the brokers hold no cardholder data in the clear"
    topics = ", ".join(clear)
    return f"stored cardholder data in the clear, to be justified (PCI DSS 3.5.1, 3.5.1.2): {topics}"


def _clear_topics(policy: Policy) -> list[str]:
    return [topic for topic in input_topics(policy) if policy.flows[owner_of(policy, topic)[0]].quarantine == "clear"]


def who_changes_it(policy: Policy) -> str:
    """What a customer must be told of a policy that nobody approves."""
    rule = policy.policy_approvers
    if rule is None:
        return (
            "no policy_approvers: workers run any policy that they are given, which is for development alone; "
            "docs/policy.md tells how people approve it"
        )
    people = ", ".join(sorted(policy.holders(rule.roles)))
    return f"changes of the policy take its author and {rule.quorum} other people of: {people}"


def _flows(policy: Policy) -> Table:
    table = Table(
        "flow", "producers", "clean topic", "consumers", "partitions", "fields", "scan", "ordering", title="Flows"
    )
    for name, flow in policy.flows.items():
        fields = ", ".join(f"{rule.path} {rule.strategy or rule.class_}" for rule in flow.fields)
        table.add_row(
            *map(plain, (name, ", ".join(flow.producers), flow.clean_topic, ", ".join(flow.consumers))),
            *map(plain, (flow.partitions, fields, flow.scan.pan, flow.ordering)),
        )
    return table


def _rules(policy: Policy) -> Table:
    table = Table(
        "flow", "rule", "holds when", "quorum", "approvers", "expires", title="Hold rules, the first match wins"
    )
    for name, flow in policy.flows.items():
        owners = policy.owners(flow)
        for rule in flow.hold:
            people = ", ".join(sorted(policy.approvers(rule) - owners))
            row = (name, rule.id, rule.when, rule.quorum, people, duration(rule.expires_ms))
            table.add_row(*map(plain, row))
    return table


def _summary(policy: Policy) -> dict[str, object]:
    flows = {
        name: {
            "producers": list(flow.producers),
            "consumers": list(flow.consumers),
            "clean": flow.clean_topic,
            "partitions": flow.partitions,
            "hold": [
                {
                    "id": rule.id,
                    "quorum": rule.quorum,
                    "approvers": sorted(policy.approvers(rule) - policy.owners(flow)),
                    "expires": duration(rule.expires_ms),
                }
                for rule in flow.hold
            ],
        }
        for name, flow in policy.flows.items()
    }
    return {
        "ok": True,
        "version": policy.version,
        "hash": policy.hash,
        "lanes": policy.lanes,
        "topics": sorted(limits(policy)),
        "clear_quarantine": _clear_topics(policy),
        "flows": flows,
    }
