"""/metrics of broker-audit, for Prometheus: docs/operations.md names the alarms. Nodes as `1/broker`, no principal."""

import time
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from agents.broker_audit.process import BrokerAudit


class BrokerAuditMetrics(Collector):
    """Asked at each scrape; counted since the process's start."""

    def __init__(self, audit: BrokerAudit) -> None:
        self._audit = audit

    def collect(self) -> Iterator[Metric]:
        audit = self._audit
        yield GaugeMetricFamily("panlock_broker_audit_kafka", "1 while Kafka answers", float(audit.alive))
        yield CounterMetricFamily("panlock_broker_audit_reports", "Reports that were read", audit.reports)
        events = CounterMetricFamily("panlock_broker_audit_events", "Events in the own log", labels=["type"])
        for type_, count in audit.published.items():
            events.add_metric([type_.value], count)
        yield events
        yield from self._nodes()

    def _nodes(self) -> Iterator[Metric]:
        behind = GaugeMetricFamily(
            "panlock_broker_audit_behind_seconds", "Since its last report's end", labels=["node"]
        )
        silent = GaugeMetricFamily("panlock_broker_audit_silent", "1: its reports do not come", labels=["node"])
        now, auditor = time.time(), self._audit.auditor
        quiet = auditor.silent
        for name, node in auditor.nodes.items():
            if not node.last:
                behind.add_metric([name], now - node.to / 1000)
        for name in sorted({*auditor.nodes, *quiet}):
            silent.add_metric([name], float(name in quiet))
        yield from (behind, silent)
