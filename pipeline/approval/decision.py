"""What `panlock.decisions` holds: decisions on held records, acknowledgements of a lane's alarm, reveals, and ticks.

All but ticks are signed (pipeline.approval.envelope); their payloads:

    {"v":1,"cluster":"<id>","topic_id":"<UUID>","record":"<record id>","sha256":"<hex of the masked record>",
     "policy":"<hex>","decision":"approve"|"deny","reason":"...","jti":"...","iat":<seconds since 1970>}
    {"v":1,"resume":{"cluster":"<id>","lane":3,"event":"3/41","reason":"...","jti":"...","iat":<seconds>}}
    {"v":1,"reveal":{"cluster":"<id>","lane":3,"flow":"payments","kind":"pan","sha256":"<hex of the encrypted value>",
     "reason":"...","jti":"...","iat":<seconds>}}
    {"v":1,"denial":{"cluster":"<id>","lane":3,"kind":"certificate"|"serial"|"principal"|"person"|"key","value":"...",
     "effect":"deny"|"allow","reason":"...","jti":"...","iat":<seconds>}}
    {"v":1,"acknowledgement":{"cluster":"<id>","lane":3,"finding":"rubber-stamp-…","reason":"...","jti":"...",
     "iat":<seconds>}}
    {"v":1,"grant":{...}} and {"v":1,"grant_word":{...}}: pipeline.approval.grant
    {"v":1,"replay":{...}}, {"v":1,"replay_word":{...}} and {"v":1,"shred":{...}}: pipeline.approval.replay
    {"v":1,"break_glass":{...}} and {"v":1,"glass_review":{...}}: pipeline.approval.glass

A tick is plain JSON, {"v":1,"tick":{"lane":3,"due":<ms>}}: it decides nothing, its broker time is all that counts.
"""

import re
from dataclasses import dataclass, fields
from typing import Literal, TypeVar

import orjson

from pipeline.approval.envelope import MAX_BYTES, Opened, Signatory, seal, unseal
from pipeline.approval.glass import GlassBreak, GlassReview
from pipeline.approval.grant import GrantProposal, GrantWord
from pipeline.approval.id_token import Observed
from pipeline.approval.keys import SigningKey
from pipeline.approval.replay import Replay, ReplayWord, Shred
from pipeline.approval.said import MAX_CHARACTERS, masked, printable
from pipeline.approval.signed import Signed
from pipeline.errors import PanlockError
from pipeline.policy.kinds import DENIED
from pipeline.policy.models import Policy
from pipeline.record import Refusal

MAX_TEXT = 400  # characters of any field but the reason: topic names have at most 249
MAX_CONDITION = 2_000
# What of a message goes into events and pending records is in a form that no card number has, or scanned for one.
_HASH = re.compile(r"[0-9a-f]{64}")
_FORMS = {
    "sha256": _HASH,
    "policy": _HASH,
    "rule_sha256": _HASH,
    "grant": _HASH,
    "approved": re.compile(r"([0-9]{1,4}/[0-9]{1,16}( [0-9]{1,4}/[0-9]{1,16})*)?"),
    "month": re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])"),
    "finding": re.compile(r"[a-z-]{3,60}"),
    "jti": re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9_-]{1,64}"),
}
_SCANNED = ("record", "when", "principal", "replayer", "answer")
_WORDS: dict[str, tuple[str, ...]] = {"decision": ("approve", "deny"), "word": ("approve", "revoke")}
_WORDS |= {"mode": ("masked", "reveal"), "place": ("terminal", "file", "topic")}
_NOT_SIGNED = {each.name for each in fields(Signed)}
_TICK = b'{"v":1,"tick":{'


class DecisionError(PanlockError):
    """A decision that cannot be signed as it is."""


@dataclass(frozen=True, slots=True)
class Decision(Signed):
    """`sha256`: hash of the masked record; `policy`: the one it is held under; `iat` in seconds."""

    cluster: str
    topic_id: str
    record: str
    sha256: str
    policy: str
    decision: Literal["approve", "deny"]
    reason: str
    jti: str
    iat: int


@dataclass(frozen=True, slots=True)
class Resume(Signed):
    """An operator takes note of an alarm: `event` is its id; `iat` in seconds."""

    cluster: str
    lane: int
    event: str
    reason: str
    jti: str
    iat: int


@dataclass(frozen=True, slots=True)
class Reveal(Signed):
    """Someone is about to read an encrypted value: `kind` is its class, `sha256` that of its text `enc_...`."""

    cluster: str
    lane: int
    flow: str
    kind: str
    sha256: str
    reason: str
    jti: str
    iat: int


@dataclass(frozen=True, slots=True)
class Denial(Signed):
    """A producer's certificate (x5t#S256 in hex), its serial (hex) or its principal, a person, or the key that somebody
    signs with (its thumbprint) is refused, or no longer."""

    cluster: str
    lane: int
    kind: str
    value: str
    effect: str
    reason: str
    jti: str
    iat: int


@dataclass(frozen=True, slots=True)
class Acknowledgement(Signed):
    """Someone has looked at a `finding` of the audit's review (agents.review): its id."""

    cluster: str
    lane: int
    finding: str
    reason: str
    jti: str
    iat: int


@dataclass(frozen=True, slots=True)
class Tick:
    """A lane asks for the broker's time; `due` in ms by the worker's clock."""

    lane: int
    due: int

    def encode(self) -> bytes:
        return b'%b"lane":%d,"due":%d}}' % (_TICK, self.lane, self.due)


Said = (
    Decision
    | Resume
    | Reveal
    | Denial
    | Acknowledgement
    | GrantProposal
    | GrantWord
    | GlassBreak
    | GlassReview
    | Replay
    | ReplayWord
    | Shred
)
Message = TypeVar("Message", bound=Said)
# The one member of the payload beside `v`, and what it holds. A decision's payload is the decision itself.
_KINDS: dict[str, type[Said]] = {
    "resume": Resume,
    "reveal": Reveal,
    "denial": Denial,
    "acknowledgement": Acknowledgement,
    "grant": GrantProposal,
    "grant_word": GrantWord,
    "break_glass": GlassBreak,
    "glass_review": GlassReview,
    "replay": Replay,
    "replay_word": ReplayWord,
    "shred": Shred,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def sign_message(key: SigningKey | Signatory, message: Said) -> bytes:
    """Raises DecisionError."""
    payload = _fields_of(message)
    if masked(condition := str(payload.get("when", ""))) != condition:
        raise DecisionError("the condition holds a card number: say it by a token; nothing was signed")
    reason = str(payload["reason"])
    if not printable(reason):
        raise DecisionError(f"a decision needs a reason: one line of 1 to {MAX_CHARACTERS} printable characters")
    if masked(reason) != reason:
        raise DecisionError("the reason holds a card number: say it without; nothing was signed")
    name = _NAMES.get(type(message))
    body = {"v": 1, **payload} if name is None else {"v": 1, name: payload}
    raw, most = (seal(key, body), MAX_BYTES) if isinstance(key, SigningKey) else (key.seal(body), key.most)
    if len(raw) > most:
        raise DecisionError(f"the decision has {len(raw)} bytes, at most {most} fit: shorten the reason")
    return raw


def _fields_of(message: Said) -> dict[str, object]:
    return {each.name: getattr(message, each.name) for each in fields(message) if each.name not in _NOT_SIGNED}


def read_message(
    raw: bytes, policy: Policy, observed: Observed | None = None, received: int = 0
) -> Said | Tick | Refusal:
    """Anything of `panlock.decisions`. Never raises, whatever the bytes: they come from anyone who may write there.

    `observed`: the issuers' keys; `received`: the message's broker time in ms.
    """
    if raw.startswith(_TICK):
        return _read_tick(raw)
    opened = unseal(raw, policy, observed, received)
    if isinstance(opened, Refusal):
        return opened
    name, body = next(iter(opened.payload.items()), ("", None))
    if len(opened.payload) == 1 and name in _KINDS and isinstance(body, dict):
        return _build(_KINDS[name], body, opened, raw, received)
    return _build(Decision, opened.payload, opened, raw, received)


def read_decision(
    raw: bytes, policy: Policy, observed: Observed | None = None, received: int = 0
) -> Decision | Refusal:
    """A decision and nothing else; never raises."""
    message = read_message(raw, policy, observed, received)
    return message if isinstance(message, Decision | Refusal) else Refusal.BAD_SIGNATURE


def _read_tick(raw: bytes) -> Tick | Refusal:
    try:
        tick = orjson.loads(raw)["tick"]
        lane, due = tick["lane"], tick["due"]
    except (ValueError, TypeError, KeyError):
        return Refusal.BAD_SIGNATURE
    return Tick(lane, due) if type(lane) is int and type(due) is int else Refusal.BAD_SIGNATURE


def _build(
    kind: type[Message], payload: dict[str, object], opened: Opened, raw: bytes, received: int
) -> Message | Refusal:
    """Exactly the payload's fields, of their types and within bounds; anything else was not written by Panlock."""
    wanted = {each.name: int if each.type is int else str for each in fields(kind) if each.name not in _NOT_SIGNED}
    if set(payload) != set(wanted) or any(type(payload[name]) is not type_ for name, type_ in wanted.items()):
        return Refusal.BAD_SIGNATURE
    if any(payload.get(name, words[0]) not in words for name, words in _WORDS.items()):
        return Refusal.BAD_SIGNATURE
    if not printable(str(payload["reason"])):
        return Refusal.BAD_SIGNATURE
    if not all(_bounded(name, value) for name, value in payload.items() if name != "reason"):
        return Refusal.BAD_SIGNATURE
    by = {"person": opened.person, "key": opened.key, "session": opened.session}
    message = kind(**payload, **by, signed=raw.decode(), received=received)  # type: ignore[arg-type]
    if isinstance(message, Denial) and not is_denial(message):
        return Refusal.BAD_SIGNATURE
    if masked(message.reason) != message.reason:
        return Refusal.BAD_SIGNATURE  # the audit keeps the message as it was signed
    return message


def is_denial(denial: Denial) -> bool:
    """Whether kind, value and effect are such as a lane takes."""
    form = DENIED.get(denial.kind)
    if form is None or not form.fullmatch(denial.value) or denial.effect not in ("deny", "allow"):
        return False
    return denial.kind != "person" or (denial.value.isprintable() and masked(denial.value) == denial.value)


def _bounded(name: str, value: object) -> bool:
    """Whether an event and a pending record can hold it."""
    if isinstance(value, int):
        return 0 <= value < 2**53
    text = str(value)
    most = MAX_CONDITION if name == "when" else MAX_TEXT
    if len(text) > most or not text.isprintable() or (name in _FORMS and not _FORMS[name].fullmatch(text)):
        return False
    return name not in _SCANNED or masked(text) == text
