"""/healthz, /readyz and /metrics of an exporter that goes on: what it has exported, and what it has not."""

import time
from collections.abc import Iterator
from pathlib import Path

from aiohttp import web
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from agents import pages
from agents.config import Web
from agents.export import Export

LATE = 60.0  # seconds without success, after which it is not ready


class ExportMetrics(Collector):
    """Asked at each scrape. A `log` is its origin without the cluster."""

    def __init__(self, exporting: Export) -> None:
        self.exporting = exporting

    def collect(self) -> Iterator[Metric]:
        now, each = time.time(), self.exporting
        exported = _by_log("panlock_export_events", "Events of the log in the export.")
        waiting = _by_log("panlock_export_unexported_events", "Events that are sealed and not in the export.")
        seconds = _by_log("panlock_export_unexported_seconds", "For how long the first of them has waited.")
        for name in sorted({*each.exported, *each.sealed}):
            log, size = name.partition("/")[2], each.exported.get(name, 0)
            exported.add_metric([log], size)
            waiting.add_metric([log], max(0, each.sealed.get(name, 0) - size))
            seconds.add_metric([log], now - each.waiting.get(name, now))
        yield from (exported, waiting, seconds)
        what = "When everything that was sealed was last in the export; 0: never since it was started."
        yield GaugeMetricFamily("panlock_export_last_success_timestamp_seconds", what, each.succeeded or 0)


def _by_log(name: str, what: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, what, labels=["log"])


async def serve(exporting: Export, where: Web, store: Path | None) -> web.AppRunner:
    """Clean it up at the end."""

    def readyz() -> tuple[int, pages.Body]:
        since = None if exporting.succeeded is None else time.time() - exporting.succeeded
        return pages.ready(since is not None and since < LATE, succeeded=exporting.succeeded)

    found: dict[str, pages.Page] = {
        "/healthz": lambda: (pages.OK, {"ok": True, "to": exporting.store.url}),
        "/readyz": readyz,
    }
    return await pages.serve(where, store, found, ExportMetrics(exporting))
