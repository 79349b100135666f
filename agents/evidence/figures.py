"""The report's figures: what is asked of the view `period`, and how it is drawn."""

# ruff: noqa: E501  # texts, and questions that are constants

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from markupsafe import Markup

from agents.evidence.plots import Bar, across, stacked
from agents.search.engine import Connection

OUTCOMES = ("released", "held", "rejected")
BARS = 60  # of a plot over time, at most
SHOWN = 12  # rows of a plot across
_STEPS = (60, 300, 900, 3_600, 21_600, 86_400, 604_800, 2_592_000)  # seconds
_SPANS = ((10, "under 10 s"), (60, "10 s to 1 min"), (600, "1 to 10 min"), (3_600, "10 min to 1 h"), (14_400, "1 to 4 h"),
          (86_400, "4 to 24 h"), (float("inf"), "over 24 h"))  # fmt: skip
_LEFT = ((0, "expired"), (7, "up to 7 d"), (30, "8 to 30 d"), (90, "31 to 90 d"), (365, "91 to 365 d"),
         (float("inf"), "over 365 d"))  # fmt: skip


class Figure(NamedTuple):
    """`drawing` None: there is nothing to draw, and `note` says why."""

    title: str
    note: str
    drawing: Markup | None
    legend: Sequence[tuple[int, str]] = ()  # a series' colour, and its name


def figures(connection: Connection, until: datetime) -> list[Figure]:
    return [
        _outcomes(connection),
        _found(connection),
        _approvals(connection),
        _waiting(connection),
        _denied(connection),
        _certificates(connection, until),
    ]


def _outcomes(connection: Connection) -> Figure:
    title = "Outcomes over time"
    first, last = connection.execute(
        "SELECT min(\"time\"), max(\"time\") FROM period WHERE type LIKE 'record.%'"
    ).fetchone()  # fmt: skip
    if first is None:
        return Figure(title, "No record ended in this time.", None)
    span = (last - first).total_seconds()
    step = next((each for each in _STEPS if span / each < BARS), _STEPS[-1])
    rows = connection.execute(
        f'SELECT time_bucket(INTERVAL {step} SECOND, "time") AS at, outcome, count(*) FROM period '  # noqa: S608
        "WHERE type LIKE 'record.%' GROUP BY ALL ORDER BY 1"
    ).fetchall()
    bars = defaultdict[datetime, dict[str, float]](dict)
    for at, outcome, count in rows:
        bars[at][outcome] = count
    form = "%d %b" if step >= 86_400 else "%d %b %H:%M" if span > 86_400 else "%H:%M"
    per = {60: "minute", 300: "5 minutes", 900: "15 minutes", 3_600: "hour", 21_600: "6 hours", 86_400: "day"}
    ordered = [Bar(f"{at:{form}}", values) for at, values in _filled(bars, step)]
    name = per.get(step, f"{step // 86_400} days")
    return Figure(
        title, "By the time of the event, UTC. A record that was held ends a second time, released or rejected.",
        stacked(f"records per {name}", ordered, OUTCOMES), tuple(enumerate(OUTCOMES)),
    )  # fmt: skip


def _filled(bars: dict[datetime, dict[str, float]], step: int) -> list[tuple[datetime, dict[str, float]]]:
    """Times in which nothing happened, too."""
    at, last, found = min(bars), max(bars), list[tuple[datetime, dict[str, float]]]()
    while at <= last and len(found) <= 2 * BARS:
        found.append((at, bars.get(at, {})))
        at += timedelta(seconds=step)
    return found


def _found(connection: Connection) -> Figure:
    title = "Findings by class"
    rows = connection.execute(
        "SELECT \"class\" || coalesce(', ' || strategy, '') || ' in ' || coalesce(flow, '?'), sum(places)::BIGINT FROM "
        "period_findings GROUP BY 1 ORDER BY 2 DESC"
    ).fetchall()
    if not rows:
        return Figure(title, "Nothing was masked in this time.", None)
    return Figure(title, "Class, strategy and flow of every place that was masked.", across("places", rows[:SHOWN]))


def _approvals(connection: Connection) -> Figure:
    title = "Approvals, and how long they took"
    rows = connection.execute(
        'SELECT d.decision, epoch(d."time" - h."time") FROM period d JOIN (SELECT record, min("time") AS "time" FROM '
        "events WHERE type = 'record.held' GROUP BY 1) h USING (record) WHERE d.type = 'decision.accepted'"
    ).fetchall()
    if not rows:
        return Figure(title, "Nobody decided on a held record in this time.", None)
    series = ("approve", "", "deny")  # the colours of released and rejected
    median = sorted(seconds for _, seconds in rows)[len(rows) // 2]
    note = f"From the hold to each decision that counted; half took less than {_spelt(median)}."
    return Figure(title, note, stacked("decisions", _binned(rows, _SPANS), series), ((0, "approve"), (2, "deny")))


def _waiting(connection: Connection) -> Figure:
    title = "Time in quarantine of held records"
    rows = connection.execute(
        'SELECT e.outcome, epoch(e."time" - h."time") FROM period e JOIN (SELECT record, min("time") AS "time" FROM '
        "events WHERE type = 'record.held' GROUP BY 1) h USING (record) WHERE e.type IN ('record.released', 'record.rejected')"
    ).fetchall()
    if not rows:
        return Figure(title, "No held record ended in this time.", None)
    note = "From the hold to the end. Records that were not held pass in milliseconds: the workers' metrics have those."
    return Figure(title, note, stacked("records", _binned(rows, _SPANS), OUTCOMES), ((0, "released"), (2, "rejected")))


def _denied(connection: Connection) -> Figure:
    title = "Denied accesses"
    rows = connection.execute(
        "SELECT coalesce(principal, event->>'$.actor.principal', '?') || coalesce(' ' || (event->>'$.access.operation'), '') || "
        "coalesce(' ' || topic, ''), sum(coalesce((event->>'$.access.count')::BIGINT, 1))::BIGINT FROM period WHERE "
        "type = 'access.denied' GROUP BY 1 ORDER BY 2 DESC"
    ).fetchall()
    if not rows:
        (told,) = connection.execute("SELECT count(*) FROM period WHERE type LIKE 'access.%'").fetchone()
        note = (
            "None was told in this time."
            if told
            else "Nobody tells: there are no events of `panlock broker-audit` in this time, so this is no sign of none."
        )
        return Figure(title, note, None)
    return Figure(title, "What the brokers refused, by principal.", across("denials", rows[:SHOWN]))


def _certificates(connection: Connection, until: datetime) -> Figure:
    title = "Certificates: how long they are still valid"
    rows = connection.execute(
        "SELECT DISTINCT event->>'$.certificate.serial', (event->>'$.certificate.to')::TIMESTAMP FROM events WHERE "
        "type = 'certificate.seen'"
    ).fetchall()
    if not rows:
        return Figure(title, "No producer signs: no certificate is known here. Brokers know those of mTLS.", None)
    ages = [("certificates", (to - until.replace(tzinfo=None)).total_seconds() / 86_400) for _, to in rows]
    note = "Of producers that sign, at the end of this time; each as lanes saw it first."
    return Figure(title, note, stacked("certificates", _binned(ages, _LEFT), ("certificates",)))


def _binned(rows: Sequence[tuple[str, float]], spans: Sequence[tuple[float, str]]) -> list[Bar]:
    bins: dict[str, dict[str, float]] = {name: {} for _, name in spans}
    for kind, value in rows:
        name = next(name for most, name in spans if value < most or most == float("inf"))
        bins[name][kind] = bins[name].get(kind, 0) + 1
    return [Bar(name, values) for name, values in bins.items()]


def _spelt(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"
