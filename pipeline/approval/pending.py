"""A held record, as the lane's state keeps it and `panlock.pending` shows it to approvers.

Layout (version 1): one JSON object in UTF-8, bytes in base64, times in milliseconds since 1970:

    {"v":1,"record":"quarantine.payments.refunds/3/17","topic_id":"<UUID>","flow":"payments","principal":"refunds",
     "rule":"large-refund","reason":"refunds over 5,000 need two people","quorum":2,"approvers":["payments-approvers"],
     "expires":1795507200000,"sha256":"<hex>","timestamp":1795492800000,"ordered":true,
     "key":"<base64>"|null,"value":"<base64>"|null,"headers":[["name","<base64>"|null],...],
     "masking":[...],"masking_more":{...}|null,"policy":"<hex>",
     "votes":[{"person":"ana@pay.example","reason":"...","jti":"...","time":1795493000000,"policy":"<hex>"}],
     "proof":{"certificate":"<hex>","content":"<hex>","envelope":"<base64>"}}

`proof` is there where the record was signed: what the event of its end will tell of it.

and, where the rule has them, `"requester":"ben@pay.example"` (empty: the record does not say who asked) and
`"device":true` (a sign-in by the device flow may decide); `glass` is the first of two break-glass signatures, if there
is one: {"person","reason","jti","time","event"}.

Key, value and headers are the whole MASKED record; `sha256` is its hash, recomputed before anyone signs it.
"""

from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Any

import orjson

from pipeline.errors import PanlockError
from pipeline.record import Headers

VERSION = 1
VOTE_BYTES = 4_096  # of JSON, at most: 500 characters of reason, 254 of name and 64 of jti, in UTF-8


@dataclass(frozen=True, slots=True)
class Broken:
    """The first of two break-glass signatures; `time` in ms, the broker's, `event` the one that holds it."""

    person: str
    reason: str
    jti: str
    time: int
    event: str


class PendingError(PanlockError):
    """A pending record that this version cannot read."""


@dataclass(frozen=True, slots=True)
class Vote:
    """One approval; `time` is its broker time in ms, `policy` the hash its signer named."""

    person: str
    reason: str
    jti: str
    time: int
    policy: str


@dataclass(frozen=True, slots=True)
class Pending:
    """A masked record that waits; `expires` and `timestamp` in ms, broker time. `approvers` are role names.

    `ordered`: later records of the same flow and key wait behind it. `masking`, `more`: canonical JSON, as in events.
    `policy`: hash of the policy under whose rule it is held.
    """

    record: str
    topic_id: str
    flow: str
    principal: str
    rule: str
    reason: str
    quorum: int
    approvers: tuple[str, ...]
    expires: int
    sha256: str
    timestamp: int
    ordered: bool
    key: bytes | None
    value: bytes | None
    headers: Headers
    masking: bytes
    more: bytes | None
    policy: str
    votes: tuple[Vote, ...]
    proof: bytes | None = None
    requester: str | None = None
    device: bool = False
    glass: Broken | None = None

    def encode(self) -> bytes:
        proof = {} if self.proof is None else {"proof": orjson.Fragment(self.proof)}
        return orjson.dumps(
            {
                "v": VERSION,
                "record": self.record,
                "topic_id": self.topic_id,
                "flow": self.flow,
                "principal": self.principal,
                "rule": self.rule,
                "reason": self.reason,
                "quorum": self.quorum,
                "approvers": self.approvers,
                "expires": self.expires,
                "sha256": self.sha256,
                "timestamp": self.timestamp,
                "ordered": self.ordered,
                "key": _text(self.key),
                "value": _text(self.value),
                "headers": [[name, _text(content)] for name, content in self.headers],
                "masking": orjson.Fragment(self.masking),
                "masking_more": None if self.more is None else orjson.Fragment(self.more),
                "policy": self.policy,
                "votes": self.votes,
                **proof,
                **({} if self.requester is None else {"requester": self.requester}),
                **({"device": True} if self.device else {}),
                **({} if self.glass is None else {"glass": self.glass}),
            }
        )

    def largest(self) -> int:
        """Bytes of its encoding once every vote has come: what must fit panlock.pending before it is held."""
        return len(self.encode()) + (self.quorum + 1) * VOTE_BYTES

    @classmethod
    def decode(cls, data: bytes) -> "Pending":
        """Raises PendingError."""
        try:
            body = orjson.loads(data)
            if body.pop("v") != VERSION:
                raise PendingError("a pending record of another version: use a Panlock that knows it")
            return _pending(body)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise PendingError(f"not a pending record ({type(error).__name__}): panlock.pending was altered") from error


def _pending(body: dict[str, Any]) -> Pending:
    """The key names are the field names, but `masking_more`."""
    more, proof, glass = body.pop("masking_more"), body.pop("proof", None), body.pop("glass", None)
    body.update(
        approvers=tuple(body["approvers"]),
        key=_bytes(body["key"]),
        value=_bytes(body["value"]),
        headers=tuple((str(name), _bytes(content)) for name, content in body["headers"]),
        masking=_canonical(body["masking"]),
        more=None if more is None else _canonical(more),
        votes=tuple(Vote(**vote) for vote in body["votes"]),
        proof=None if proof is None else _canonical(proof),
        glass=None if glass is None else Broken(**glass),
    )
    return Pending(**body)


def _canonical(evidence: object) -> bytes:
    return orjson.dumps(evidence, option=orjson.OPT_SORT_KEYS)


def _text(data: bytes | None) -> str | None:
    return None if data is None else b64encode(data).decode()


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else b64decode(text, validate=True)
