"""The events of one report, in a fixed order: the same report gives the same ones again."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from pipeline.audit.access.report import Access, Report
from pipeline.audit.access.rules import Rules
from pipeline.audit.events import EventType, timestamp
from pipeline.masking.scan import scan

Fields = Mapping[str, Any]

_ADMINISTRATION = ("CREATE", "DELETE", "ALTER", "ALTER_CONFIGS")


class Told(NamedTuple):
    """`time` in ms: of the node's clock, for what a node told."""

    type: EventType
    time: int
    fields: Fields


def span(start: int, end: int) -> dict[str, str]:
    return {"from": timestamp(start).decode(), "to": timestamp(end).decode()}


def told_of(report: Report, rules: Rules) -> Iterator[Told]:
    """One for each principal, host, resource and operation, of topics of the policy; of what was denied, all."""
    for access in sorted(report.counts):
        type_ = _type(access, rules)
        if type_ is not None and not rules.is_reporting(access):
            yield Told(type_, report.to, _fields(report, access, type_, rules))


def outside(report: Report, rules: Rules) -> int:
    """Accesses to topics that are none of the policy's: they have no events."""
    return sum(each.times for each in report.counts if each.allowed and _type(each, rules) is None)


def _type(access: Access, rules: Rules) -> EventType | None:
    if not access.allowed:
        return EventType.ACCESS_DENIED
    if access.kind == "TOPIC" and access.name not in rules.kinds:
        return None
    if access.operation == "CLUSTER_ACTION":
        return EventType.ACCESS_REPLICATED
    if access.operation in _ADMINISTRATION:
        return EventType.ACCESS_ADMINISTERED
    return {"READ": EventType.ACCESS_READ, "WRITE": EventType.ACCESS_WRITE}.get(access.operation)


def _fields(report: Report, access: Access, type_: EventType, rules: Rules) -> Fields:
    kind = rules.kinds.get(access.name) if access.kind == "TOPIC" else None
    resource = {access.kind.lower(): _safe(access.name)} | ({} if kind is None else {"holds": kind})
    judged = type_ in (EventType.ACCESS_READ, EventType.ACCESS_WRITE)
    return {
        "actor": {"principal": _safe(access.principal.removeprefix("User:")), "host": access.host},
        "outcome": "allowed" if access.allowed else "denied",
        "resource": resource,
        "access": {
            "node": report.source,
            "operation": access.operation,
            "request": access.request,
            "count": access.times,
            **span(report.from_, report.to),
        },
        "finding": rules.finding(access) if judged else None,
    }


def _safe(name: str) -> str:
    """A client may ask for a topic of any name; the audit must not keep a card number because somebody asked for it."""
    return "(sensitive)" if orjson.loads(scan(orjson.dumps(name)))["findings"] else name


def covered(report: Report, where: Mapping[str, str], rules: Rules, late: int) -> Told:
    """That a report was taken, with what is not among the events: by it the log says what time it covers."""
    sums = {True: 0, False: 0}
    for access in report.counts:
        sums[access.allowed] += access.times
    coverage = {
        "node": report.source,
        "incarnation": report.incarnation,
        "started": report.started,
        "seq": report.seq,
        "allowed": sums[True],
        "denied": sums[False],
        "outside": outside(report, rules),
        **_some(beyond=report.beyond.model_dump(), last=report.last, late_ms=late),
        **span(report.from_, report.to),
    }
    return Told(EventType.ACCESS_COVERED, report.to, {"resource": dict(where), "coverage": coverage})


def _some(**members: Any) -> dict[str, Any]:
    """Those that say something: of a mapping, its members that are not 0."""
    found = {k: {n: c for n, c in v.items() if c} if isinstance(v, dict) else v for k, v in members.items()}
    return {name: value for name, value in found.items() if value}
