"""Just-in-time grants: for a while, records that match a condition need not wait under one hold rule.

Somebody proposes one, so many of the rule's approvers as the rule asks for approve it, any of them (or its author)
revokes it. Every lane is told by the same signed message, counts the votes, and counts the records that it lets pass.
Both payloads are in pipeline.approval.decision's envelope:

    {"v":1,"grant":{"cluster":"<id>","topic_id":"<UUID of panlock.decisions>","flow":"payments","rule":"large-refund",
     "rule_sha256":"<hex>","when":"record.amount < 9000.0","records":20,"until":<ms>,"reason":"...","jti":"...",
     "iat":<seconds since 1970>}}
    {"v":1,"grant_word":{"cluster":"<id>","topic_id":"<UUID>","grant":"<hex>","word":"approve"|"revoke","reason":"...",
     "jti":"...","iat":<seconds>}}

A grant's id is the SHA-256 of `panlock-grant-v1` and the canonical JSON of its terms, which are the first payload's
members. `rule_sha256` ties it to the rule as it was: of `panlock-grant-rule-v1` and the canonical JSON of
{"flow","format","rule"}, the rule with all its members.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

import orjson

from pipeline.approval.signed import Signed
from pipeline.audit import canonical
from pipeline.errors import PanlockError
from pipeline.policy.models import Flow, HoldRule

VERSION = 1
LONGEST_MS = 8 * 3_600_000  # from the broker's time of the proposal to the end
MOST_RECORDS = 100_000  # a lane
VOTE_BYTES = 1_400  # of JSON, at most: 254 characters of name in UTF-8, 64 of jti, an event's id
_TERMS, _RULE = b"panlock-grant-v1", b"panlock-grant-rule-v1"


class GrantError(PanlockError):
    """A grant that this version cannot read, or that was altered."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a grant allows: `records` a lane, written before `until` (ms, broker time); `iat` in seconds."""

    cluster: str
    topic_id: str
    flow: str
    rule: str
    rule_sha256: str
    when: str
    records: int
    until: int
    reason: str
    jti: str
    iat: int

    @property
    def id(self) -> str:
        return hashlib.sha256(_TERMS + canonical.encode(terms_of(self))).hexdigest()


@dataclass(frozen=True, slots=True)
class GrantProposal(Terms, Signed):
    """The terms as somebody proposes them."""


@dataclass(frozen=True, slots=True)
class GrantWord(Signed):
    """An approval of a grant, or its end; `grant`: its id, which covers all its terms."""

    cluster: str
    topic_id: str
    grant: str
    word: str
    reason: str
    jti: str
    iat: int


@dataclass(frozen=True, slots=True)
class GrantVote:
    """One approval; `time` is its broker time in ms, `event` the id of the event that holds it as it was signed."""

    person: str
    jti: str
    time: int
    event: str


@dataclass(frozen=True, slots=True)
class Grant:
    """A grant as a lane knows it. `proposed`, `opened` and `revoked` are ids of events; `used`: records let pass."""

    terms: Terms
    proposer: str
    proposed: str
    quorum: int
    approvers: tuple[str, ...]
    votes: tuple[GrantVote, ...] = ()
    opened: str | None = None
    revoked: str | None = None
    used: int = 0

    @property
    def people(self) -> list[str]:
        return [vote.person for vote in self.votes]

    def encode(self) -> bytes:
        terms = terms_of(self.terms)
        body = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "terms"}
        known = {name: value for name, value in body.items() if value is not None}
        return orjson.dumps({"v": VERSION, "grant": self.terms.id, "terms": terms, **known})

    def largest(self) -> int:
        """Bytes of its encoding once every vote has come."""
        return len(self.encode()) + self.quorum * VOTE_BYTES

    @classmethod
    def decode(cls, data: bytes) -> "Grant":
        """Raises GrantError."""
        try:
            body = orjson.loads(data)
            if body.pop("v") != VERSION:
                raise GrantError("a grant of another version: use a Panlock that knows it")
            named, grant = body.pop("grant"), _grant(body)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise GrantError(f"not a grant ({type(error).__name__}): panlock.pending was altered") from error
        if named != grant.terms.id:
            raise GrantError("its terms are not those of its id: panlock.pending was altered")
        return grant


def _grant(body: dict[str, Any]) -> Grant:
    body["terms"] = Terms(**body["terms"])
    body["approvers"] = tuple(body["approvers"])
    body["votes"] = tuple(GrantVote(**vote) for vote in body["votes"])
    return Grant(**body)


def terms_of(terms: Terms) -> dict[str, object]:
    """The terms' members alone, whatever else the object has."""
    return {each.name: getattr(terms, each.name) for each in fields(Terms)}


@lru_cache(maxsize=1024)
def rule_sha256(flow: str, format_: str, rule: HoldRule) -> str:
    """What a grant's terms call the rule by; any change of the rule makes it another."""
    told = canonical.encode({"flow": flow, "format": format_, "rule": rule.model_dump(mode="json")})
    return hashlib.sha256(_RULE + told).hexdigest()


def rule_named(flows: Mapping[str, Flow], terms: Terms) -> HoldRule | None:
    """The rule that the terms are for; None where the policy has it no longer, or has it otherwise."""
    flow = flows.get(terms.flow)
    for rule in () if flow is None else flow.hold:
        if rule.id == terms.rule and flow is not None:
            return rule if rule_sha256(terms.flow, flow.format, rule) == terms.rule_sha256 else None
    return None
