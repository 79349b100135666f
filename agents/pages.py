"""The web port of a process: pages of numbers and names in JSON, and /metrics for Prometheus."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from agents.config import Web
from agents.logs import LogMetrics

Body = Mapping[str, Any]  # a JSON object
Page = Callable[[], tuple[int, Body]]  # its HTTP status
OK, UNAVAILABLE = 200, 503


async def serve(where: Web, store: Path | None, pages: Mapping[str, Page], metrics: Collector) -> web.AppRunner:
    """`pages` by path, made anew at each request, as `metrics` are. The chosen port is written to <store>/web.port.

    Clean the runner up at the end.
    """
    registry, app = CollectorRegistry(), web.Application()
    registry.register(metrics)
    registry.register(LogMetrics())

    async def scrape(request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    app.router.add_get("/metrics", scrape)
    for path, page in pages.items():
        app.router.add_get(path, _answer(page))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, where.host, where.port).start()
    if store is not None:
        store.mkdir(parents=True, exist_ok=True)
        (store / "web.port").write_text(f"{runner.addresses[0][1]}\n")
    return runner


def ready(is_ready: bool, **why: object) -> tuple[int, Body]:
    """What /readyz answers."""
    return OK if is_ready else UNAVAILABLE, {"ready": is_ready, **why}


def _answer(page: Page) -> Callable[[web.Request], Any]:
    async def answer(request: web.Request) -> web.Response:
        status, body = page()
        return web.json_response(body, status=status)

    return answer
