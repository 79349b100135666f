"""`panlock break-glass release | review | list`: in an emergency two people release a held record; a third reviews it.

1 read panlock.pending to its end      2 recompute the hash of the masked record
3 sign, send (acks=all)                4 wait until the lane has counted it
"""

import asyncio
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Literal

import typer
from rich.table import Table
from rich.text import Text

from cli.config import ConfigOption, Settings, load_config
from cli.decisions import Message, deliver
from cli.kafka import cluster_id, told
from cli.output import JsonOption, plain, print_json, print_table, say
from cli.pending import not_pending, read_pending, time_left
from cli.pending_topic import PendingTopic, wrong_with
from cli.reading import reader
from pipeline.approval.decision import sign_message
from pipeline.approval.glass import WINDOW_MS, GlassBreak, GlassReview
from pipeline.audit.events import timestamp
from pipeline.errors import PanlockError
from pipeline.policy.topics import PENDING
from pipeline.record import RecordId

app = typer.Typer(name="break-glass", no_args_is_help=True, help="In an emergency, two people release one held record.")

POLL = 0.3  # seconds between looks at panlock.pending
State = Literal["sent", "signed", "released", "reviewed"]
_NEXT: dict[State, str] = {
    "sent": "sent; no worker has counted it yet. If `panlock break-glass list` does not show it soon, an auditor finds "
    "the reason in panlock.audit (decision.refused)",
    "signed": "your signature counts; a second person has an hour for theirs",
    "released": "released; an alarm is open until somebody else says `panlock break-glass review`",
    "reviewed": "reviewed; the alarm is closed",
}

RecordArgument = Annotated[str, typer.Argument(help="Record id, as `panlock pending list` shows it.", metavar="ID")]
Why = Annotated[str, typer.Option(help="Why, in a sentence. It goes into the audit for good.")]
Wait = Annotated[float, typer.Option(help="Seconds to wait until a worker has counted it; 0: do not.", min=0)]


class GlassNotSentError(PanlockError):
    """A signature that was not sent, because what it is about is not there, or not what it claims."""


@app.command()
def release(
    record: RecordArgument, reason: Why, config: ConfigOption = None, wait: Wait = 10, as_json: JsonOption = False
) -> None:
    """Sign for one held record. Two people must, each with a hardware-held key, within an hour; an alarm stays open
    until somebody else has reviewed it. Look at it first: `panlock pending show ID`."""
    settings = load_config(config)
    pending = asyncio.run(read_pending(settings)).get(record)
    if pending is None:
        raise GlassNotSentError(f"nothing was sent: {not_pending(record)}")
    wrong = wrong_with(pending, record)
    if wrong is not None:
        raise GlassNotSentError(f"nothing was signed or sent: {record}: {wrong}")
    message = GlassBreak(
        cluster_id(settings), pending.topic_id, record, pending.sha256, reason, uuid.uuid4().hex, int(time.time())
    )

    def state(now: PendingTopic) -> State:
        if record in now.alarms:
            return "released"
        held = now.get(record)
        return "signed" if held and held.glass and held.glass.jti == message.jti else "sent"

    raw = sign_message(settings.registered_key(), message)
    _tell(record, asyncio.run(_say(settings, record, raw, state, wait)), as_json)


@app.command()
def review(
    record: RecordArgument, reason: Why, config: ConfigOption = None, wait: Wait = 10, as_json: JsonOption = False
) -> None:
    """Say that you have looked at what was released, and close the alarm. Takes a reviewer, none of the two."""
    settings = load_config(config)
    topic = asyncio.run(read_pending(settings))
    alarm = topic.alarms.get(record)
    if alarm is None:
        raise GlassNotSentError(f"nothing was sent: no alarm of {record} is open (`panlock break-glass list`)")
    lane = RecordId.parse(record).partition % topic.lanes
    message = GlassReview(cluster_id(settings), lane, record, alarm.event, reason, uuid.uuid4().hex, int(time.time()))

    def state(now: PendingTopic) -> State:
        return "sent" if record in now.alarms else "reviewed"

    raw = sign_message(settings.signatory(), message)
    _tell(record, asyncio.run(_say(settings, record, raw, state, wait)), as_json)


@app.command("list")
def list_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Records that wait for a second signature, and alarms that wait for a review."""
    topic = asyncio.run(read_pending(load_config(config)))
    now = int(time.time() * 1000)
    held = [(each, each.glass) for each in topic if each.glass is not None and each.glass.time + WINDOW_MS > now]
    alarms = sorted(topic.alarms.values(), key=lambda each: each.time)
    if as_json:
        signed = [
            {"record": each.record, "person": first.person, "until": first.time + WINDOW_MS} for each, first in held
        ]
        print_json({"signed": signed, "alarms": [asdict(each) for each in alarms]})
    elif held or alarms:
        table = Table("record", "flow", "rule", "state", "by", "reason or event", "when")
        for each, first in held:
            cells = each.record, each.flow, each.rule, first.person, first.reason
            left = f"{time_left(first.time + WINDOW_MS - now)} left"
            _row(table, Text("1 of 2 signatures", "yellow"), left, *cells)
        for alarm in alarms:
            cells = alarm.record, alarm.flow, alarm.rule, ", ".join(alarm.people), alarm.event
            _row(table, Text("released, to review", "red"), timestamp(alarm.time).decode(), *cells)
        print_table(table)
    else:
        say("no alarm is open, and nothing waits for a second signature")


def _row(table: Table, state: Text, when: str, record: str, flow: str, rule: str, by: str, why: str) -> None:
    table.add_row(*map(plain, (record, flow, rule)), state, *map(plain, (by, why, when)))


async def _say(
    settings: Settings, record: str, raw: bytes, state: Callable[[PendingTopic], State], wait: float
) -> State:
    """Tell the record's lane, and wait until it has counted it."""
    topic = PendingTopic()
    with told(settings.kafka, f"read {PENDING}"):
        async with reader(settings) as source:
            await topic.read(source)
            lane = RecordId.parse(record).partition % topic.lanes
            await deliver(settings, [Message(f"break-glass/{record}".encode(), raw, lane)])
            deadline = time.monotonic() + wait
            while state(topic) == "sent" and time.monotonic() < deadline:
                await asyncio.sleep(POLL)
                await topic.read(source)
    return state(topic)


def _tell(record: str, state: State, as_json: bool) -> None:
    if as_json:
        print_json({"record": record, "state": state})
    else:
        say(f"{record}: {_NEXT[state]}")
