"""`panlock grant propose | approve | revoke | list`: for a while, records need not wait under one hold rule.

1 read panlock.pending to its end      2 check here what every lane will
3 sign once, send to every lane        4 wait until every lane has counted it
"""

import asyncio
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from agents.cluster import identify
from cli.config import ConfigOption, Settings, load_config
from cli.decisions import Message, deliver
from cli.grants_shown import Known, known, shown, table, votes
from cli.kafka import told
from cli.output import JsonOption, print_json, print_table, say
from cli.pending_topic import PendingTopic
from cli.reading import reader
from cli.standing import Standing, standing
from pipeline.approval.decision import MAX_CONDITION, sign_message
from pipeline.approval.grant import LONGEST_MS, MOST_RECORDS, Grant, GrantProposal, GrantWord, rule_sha256
from pipeline.approval.requester import same_person
from pipeline.approval.roles import OPERATORS
from pipeline.conditions import compiled
from pipeline.errors import PanlockError
from pipeline.policy import Policy, load_policy
from pipeline.policy.kinds import duration, milliseconds_of
from pipeline.policy.topics import DECISIONS, PENDING

app = typer.Typer(name="grant", no_args_is_help=True, help="Let records pass a hold rule for a while.")

POLL = 0.3  # seconds between looks at panlock.pending
CLOCKS = 60_000  # ms that this machine's clock may be ahead of the broker's
SHORTEST = 8  # characters of an id that name a grant

GrantArgument = Annotated[str, typer.Argument(help="Its id, or the beginning of it.", metavar="GRANT")]
Why = Annotated[str, typer.Option(help="Why, in a sentence. It goes into the audit for good.")]
Wait = Annotated[float, typer.Option(help="Seconds to wait until every lane has counted it; 0: do not.", min=0)]


class GrantNotSentError(PanlockError):
    """A word on a grant that would not count; nothing was sent."""


@app.command()
def propose(
    flow: Annotated[str, typer.Option(help="The flow.")],
    rule: Annotated[str, typer.Option(help="Id of its hold rule.")],
    when: Annotated[str, typer.Option(help="Which of the records that the rule matches: CEL, as a hold rule's.")],
    for_: Annotated[str, typer.Option("--for", help="How long from now, as 30m or 2h; at most 8h.")],
    records: Annotated[int, typer.Option(help="At most so many in each lane.", min=1, max=MOST_RECORDS)],
    reason: Why,
    policy: Annotated[Path, typer.Option(help="The policy in force.")],
    config: ConfigOption = None,
    wait: Wait = 10,
    as_json: JsonOption = False,
) -> None:
    """Propose a grant. Others than you must approve it: as many as the rule asks for."""
    settings, loaded = load_config(config), load_policy(policy)
    terms = _terms(loaded, flow, rule, when, _milliseconds(for_), records, reason)
    key = settings.signatory()
    who = standing(loaded, key)
    cluster, topic_id = _place(settings)
    terms = replace(terms, cluster=cluster, topic_id=topic_id)
    _check_standing(who, loaded, terms)
    after = asyncio.run(_say(settings, terms.id, sign_message(key, terms), lambda grant: True, wait))
    _tell(after, as_json, f"proposed as {terms.id}")


@app.command()
def approve(
    grant: GrantArgument,
    reason: Why,
    config: ConfigOption = None,
    wait: Wait = 10,
    as_json: JsonOption = False,
) -> None:
    """Approve a grant, with all its terms. Look at it first: `panlock grant list`."""
    _word(grant, "approve", reason, load_config(config), wait, as_json)


@app.command()
def revoke(
    grant: GrantArgument,
    reason: Why,
    config: ConfigOption = None,
    wait: Wait = 10,
    as_json: JsonOption = False,
) -> None:
    """End a grant, or what was only proposed. One word is enough: an approver's of the rule, or its author's."""
    _word(grant, "revoke", reason, load_config(config), wait, as_json)


@app.command("list")
def list_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """What is proposed, open, used up or revoked, the next to end first, and how many records have passed."""
    found = [each for each in known(asyncio.run(_read(load_config(config)))) if each.state() != "ended"]
    if as_json:
        print_json([shown(each) for each in found])
    elif found:
        print_table(table(found))
    else:
        say("no grant is open or waits")


def _check_standing(who: Standing, policy: Policy, terms: GrantProposal) -> None:
    """Raises GrantNotSentError."""
    rule = next(each for each in policy.flows[terms.flow].hold if each.id == terms.rule)
    owns = any(same_person(who.person, owner) for owner in policy.owners(policy.flows[terms.flow]))
    if not owns and not who.roles & {*rule.approvers, OPERATORS}:
        raise GrantNotSentError(
            f"{who.person} may not propose it: that takes an approver of the rule, an owner of a producer of the flow, "
            f"or the role {OPERATORS}"
        )


def _milliseconds(text: str) -> int:
    found = milliseconds_of(text)
    if found is None or found > LONGEST_MS:
        raise GrantNotSentError(f"--for {text}: say a number and s, m or h, at most {duration(LONGEST_MS)}")
    return found


def _terms(policy: Policy, flow: str, rule: str, when: str, life: int, records: int, reason: str) -> GrantProposal:
    """Raises GrantNotSentError."""
    held = {each.id: each for each in policy.flows[flow].hold} if flow in policy.flows else {}
    if rule not in held:
        raise GrantNotSentError(f"the policy has no hold rule {rule!r} in a flow {flow!r}: see `panlock policy check`")
    format_ = policy.flows[flow].format
    if len(when) > MAX_CONDITION or not when.isprintable():
        raise GrantNotSentError(f"--when: one line of at most {MAX_CONDITION} printable characters")
    try:
        compiled(format_ == "xml", when)
    except ValueError as error:
        raise GrantNotSentError(f"--when does not compile as CEL: {error}") from error
    now = time.time_ns() // 1_000_000
    until = now + min(life, LONGEST_MS - CLOCKS)
    return GrantProposal(
        cluster="",
        topic_id="",
        flow=flow,
        rule=rule,
        rule_sha256=rule_sha256(flow, format_, held[rule]),
        when=when,
        records=records,
        until=until,
        reason=reason,
        jti=uuid.uuid4().hex,
        iat=now // 1000,
    )


def _word(beginning: str, said: str, reason: str, settings: Settings, wait: float, as_json: bool) -> None:
    grant = _named(known(asyncio.run(_read(settings))), beginning)
    terms = grant.terms
    if grant.state() in ("ended", "revoked"):
        raise GrantNotSentError(f"grant {terms.id} is {grant.state()} already; nothing was sent")
    cluster, topic_id = _place(settings)
    if (terms.cluster, terms.topic_id) != (cluster, topic_id):
        raise GrantNotSentError(f"grant {terms.id} is for another cluster, or for a topic that is gone: do NOT sign it")
    say(f"{terms.flow}, rule {terms.rule}: at most {terms.records} records a lane where {terms.when}")
    jti = uuid.uuid4().hex
    word = GrantWord(cluster, topic_id, terms.id, said, reason, jti, int(time.time()))

    def counted(lane: Grant) -> bool:
        return lane.revoked is not None if said == "revoke" else any(vote.jti == jti for vote in lane.votes)

    after = asyncio.run(_say(settings, terms.id, sign_message(settings.signatory(), word), counted, wait))
    _tell(after, as_json, f"grant {terms.id}: sent")


def _named(grants: list[Known], beginning: str) -> Known:
    """Raises GrantNotSentError."""
    found = [each for each in grants if len(beginning) >= SHORTEST and each.terms.id.startswith(beginning)]
    if len(found) != 1:
        raise GrantNotSentError(
            f"{beginning} names no grant, or several: take at least {SHORTEST} characters of an id that "
            "`panlock grant list` shows"
        )
    return found[0]


async def _read(settings: Settings) -> PendingTopic:
    topic = PendingTopic()
    with told(settings.kafka, f"read {PENDING}"):
        async with reader(settings) as source:
            await topic.read(source)
    return topic


def _place(settings: Settings) -> tuple[str, str]:
    """Cluster id, and UUID of panlock.decisions."""
    with told(settings.kafka, f"describe {DECISIONS}"):
        identity = asyncio.run(identify(settings.kafka, (DECISIONS,)))
    return identity.cluster_id, identity.topic_ids[DECISIONS]


async def _say(
    settings: Settings, id_: str, raw: bytes, counted: Callable[[Grant], bool], wait: float
) -> tuple[Known | None, int]:
    """Tell every lane, and wait. Returns the grant as it is then, and how many lanes have counted the word."""
    topic = PendingTopic()
    with told(settings.kafka, f"read {PENDING}"):
        async with reader(settings) as source:
            await topic.read(source)
            await deliver(settings, [Message(f"grant/{id_}".encode(), raw, lane) for lane in range(topic.lanes)])
            deadline = time.monotonic() + wait
            while _count(topic, id_, counted) < topic.lanes and time.monotonic() < deadline:
                await asyncio.sleep(POLL)
                await topic.read(source)
    found = [each for each in known(topic) if each.terms.id == id_]
    return (found[0] if found else None), _count(topic, id_, counted)


def _count(topic: PendingTopic, id_: str, counted: Callable[[Grant], bool]) -> int:
    return sum(counted(each) for each in topic.grants.get(id_, {}).values())


def _tell(after: tuple[Known | None, int], as_json: bool, done: str) -> None:
    grant, lanes = after
    if as_json:
        print_json({"counted": lanes, **({} if grant is None else shown(grant))})
        return
    if grant is not None and lanes == grant.of:
        say(f"{done}; every lane has counted it: {grant.state()}, {votes(grant)}")
        return
    say(
        f"{done}; {lanes} lanes have counted it so far. If `panlock grant list` does not show it soon, an auditor "
        "finds the reason in panlock.audit (decision.refused)."
    )
