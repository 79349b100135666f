"""/metrics of the sealer, for Prometheus: docs/operations.md names the alarms. Logs by their origin, no content."""

import time
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from agents.sealer.process import SealerProcess


class SealerMetrics(Collector):
    """Asked at each scrape."""

    def __init__(self, sealer: SealerProcess) -> None:
        self._sealer = sealer

    def collect(self) -> Iterator[Metric]:
        yield _gauge("kafka", "1 while Kafka answers", float(self._sealer.alive))
        yield from self._logs()
        now, outside = time.time(), self._sealer.outside
        manifested = self._sealer.manifested
        yield _gauge("manifest_age_seconds", "Since the last manifest", manifested and now - manifested)
        stamped = now - (outside.stamped or outside.began) if outside.stamps else None
        yield _gauge("timestamp_age_seconds", "Since the last time stamp, or the start", stamped)
        scanning = self._sealer.scanning
        yield CounterMetricFamily("panlock_sealer_scanned_events", "Looked at for card data", scanning.scanned)
        yield CounterMetricFamily("panlock_sealer_card_data_found", "Events that held some", scanning.found)
        yield from self._witnesses(now)

    def _logs(self) -> Iterator[Metric]:
        sealed = GaugeMetricFamily("panlock_sealer_sealed_events", "In the log's last checkpoint", labels=["log"])
        unsealed = GaugeMetricFamily("panlock_sealer_unsealed_events", "Read, and in no checkpoint", labels=["log"])
        seconds = GaugeMetricFamily("panlock_sealer_unsealed_seconds", "That the first of them waits", labels=["log"])
        refused = GaugeMetricFamily("panlock_sealer_refused", "1: sealed no further", labels=["log", "reason"])
        now = time.monotonic()
        for each in self._sealer.logs:
            log = [each.progress.origin]
            sealed.add_metric(log, each.published.tree.size)
            unsealed.add_metric(log, each.unsealed)
            seconds.add_metric(log, 0.0 if each.grown_at is None else now - each.grown_at)
            if each.refused is not None:
                refused.add_metric([*log, each.refused.reason.value], 1)
        yield from (sealed, unsealed, seconds, refused)

    def _witnesses(self, now: float) -> Iterator[Metric]:
        outside = self._sealer.outside
        age = GaugeMetricFamily("panlock_sealer_witness_age_seconds", "Since it answered", labels=["witness"])
        refused = GaugeMetricFamily("panlock_sealer_witness_refused", "1: two histories", labels=["witness", "log"])
        failures = CounterMetricFamily("panlock_sealer_failures", "Of witnesses, and of time stamps", labels=["who"])
        for name in outside.witnesses:
            age.add_metric([name], now - outside.answered.get(name, outside.began))
            failures.add_metric([name], outside.failures[name])
        for key in outside.refused:
            refused.add_metric(list(key), 1)
        if outside.stamps:
            failures.add_metric(["timestamp"], outside.failures["timestamp"])
        yield from (age, refused, failures)


def _gauge(name: str, what: str, value: float | None) -> Metric:
    """Without a sample where there is no value."""
    return GaugeMetricFamily(f"panlock_sealer_{name}", what, value=value)
