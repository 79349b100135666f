"""What somebody asks to replay, and whether they may: told here before anything is signed, sent or read."""

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from cli.config import Settings
from cli.decisions import send
from cli.hardware import HardwareKey
from cli.kafka import cluster_id
from cli.session.held import Session
from cli.standing import standing
from pipeline.approval.decision import sign_message
from pipeline.approval.keys import SigningKey
from pipeline.approval.replay import Replay
from pipeline.approval.requester import same_person
from pipeline.audit.events import timestamp
from pipeline.errors import PanlockError
from pipeline.policy import Policy
from pipeline.policy.kinds import milliseconds_of
from pipeline.policy.models import Recording
from pipeline.policy.topics import UnknownTopicError, owner_of
from pipeline.record import RecordId
from pipeline.replays import needed, roles_for

DAY = 86_400_000  # ms: how long a word of others holds, and a session that nobody has bounded

TIME = "as 2026-11-24T21:00:00Z, or so long ago, as 2h"
Since = Annotated[str | None, typer.Option(help=f"The first moment, {TIME}. Default: 24h.", metavar="TIME")]
Until = Annotated[str | None, typer.Option(help=f"The first moment behind it, {TIME}. Default: now.", metavar="TIME")]


class ReplayError(PanlockError):
    """Something that is not replayed."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One `record`, or what a principal wrote to a flow in [since, until) (ms)."""

    flow: str
    principal: str
    record: str
    since: int
    until: int

    def __str__(self) -> str:
        if self.record:
            return self.record
        return f"{self.principal} in {self.flow}, {shown(self.since)} to {shown(self.until)}"

    def covers(self, record: RecordId, principal: str, time_: int) -> bool:
        if self.record:
            return str(record) == self.record
        return principal == self.principal and self.since <= time_ < self.until


def asked(
    policy: Policy, record: str | None, flow: str | None, principal: str | None, since: str | None, until: str | None
) -> Asked:
    """Raises ReplayError, RecordIdError."""
    if record is not None:
        if flow or principal or since or until:
            raise ReplayError("a record says which flow and principal: leave the other options out")
        try:
            flow, principal = owner_of(policy, RecordId.parse(record).topic)
        except UnknownTopicError as error:
            raise ReplayError(str(error)) from None
        found = Asked(flow, principal, record, 0, 0)
    else:
        now = time.time_ns() // 1_000_000
        begin = now - DAY if since is None else moment(since, now)
        found = Asked(flow or "", principal or "", "", begin, now if until is None else moment(until, now))
        if not flow or not principal:
            raise ReplayError("say which session: --flow and --principal, and --since and --until")
        if found.until <= found.since:
            raise ReplayError("--until is not behind --since: nothing lies between")
    recording_of(policy, found.flow)
    if found.principal not in policy.flows[found.flow].producers:
        raise ReplayError(f"{found.principal!r} is no producer of flow {found.flow}")
    return found


def recording_of(policy: Policy, flow: str) -> Recording:
    """Raises ReplayError."""
    recorded = [name for name, each in policy.flows.items() if each.recorded]
    if flow not in recorded:
        raise ReplayError(f"no flow {flow!r} records: those that do are {', '.join(recorded) or 'none'}")
    return policy.flows[flow].recording


def moment(text: str, now: int) -> int:
    """In ms. Raises ReplayError."""
    ago = milliseconds_of(text)
    if ago is not None:
        return now - ago
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise ReplayError(f"{text!r} is no time: write it {TIME}") from None
    return round((read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp() * 1000)


def shown(ms: int) -> str:
    return timestamp(ms).decode()


def permitted(policy: Policy, key: SigningKey | HardwareKey | Session, mode: str) -> str:
    """The person. Raises ReplayError, UnknownKeyError."""
    who = standing(policy, key)
    for role in sorted(roles_for(mode) - who.roles):
        raise ReplayError(f"{who.person} has not the role {role}: ask somebody who has; nothing was shown")
    return who.person


def words(
    events: Sequence[Mapping[str, Any]], what: Asked, recording: Recording, person: str, mode: str
) -> dict[str, str]:
    """Who else lets them → the event's id. Raises ReplayError where the policy asks for more."""
    found: dict[str, str] = {}
    span = {"mode": mode, "since": shown(what.since), "until": shown(what.until), "replayer": person}
    for event in events:
        resource = event["resource"]
        named = (resource["flow"], resource["principal"], resource.get("record", ""))
        if event["recording"] == span and named == (what.flow, what.principal, what.record):
            speaker = event["actor"]["person"]
            if not same_person(speaker, person) and not any(same_person(speaker, other) for other in found):
                found[speaker] = event["id"]
    wanted = needed(recording)
    if len(found) < wanted:
        raise ReplayError(
            f"this takes the word of {wanted} with a role of {', '.join(recording.approvers)}, and {len(found)} have "
            f"given it in the last 24 h: `panlock recordings approve --for {person} …`, with the same times; "
            "nothing was shown"
        )
    return found


def tell(
    settings: Settings,
    policy: Policy,
    key: SigningKey | HardwareKey | Session,
    what: Asked,
    reason: str,
    *,
    mode: str,
    place: str,
    approved: Sequence[str],
) -> int:
    """Sign and send that it is about to be read; returns the lane, once every in-sync replica has it."""
    jti = uuid.uuid4().hex
    lane = int(jti, 16) % policy.lanes
    message = Replay(
        cluster_id(settings), lane, what.flow, what.principal, what.record, what.since, what.until, mode, place,
        " ".join(approved), reason, jti, int(time.time()),
    )  # fmt: skip
    send(settings, b"replay/%d" % lane, sign_message(key, message), lane)
    return lane
