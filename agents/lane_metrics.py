"""What a worker's lanes are doing, as gauges."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from faust.types import TP
from prometheus_client.core import GaugeMetricFamily, Metric

from agents.lag import lag
from agents.lane import Lane
from pipeline.policy.models import Policy

if TYPE_CHECKING:
    from agents.app import Worker


def _gauge(name: str, what: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"panlock_{name}", what, labels=labels)


class LaneMetrics:
    """Takes one lane after another."""

    def __init__(self) -> None:
        self._open = _gauge("lane_open", "1: it commits what comes", "lane")
        self._closed = _gauge("lane_closed", "1, and why", "lane", "reason")
        self._restore = _gauge("lane_restore_remaining_records", "Of panlock.state, until it may open", "lane")
        self._glass = _gauge("break_glass_unreviewed", "Releases by break-glass that nobody has reviewed", "lane")
        self._records = _gauge("inbox_records", "Fetched, and in no transaction yet", "lane")
        self._bytes = _gauge("inbox_bytes", "Of them", "lane")
        self._lag = _gauge("lag_records", "In front of the lane", "lane", "topic", "partition")
        self._behind = _gauge("lag_seconds", "From the last decided record until now", "lane", "topic", "partition")
        self._waiting: Counter[tuple[str, str | None]] = Counter()
        self._oldest: dict[tuple[str, str], int] = {}

    def add(self, worker: "Worker", lane: Lane, ends: Mapping[TP, int]) -> None:
        number = [str(lane.number)]
        self._open.add_metric(number, float(lane.closed is None))
        if lane.closed is not None:
            self._closed.add_metric([*number, lane.closed.value], 1)
        self._restore.add_metric(number, lane.restoring.end - lane.restoring.position)
        self._glass.add_metric(number, len(lane.glass()))
        self._records.add_metric(number, lane.record_inbox.records + lane.decision_inbox.records)
        self._bytes.add_metric(number, lane.record_inbox.size + lane.decision_inbox.size)
        for tp in sorted(lane.inputs):
            found, labels = lag(worker, lane, tp, ends), [*number, tp.topic, str(tp.partition)]
            if found.records is not None:
                self._lag.add_metric(labels, found.records)
            if found.seconds is not None:
                self._behind.add_metric(labels, found.seconds)
        for flow, rule, records, oldest in lane.census():
            self._waiting[flow, rule] += records
            if rule is not None and oldest is not None:
                self._oldest[flow, rule] = min(oldest, self._oldest.get((flow, rule), oldest))

    def families(self, policy: Policy) -> Iterator[Metric]:
        yield from (self._open, self._closed, self._restore, self._glass, self._records, self._bytes)
        yield from (self._lag, self._behind)
        rules = [(name, rule.id) for name, flow in policy.flows.items() for rule in flow.hold]
        pending = _gauge("pending_records", "Held, until people decide", "flow", "rule")
        oldest = _gauge("pending_oldest_seconds", "That the oldest of them waits", "flow", "rule")
        queued = _gauge("queued_records", "Waiting behind a held one of their key", "flow")
        now = time.time()
        for flow, rule in sorted({*rules, *self._oldest}):
            pending.add_metric([flow, rule], self._waiting[flow, rule])
            since = self._oldest.get((flow, rule))
            oldest.add_metric([flow, rule], 0.0 if since is None else max(0.0, now - since / 1000))
        for name in sorted({*policy.flows, *(flow for flow, rule in self._waiting if rule is None)}):
            queued.add_metric([name], self._waiting[name, None])
        yield from (pending, oldest, queued)
