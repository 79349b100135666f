"""`panlock recordings show | replay`: recordings read by a person with the role replayers.

The trace comes first: a signed message in `panlock.decisions`, acknowledged by all in-sync replicas, which the lane
turns into the audit event recording.read. Only then is anything read and shown.
"""

import asyncio
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from cli.config import ConfigOption, DevelopmentOption, Settings, load_config, load_keys
from cli.kafka import told
from cli.output import JsonOption, print_json_lines, progress, say
from cli.reading import reader
from cli.recordings.asked import DAY, Asked, ReplayError, Since, Until, asked, permitted, recording_of, tell, words
from cli.recordings.copied import check_topic, copy
from cli.recordings.opened import Opener
from cli.recordings.session import Entry, session
from cli.recordings.shown import print_session
from cli.recordings.topic import events, recordings
from pipeline.policy import Policy, load_policy
from pipeline.policy.topics import AUDIT, recordings_topic
from pipeline.record import RecordId
from pipeline.recording import Recording

PolicyOption = Annotated[Path, typer.Option(help="The policy in force.")]
RevealOption = Annotated[
    bool, typer.Option("--reveal", help="Card numbers in the clear, where the flow's recordings reveal.")
]
Reason = Annotated[str, typer.Option(help="Why you need it. Goes into the audit for good.")]


def show(
    record: Annotated[str, typer.Argument(help="Record id.", metavar="RECORD")],
    policy: PolicyOption,
    reason: Reason,
    reveal: RevealOption = False,
    config: ConfigOption = None,
    development: DevelopmentOption = False,
    as_json: JsonOption = False,
) -> None:
    """One record as it was recorded, and what became of it. Tells the audit before it shows anything."""
    loaded, settings = load_policy(policy), load_config(config)
    what = asked(loaded, record, None, None, None, None)
    opener = Opener(loaded, load_keys(config), development) if reveal else None
    entries = _entries(settings, loaded, what, reason, "terminal", opener)
    if not entries:
        raise ReplayError(f"{record} is not recorded: it is older than the flow's recordings, or was never written")
    _print(entries, as_json)


def replay(
    flow: Annotated[str, typer.Option(help="The flow.")],
    principal: Annotated[str, typer.Option(help="Who wrote it.")],
    policy: PolicyOption,
    reason: Reason,
    since: Since = None,
    until: Until = None,
    out: Annotated[Path | None, typer.Option(help="Write NDJSON to this new file instead.")] = None,
    topic: Annotated[str | None, typer.Option(help="Write the masked records to this topic instead.")] = None,
    reveal: RevealOption = False,
    config: ConfigOption = None,
    development: DevelopmentOption = False,
    as_json: JsonOption = False,
) -> None:
    """A principal's session in order, with what became of each record. Tells the audit before it shows anything."""
    loaded, settings = load_policy(policy), load_config(config)
    what = asked(loaded, None, flow, principal, since, until)
    if out is not None and topic is not None:
        raise ReplayError("say --out or --topic, not both")
    if out is not None and out.exists():
        raise ReplayError(f"{out} is there already: name a new file")
    if topic is not None:
        check_topic(topic, loaded)
        if reveal:
            raise ReplayError("a topic gets masked records alone: leave --reveal out, or say --out")
    opener = Opener(loaded, load_keys(config), development) if reveal else None
    place = "file" if out is not None else "topic" if topic is not None else "terminal"
    entries = _entries(settings, loaded, what, reason, place, opener)
    if not entries:
        say(f"nothing is recorded of {what}")
    elif out is not None:
        _write(out, entries)
        say(f"{out}: {len(entries)} entries")
    elif topic is not None:
        copied = [each.recording for each in entries if each.recording is not None and each.recording.refused is None]
        asyncio.run(copy(settings, topic, copied))
        say(f"{topic}: {len(copied)} records")
    else:
        _print(entries, as_json)


def _entries(
    settings: Settings, policy: Policy, what: Asked, reason: str, place: str, opener: Opener | None
) -> list[Entry]:
    mode = "masked" if opener is None else "reveal"
    key = settings.signatory()
    person = permitted(policy, key, mode)
    recording = recording_of(policy, what.flow)
    approved = {}
    if recording.approvers:
        given = asyncio.run(_events(settings, time.time_ns() // 1_000_000 - DAY, "recording.approved"))
        approved = words(given, what, recording, person, mode)
    lane = tell(settings, policy, key, what, reason, mode=mode, place=place, approved=list(approved.values()))
    say(f"panlock.decisions {lane} has it: {person} replays {what}")
    return asyncio.run(_read(settings, policy, what, opener))


async def _events(settings: Settings, since: int, type_: str) -> list[Mapping[str, Any]]:
    with told(settings.kafka, f"read {AUDIT}"), progress("events") as bar:
        async with reader(settings) as source:
            return await events(source, since, bar, (type_,))


async def _read(settings: Settings, policy: Policy, what: Asked, opener: Opener | None) -> list[Entry]:
    topic, found = recordings_topic(what.flow), list[Recording]()
    lane = RecordId.parse(what.record).partition % policy.lanes if what.record else None
    with told(settings.kafka, f"read {topic} and {AUDIT}"), progress("messages") as bar:
        async with reader(settings) as source:
            async for each in recordings(source, topic, what.since, bar, lane):
                if what.covers(each.record, each.principal, each.timestamp):
                    found.append(each if opener is None else opener.open(each))
            if not found:
                return []
            return session(found, await events(source, min(each.timestamp for each in found), bar))


def _print(entries: list[Entry], as_json: bool) -> None:
    begin = entries[0].time
    if as_json:
        print_json_lines(each.json(begin) for each in entries)
    else:
        print_session(entries)


def _write(out: Path, entries: list[Entry]) -> None:
    """For its owner's eyes alone, and never over another file."""
    with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        for each in entries:
            file.write(orjson.dumps(each.json(entries[0].time), option=orjson.OPT_APPEND_NEWLINE))
