"""/healthz, /readyz and /metrics of an exporter that goes on: what it has exported, and what it has not."""

import time
from collections.abc import Iterator
from pathlib import Path

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

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
    """The chosen port is written to <store>/web.port. Clean it up at the end."""
    registry, app = CollectorRegistry(), web.Application()
    registry.register(ExportMetrics(exporting))

    async def healthz(request: web.Request) -> web.Response:
        return web.json_response({"ok": True, "to": exporting.store.url})

    async def readyz(request: web.Request) -> web.Response:
        ready = exporting.succeeded is not None and time.time() - exporting.succeeded < LATE
        return web.json_response({"ready": ready, "succeeded": exporting.succeeded}, status=200 if ready else 503)

    async def metrics(request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    for path, handler in (("/healthz", healthz), ("/readyz", readyz), ("/metrics", metrics)):
        app.router.add_get(path, handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, where.host, where.port).start()
    if store is not None:
        store.mkdir(parents=True, exist_ok=True)
        (store / "web.port").write_text(f"{runner.addresses[0][1]}\n")
    return runner
