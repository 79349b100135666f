"""`panlock recordings shred`: the KEK of a flow's month destroyed, told before it is done and after.

What is then unreadable is what was encrypted under it: card numbers in recordings. That the key service has really
destroyed the key, and all its copies, is for its own log to say: its answer is quoted, and nothing more is claimed.
"""

import re
import time
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from agents.keys.keks import kek, service_of
from cli.config import ConfigOption, DevelopmentOption, load_config, load_keys
from cli.decisions import send
from cli.kafka import cluster_id
from cli.output import JsonOption, print_json, say
from cli.recordings.asked import ReplayError
from cli.standing import standing
from pipeline.approval.decision import sign_message
from pipeline.approval.replay import Shred
from pipeline.approval.said import masked
from pipeline.keys.recording import kek_name
from pipeline.policy import load_policy
from pipeline.replays import SHREDDERS

MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


def shred(
    flow: Annotated[str, typer.Option(help="The flow, also one that has left the policy.")],
    month: Annotated[str, typer.Option(help="As 2026-11. A month that is over: workers make this one's key anew.")],
    policy: Annotated[Path, typer.Option(help="The policy in force.")],
    reason: Annotated[str, typer.Option(help="Why. Goes into the audit for good.")],
    config: ConfigOption = None,
    development: DevelopmentOption = False,
    as_json: JsonOption = False,
) -> None:
    """Destroy a key, so that no card number of that month's recordings can be read again. Not to be undone."""
    if not MONTH.fullmatch(month):
        raise ReplayError(f"{month!r} is no month: write it as 2026-11")
    loaded, settings, keys = load_policy(policy), load_config(config), load_keys(config)
    key = settings.signatory()
    who = standing(loaded, key)
    if SHREDDERS not in who.roles:
        raise ReplayError(f"{who.person} has not the role {SHREDDERS}: nothing was destroyed")
    service, name = service_of(keys), kek_name(flow, month)
    target = kek(keys, service, name, development)
    lane = uuid.uuid4().int % loaded.lanes
    intent = Shred(cluster_id(settings), lane, flow, month, "", reason, uuid.uuid4().hex, int(time.time()))
    send(settings, b"shred/%d" % lane, sign_message(key, intent), lane)
    say(f"panlock.decisions {lane} has it: {who.person} has {name} destroyed")
    answer = target.destroy()
    done = replace(intent, answer=masked(answer)[:400], jti=uuid.uuid4().hex, iat=int(time.time()))
    send(settings, b"shred/%d" % lane, sign_message(key, done), lane)
    if as_json:
        print_json({"kek": name, "service": service, "answer": answer, "lane": lane})
    else:
        say(f"the key service answers: {answer}")
