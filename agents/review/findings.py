"""Findings of the rules, each open until a person whom it is not about has acknowledged it."""

from collections import defaultdict
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from agents.review.rules import RULES, Rule
from agents.review.weaker import WEAKER, Policies, Row, weaker
from agents.search.engine import Connection
from pipeline.approval.requester import same_person
from pipeline.audit.events import EventType

_LETTERS = str.maketrans("0123456789", "ghjkmnpqrs")


class Acknowledged(NamedTuple):
    """`event`: where it is told, as `<log> <id>`."""

    person: str
    time: datetime
    reason: str
    event: str


class Finding(NamedTuple):
    """`id`: the same at every run; `events`: at most twenty places, as `<log> <id>`."""

    id: str
    rule: Rule
    time: datetime
    what: str
    events: tuple[str, ...]
    acknowledged: Acknowledged | None


def findings(connection: Connection, policies: Policies) -> list[Finding]:
    """Of the view `period`, the oldest first. `policies`: by the hashes that the audit names them by."""
    said = _acknowledged(connection)
    rows = [(rule, Row(*each)) for rule in RULES for each in connection.execute(rule.sql).fetchall()]
    rows += [(WEAKER, each) for each in weaker(connection, policies)]
    found = []
    for rule, row in rows:
        id_ = finding_id(rule.name, str(row.key))
        counts = [each for each in said[id_] if not any(same_person(each.person, one) for one in row.about or ())]
        found.append(Finding(id_, rule, row.time, row.what or "", tuple(row.events), counts[0] if counts else None))
    return sorted(found, key=lambda each: (each.time, each.id))


def finding_id(rule: str, key: str) -> str:
    """The rule, and 16 letters of a hash: digits might look like a card number where it is told."""
    digest = sha256(f"{rule}\n{key}".encode()).hexdigest()[:16]
    return f"{rule}-{digest.translate(_LETTERS)}"


def _acknowledged(connection: Connection) -> dict[str, list[Acknowledged]]:
    """By finding, the first word on it first."""
    sql = """SELECT event->>'$.resource.finding', person, "time", reason, log || ' ' || id FROM events
             WHERE type = ? ORDER BY "time", log, seq"""
    found = defaultdict[str, list[Acknowledged]](list)
    for finding, *rest in connection.execute(sql, [EventType.REVIEW_ACKNOWLEDGED.value]).fetchall():
        found[finding].append(Acknowledged(*rest))
    return found
