"""`panlock approve`, `panlock deny`: a person's signed word on held records.

    1 read panlock.pending to its end      2 recompute the hash of every masked record that is named
    3 check here what the worker will      4 sign, send (acks=all)      5 wait until a worker has counted it

Everything is checked before anything is signed: with one id in doubt, nothing is sent.
"""

import asyncio
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from cli.config import ConfigOption, Settings, load_config
from cli.decisions import Message, deliver
from cli.denial import Kind, deny_identity
from cli.hardware import HardwareKey
from cli.kafka import cluster_id, told
from cli.output import JsonOption, print_json, say
from cli.pending import not_pending, votes
from cli.pending_topic import PendingTopic, wrong_with
from cli.reading import reader
from cli.session.held import Session
from cli.standing import Standing, standing
from pipeline.approval.decision import Decision, sign_message
from pipeline.approval.keys import SigningKey
from pipeline.approval.pending import Pending
from pipeline.errors import PanlockError
from pipeline.policy import load_policy
from pipeline.policy.topics import PENDING
from pipeline.record import RecordId

Word = Literal["approve", "deny"]
POLL = 0.3  # seconds between looks at panlock.pending

Ids = Annotated[list[str], typer.Argument(help="Record ids, as `panlock pending list` shows them.", metavar="ID...")]
IdsOrNone = Annotated[
    list[str] | None, typer.Argument(help="Record ids, as `panlock pending list` shows them.", metavar="[ID...]")
]
CertificateOption = Annotated[str | None, typer.Option(help="Deny a producer's certificate: its x5t#S256 in hex.")]
SerialOption = Annotated[str | None, typer.Option(help="Deny a producer's certificate: its serial number in hex.")]
PrincipalOption = Annotated[str | None, typer.Option(help="Deny a principal, whatever its certificate.")]
PersonOption = Annotated[str | None, typer.Option(help="Deny a person: nothing that they sign counts.")]
KeyOption = Annotated[
    str | None, typer.Option(help="Deny a key that somebody signs with, a session's too: its RFC 7638 thumbprint.")
]
DeployerOption = Annotated[
    Path | None, typer.Option(help="With --principal: configuration of a deployer, who may write the DENY ACL.")
]
LiftOption = Annotated[bool, typer.Option("--lift", help="Take the denial of an identity back.")]
Why = Annotated[str, typer.Option(help="Why, in a sentence. It goes into the audit for good.")]
PolicyOption = Annotated[
    Path | None, typer.Option("--policy", help="The policy: tells before sending whether your word will count.")
]
Wait = Annotated[float, typer.Option(help="Seconds to wait until a worker has counted it; 0: do not.", min=0)]


class DecisionRefusedError(PanlockError):
    """A decision that was not sent, because it would not count or what it is about is not what it claims."""


def approve(
    ids: Ids,
    reason: Why,
    config: ConfigOption = None,
    policy: PolicyOption = None,
    wait: Wait = 10,
    as_json: JsonOption = False,
) -> None:
    """Approve held records. Look at each first: `panlock pending show ID`."""
    _decide("approve", ids, reason, load_config(config), policy, wait, as_json)


def deny(
    reason: Why,
    ids: IdsOrNone = None,
    config: ConfigOption = None,
    policy: PolicyOption = None,
    wait: Wait = 10,
    certificate: CertificateOption = None,
    serial: SerialOption = None,
    principal: PrincipalOption = None,
    person: PersonOption = None,
    key: KeyOption = None,
    deployer: DeployerOption = None,
    lift: LiftOption = False,
    as_json: JsonOption = False,
) -> None:
    """Deny held records: one denial ends each, whatever the votes before. Or, as an operator, an identity: what a
    producer writes, or a person signs, is refused from now on."""
    given: list[tuple[Kind, str | None]] = [
        ("certificate", certificate), ("serial", serial), ("principal", principal), ("person", person), ("key", key)
    ]  # fmt: skip
    named = [(kind, value) for kind, value in given if value is not None]
    if len(named) + bool(ids) != 1:
        raise DecisionRefusedError(
            "nothing was sent: name records, or one identity (--certificate, --serial, --principal, --person, --key)"
        )
    if ids:
        _decide("deny", ids, reason, load_config(config), policy, wait, as_json)
        return
    deny_identity(*named[0], reason, config, deployer, lift, as_json)


@dataclass(frozen=True, slots=True)
class _Sent:
    pending: Pending
    place: str
    state: Literal["sent", "counted", "decided"]


def _decide(
    word: Word, ids: list[str], reason: str, settings: Settings, policy: Path | None, wait: float, as_json: bool
) -> None:
    key = settings.signatory()
    who = None if policy is None else standing(load_policy(policy), key)
    cluster = cluster_id(settings)
    sent = asyncio.run(_run(settings, word, list(dict.fromkeys(ids)), reason, key, who, cluster, wait))
    if as_json:
        print_json([{"record": s.pending.record, "decision": word, "sent": s.place, "state": s.state} for s in sent])
        return
    for each in sent:
        say(_next(word, each, wait))


async def _run(
    settings: Settings,
    word: Word,
    ids: Sequence[str],
    reason: str,
    key: SigningKey | HardwareKey | Session,
    who: Standing | None,
    cluster: str,
    wait: float,
) -> list[_Sent]:
    topic = PendingTopic()
    with told(settings.kafka, f"read {PENDING}"):
        async with reader(settings) as source:
            await topic.read(source)
            held = _checked(topic, ids, who, word)
            decisions = [_decision(each, word, reason, cluster) for each in held]
            messages = [
                Message(
                    each.record.encode(), sign_message(key, each), RecordId.parse(each.record).partition % topic.lanes
                )
                for each in decisions
            ]
            places = await deliver(settings, messages)
            deadline = time.monotonic() + wait
            while time.monotonic() < deadline and any(_state(topic, each) == "sent" for each in decisions):
                await asyncio.sleep(POLL)
                await topic.read(source)
    return [
        _Sent(topic.get(decision.record) or before, place, _state(topic, decision))
        for before, decision, place in zip(held, decisions, places, strict=True)
    ]


def _checked(topic: PendingTopic, ids: Sequence[str], who: Standing | None, word: Word) -> list[Pending]:
    """The records that are named. Raises DecisionRefusedError with everything that is wrong with any of them."""
    held, wrong = [], []
    for record in ids:
        pending = topic.get(record)
        if pending is None:
            wrong.append(not_pending(record))
            continue
        held.append(pending)
        doubt = wrong_with(pending, record) or (None if who is None else who.objection(pending, word))
        if doubt is not None:
            wrong.append(f"{record}: {doubt}")
    if wrong:
        raise DecisionRefusedError("nothing was signed or sent:\n  " + "\n  ".join(wrong))
    return held


def _decision(pending: Pending, word: Word, reason: str, cluster: str) -> Decision:
    return Decision(
        cluster=cluster,
        topic_id=pending.topic_id,
        record=pending.record,
        sha256=pending.sha256,
        policy=pending.policy,
        decision=word,
        reason=reason,
        jti=uuid.uuid4().hex,
        iat=int(time.time()),
    )


def _state(topic: PendingTopic, decision: Decision) -> Literal["sent", "counted", "decided"]:
    """This vote in the pending record, or none there any more, is a worker's answer."""
    now = topic.get(decision.record)
    if now is None:
        return "decided"
    return "counted" if any(vote.jti == decision.jti for vote in now.votes) else "sent"


def _next(word: Word, sent: _Sent, wait: float) -> str:
    record = sent.pending.record
    if sent.state == "counted":
        return f"{record}: your approval counts, {votes(sent.pending)}; it waits for more people"
    if sent.state == "decided" and word == "deny":
        return f"{record}: denied"
    if sent.state == "decided" and len(sent.pending.votes) + 1 >= sent.pending.quorum:
        return f"{record}: released: with you, enough people have approved it"
    if sent.state == "decided":
        return f"{record}: no longer pending: somebody has denied it, or it has expired"
    waited = f" within {wait:.0f} s" if wait else " yet"
    return (
        f"{record}: sent as {sent.place}; no worker has counted it{waited}. If `panlock pending show {record}` "
        "does not name you soon, an auditor finds the reason in panlock.audit (decision.refused)."
    )
