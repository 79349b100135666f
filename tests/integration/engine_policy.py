"""The deployment of the engine's tests: two lanes, one partition each, two producers, and holds of both kinds."""

from typing import Any

from tests.approving import Person
from tests.deployment import WorkerProcess

ANA, OPS, EVE = Person("ana"), Person("opal"), Person("eve")
CHECKOUT, REFUNDS = "quarantine.payments.checkout", "quarantine.payments.refunds"
CLEAN = "clean.payments"


def _rule(hold: str) -> str:
    return f"'has(record.hold) && record.hold == \"{hold}\"'"


POLICY = f"""
version: 1
lanes: 2
principals:
  checkout: {{spiffe: spiffe://pay.example/checkout}}
  refunds: {{spiffe: spiffe://pay.example/refunds}}
people:
  ana@pay.example: {{certificate: ana, roles: [approvers], keys: [{ANA.jwk}]}}
  eve@pay.example: {{certificate: eve, roles: [approvers], keys: [{EVE.jwk}]}}
  opal@pay.example: {{certificate: opal, roles: [operators], keys: [{OPS.jwk}]}}
flows:
  payments:
    producers: [checkout, refunds]
    partitions: 2
    fields:
      - {{path: $..number, class: pan, strategy: token}}
    hold:
      - {{id: short, when: {_rule("short")}, reason: a test, approvers: [approvers], expires: 4s}}
      - {{id: long, when: {_rule("long")}, reason: a test, approvers: [approvers], expires: 1h}}
"""
PLAIN, SHORT, LONG = b'{"n":1}', b'{"hold":"short"}', b'{"hold":"long"}'


def plain(partition: int, count: int) -> list[tuple[int, bytes | None, bytes | None]]:
    """So many records without a hold, each of another key."""
    return [(partition, b"key-%d" % number, PLAIN) for number in range(count)]


def open_lanes(worker: WorkerProcess) -> list[int]:
    """Lanes that it has open."""
    return [each["lane"] for each in worker.status()["lanes"] if each["state"] == "open"]


def lane(worker: WorkerProcess, number: int) -> dict[str, Any]:
    """A lane's status; empty where the worker does not have it."""
    return next((each for each in worker.status()["lanes"] if each["lane"] == number), {})
