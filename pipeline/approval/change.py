"""What `panlock.policy` holds: proposals of a bundle, approvals, denials, and the word that puts it in force.

A record is a JSON object; `message` is signed (pipeline.approval.envelope), and a proposal comes with its bundle. What
workers witness (pipeline.approval.witness) lies between them:

    {"v":1,"message":"<JWS>","bundle":{"policy":"<base64>","files":{"ca.pem":"<base64>"}}}
    {"v":1,"message":"<JWS>"}

    payload {"v":1,"policy":{"act":"propose"|"approve"|"deny"|"apply","cluster":"<id>","bundle":"<hash>",
             "version":2,"previous":"<hash of the bundle in force, 64 zeros before the first>","reason":"...",
             "jti":"...","iat":<seconds since 1970>}}
"""

import re
from dataclasses import dataclass, field, fields
from typing import Literal

import orjson

from pipeline.approval.envelope import MAX_BYTES, Signatory, seal, unseal
from pipeline.approval.id_token import Observed, Session
from pipeline.approval.keys import SigningKey
from pipeline.approval.said import MAX_CHARACTERS, masked, printable
from pipeline.errors import PanlockError
from pipeline.policy.bundle import Bundle
from pipeline.policy.models import Policy
from pipeline.record import Refusal

NO_PREVIOUS = "0" * 64
Act = Literal["propose", "approve", "deny", "apply"]
_HASH = re.compile(r"[0-9a-f]{64}")
_NOT_SIGNED = ("person", "key", "session")
_JTI = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9_-]{1,64}")


class ChangeError(PanlockError):
    """A word on a policy that cannot be signed as it is."""


@dataclass(frozen=True, slots=True)
class Change:
    """`bundle`: its hash; `previous`: hash of the one in force; `iat` in seconds.

    `person` is whoever signed it, with the `key` of that thumbprint, or under a `session`: read, not signed.
    """

    act: Act
    cluster: str
    bundle: str
    version: int
    previous: str
    reason: str
    jti: str
    iat: int
    person: str = ""
    key: str = field(default="", compare=False)
    session: Session | None = None


def sign_change(key: SigningKey | Signatory, change: Change) -> bytes:
    """Raises ChangeError."""
    if not printable(change.reason):
        raise ChangeError(f"a change needs a reason: one line of 1 to {MAX_CHARACTERS} printable characters")
    if masked(change.reason) != change.reason:
        raise ChangeError("the reason holds a card number: say it without; nothing was signed")
    payload = {each.name: getattr(change, each.name) for each in fields(change) if each.name not in _NOT_SIGNED}
    body: dict[str, object] = {"v": 1, "policy": payload}
    raw, most = (seal(key, body), MAX_BYTES) if isinstance(key, SigningKey) else (key.seal(body), key.most)
    if len(raw) > most:
        raise ChangeError(f"the message has {len(raw)} bytes, at most {most} fit: shorten the reason")
    return raw


def encode(raw: bytes, bundle: Bundle | None = None) -> bytes:
    """The record's value of a signed message."""
    value: dict[str, object] = {"v": 1, "message": raw.decode()}
    return orjson.dumps(value if bundle is None else {**value, "bundle": bundle.json()})


def record_key(change: Change) -> bytes:
    """For people who look into the topic; readers go by the message alone."""
    return f"{change.act}/{change.bundle}/{change.jti}".encode()


def decode(value: bytes | None) -> tuple[bytes, object] | None:
    """(signed message, bundle as JSON) of a record; None where it is none."""
    try:
        body = orjson.loads(value or b"")
        if body.pop("v") != 1 or not set(body) <= {"message", "bundle"}:
            return None
        return str(body["message"]).encode(), body.get("bundle")
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def read_change(raw: bytes, policy: Policy, observed: Observed | None = None, received: int = 0) -> Change | Refusal:
    """A signed message, by somebody whom `policy` or one of its issuers knows. Never raises, whatever the bytes.

    `observed`: the issuers' keys; `received`: the message's broker time in ms.
    """
    opened = unseal(raw, policy, observed, received)
    if isinstance(opened, Refusal):
        return opened
    payload = opened.payload
    body = payload.get("policy")
    wanted = {each.name: int if each.type is int else str for each in fields(Change) if each.name not in _NOT_SIGNED}
    if len(payload) != 1 or not isinstance(body, dict) or set(body) != set(wanted):
        return Refusal.BAD_SIGNATURE
    if any(type(body[name]) is not kind for name, kind in wanted.items()):
        return Refusal.BAD_SIGNATURE
    change = Change(**body, person=opened.person, key=opened.key, session=opened.session)
    return change if _sound(change) else Refusal.BAD_SIGNATURE


def _sound(change: Change) -> bool:
    """Whether an event can hold it. A card number in the reason would be in the message's own bytes, too."""
    return bool(
        change.act in ("propose", "approve", "deny", "apply")
        and _HASH.fullmatch(change.bundle)
        and _HASH.fullmatch(change.previous)
        and _JTI.fullmatch(change.jti)
        and len(change.cluster) <= MAX_CHARACTERS
        and change.cluster.isprintable()
        and 0 < change.version < 2**53
        and 0 <= change.iat < 2**53
        and printable(change.reason)
        and masked(change.reason) == change.reason
    )
