"""What becomes of reports, one after the other: events, and alarms where a node stopped, lagged or left something out.

    a new start of a node          access.started, and access.gap where its former start did not say goodbye
    a number that is missing       access.gap
    a report that came late        access.late, once until they come in time again
    no report of a node            access.silent, once until one comes
    what is no report of a node    access.refused
    each report                    access.read, .write, .denied, .administered, .replicated; then access.covered

Pure. All that it knows is in its own log: `remember` reads it back, so that a restart tells nothing twice.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.audit.access.events import Told, covered, span, told_of
from pipeline.audit.access.report import Refusal, Report, ReportError
from pipeline.audit.access.rules import Rules
from pipeline.audit.events import EventType

GRACE = 10_000  # ms that a report may be late, or missing, beyond its window
WINDOWS = 2  # windows without a report, beside the grace, after which a node is silent

Where = Mapping[str, str]  # where a report lies, as the events' `resource`


@dataclass(slots=True)
class Node:
    """The last that is known of one. Times in ms; `due`: the number of its next report; `window`: how long the last one
    was, of those that were of any length."""

    incarnation: str
    started: int
    due: int
    to: int
    window: int
    last: bool = False
    late: bool = False
    silent: bool = False


class Auditor:
    """Fed with reports in the order of their topic; `told` gathers the events that are due."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.nodes: dict[str, Node] = {}
        self.never: set[str] = set()  # brokers that never reported, of which that was told
        self.told: list[Told] = []

    @property
    def silent(self) -> set[str]:
        """Nodes whose reports do not come, and brokers that never reported."""
        return {source for source, node in self.nodes.items() if node.silent} | self.never

    def take(self, report: Report, where: Where, arrived: int) -> None:
        """`arrived`: when the broker took it, in ms."""
        node = self.nodes.get(report.source)
        if node is not None and report.incarnation == node.incarnation and report.seq < node.due:
            self.refuse(
                ReportError(Refusal.REPEATED, f"number {report.seq} of {report.source} came before"), where, arrived
            )
            return
        if node is not None and report.incarnation != node.incarnation and report.started <= node.started:
            self.refuse(ReportError(Refusal.STALE, f"{report.source} has started again since"), where, arrived)
            return
        before = self._missing(report, node)
        late = max(0, arrived - report.to)
        limit = _patience(node.window if node else 0, 1)
        is_late = late > limit
        if is_late and not (node is not None and node.late):
            fields = {"detail": f"{late} ms after its window had ended", **_of(report)}
            before.append(Told(EventType.ACCESS_LATE, arrived, fields))
        self.told += [*before, *told_of(report, self.rules)]
        self.told.append(covered(report, where, self.rules, late if is_late else 0))
        self._learn(report, is_late)

    def refuse(self, error: ReportError, where: Where, arrived: int) -> None:
        fields = {"reason": error.reason.value, "detail": str(error), "resource": dict(where)}
        self.told.append(Told(EventType.ACCESS_REFUSED, arrived, fields))

    def removed(self, position: int, start: int, now: int) -> None:
        """Retention, or somebody, has removed reports that nobody had read."""
        fields = {"reason": "removed", "detail": f"reports {position} to {start - 1} are gone, unread"}
        self.told.append(Told(EventType.ACCESS_GAP, now, fields))

    def look(self, now: int, brokers: Collection[int] = (), since: int = 0) -> None:
        """Once all there is has been read. `brokers`: of the cluster now; `since`: when the looking began."""
        here = {f"{broker}/broker" for broker in brokers}
        for source, node in self.nodes.items():
            gone = node.last and source not in here  # said goodbye, and is not there
            if not node.silent and not gone and now - node.to > _patience(node.window, WINDOWS):
                node.silent = True
                fields = {
                    "detail": "no report has come: what this node allows is not counted, or not reported",
                    "coverage": {"node": source, "incarnation": node.incarnation, **span(node.to, now)},
                }
                self.told.append(Told(EventType.ACCESS_SILENT, now, fields))
        logs = {f"{broker}/broker" for broker in brokers if f"{broker}/log" in self.nodes}
        for source in sorted(here - logs - self.nodes.keys() - self.never):
            if now - since > _patience(0, WINDOWS):
                self.never.add(source)
                detail = "this broker never reported: is panlock.authorizer.PanlockAuthorizer its authorizer?"
                self.told.append(Told(EventType.ACCESS_SILENT, now, {"detail": detail, "coverage": {"node": source}}))

    def remember(self, event: Mapping[str, Any]) -> None:
        """One event of the own log, in order."""
        type_, coverage = event["type"], event.get("coverage", {})
        source = coverage.get("node")
        if type_ == EventType.ACCESS_COVERED:
            known = self.nodes.get(source)
            start, end = _ms(coverage["from"]), _ms(coverage["to"])
            self.nodes[source] = Node(
                coverage["incarnation"],
                coverage["started"],
                coverage["seq"] + 1,
                end,
                end - start or (known.window if known else 0),
                coverage.get("last", False),
                "late_ms" in coverage,
            )
        elif type_ == EventType.ACCESS_SILENT and source in self.nodes:
            self.nodes[source].silent = True
        elif type_ == EventType.ACCESS_SILENT and source is not None:
            self.never.add(source)

    def _missing(self, report: Report, node: Node | None) -> list[Told]:
        told = []
        if node is None or report.incarnation != node.incarnation:
            told.append(Told(EventType.ACCESS_STARTED, report.started, _of(report)))
            if node is not None and not node.last:
                what = f"its former start {node.incarnation} ended without its last report"
                told.append(self._gap("ended", what, report, node.to, report.started))
            if report.seq > 0:
                what = f"the first {report.seq} reports of this start did not come"
                told.append(self._gap("missing", what, report, report.started, report.from_))
        elif report.seq > node.due:
            what = f"reports {node.due} to {report.seq - 1} of this start did not come"
            told.append(self._gap("missing", what, report, node.to, report.from_))
        return told

    def _gap(self, reason: str, what: str, report: Report, start: int, end: int) -> Told:
        coverage = {"node": report.source, "incarnation": report.incarnation, **span(start, max(start, end))}
        return Told(EventType.ACCESS_GAP, report.to, {"reason": reason, "detail": what, "coverage": coverage})

    def _learn(self, report: Report, late: bool) -> None:
        known = self.nodes.get(report.source)
        window = report.to - report.from_ or (known.window if known else 0)
        self.nodes[report.source] = Node(
            report.incarnation, report.started, report.seq + 1, report.to, window, report.last, late
        )
        self.never.discard(report.source)


def _of(report: Report) -> dict[str, Any]:
    return {"coverage": {"node": report.source, "incarnation": report.incarnation, **span(report.from_, report.to)}}


def _patience(window: int, windows: int) -> int:
    return GRACE + windows * window


def _ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)
