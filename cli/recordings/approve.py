"""`panlock recordings approve`: let somebody replay a session, where the policy asks for others' word."""

import time
import uuid
from pathlib import Path
from typing import Annotated

import typer

from cli.config import ConfigOption, load_config
from cli.decisions import send
from cli.kafka import cluster_id
from cli.output import say
from cli.recordings.asked import ReplayError, Since, Until, asked, recording_of
from cli.standing import standing
from pipeline.approval.decision import sign_message
from pipeline.approval.replay import ReplayWord
from pipeline.policy import load_policy


def approve(
    for_: Annotated[str, typer.Option("--for", help="Who may replay it, as the policy or their issuer names them.")],
    policy: Annotated[Path, typer.Option(help="The policy in force.")],
    reason: Annotated[str, typer.Option(help="Why. Goes into the audit for good.")],
    record: Annotated[str | None, typer.Argument(help="One record, instead of a session.", metavar="[RECORD]")] = None,
    flow: Annotated[str | None, typer.Option(help="The session's flow.")] = None,
    principal: Annotated[str | None, typer.Option(help="Who wrote it.")] = None,
    since: Since = None,
    until: Until = None,
    reveal: Annotated[bool, typer.Option("--reveal", help="With the card numbers in the clear.")] = False,
    config: ConfigOption = None,
) -> None:
    """Let somebody else replay one session, within 24 h. Needs a role of the flow's `recording.approvers`."""
    loaded, settings = load_policy(policy), load_config(config)
    if record is None and (since is None or until is None):
        raise ReplayError("say --since and --until: a word is for one session, and the replay must name the same times")
    what = asked(loaded, record, flow, principal, since, until)
    recording, key = recording_of(loaded, what.flow), settings.signatory()
    who = standing(loaded, key)
    if not who.roles & set(recording.approvers):
        raise ReplayError(f"{who.person} has none of the roles that may ({', '.join(recording.approvers) or 'none'})")
    jti = uuid.uuid4().hex
    lane = int(jti, 16) % loaded.lanes
    word = ReplayWord(
        cluster_id(settings), lane, what.flow, what.principal, what.record, what.since, what.until,
        "reveal" if reveal else "masked", for_, reason, jti, int(time.time()),
    )  # fmt: skip
    send(settings, b"replay/%d" % lane, sign_message(key, word), lane)
    say(f"panlock.decisions {lane} has it: {who.person} lets {for_} replay {what}{', revealed' if reveal else ''}")
