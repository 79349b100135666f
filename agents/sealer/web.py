"""/healthz, /readyz, /logs and /metrics on the sealer's web port: numbers, names, and why a log is refused."""

import time
from typing import Any

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from agents.sealer.metrics import rendered
from agents.sealer.process import SealerProcess
from pipeline.audit.followed import Followed


async def serve(sealer: SealerProcess) -> web.AppRunner:
    """The chosen port is written to <store>/web.port. Clean it up at the end."""
    app = web.Application()

    async def healthz(request: web.Request) -> web.Response:
        return web.json_response({"ok": True, "sealer": sealer.signer.kid})

    async def readyz(request: web.Request) -> web.Response:
        refused = {each.progress.origin: each.refused.what for each in sealer.logs if each.refused is not None}
        ready = sealer.alive and not refused
        return web.json_response(
            {"ready": ready, "kafka": sealer.alive, "refused": refused}, status=200 if ready else 503
        )

    async def logs(request: web.Request) -> web.Response:
        now = time.monotonic()
        return web.json_response({"logs": [_log(each, now) for each in sealer.logs]})

    async def metrics(request: web.Request) -> web.Response:
        return web.Response(body=rendered(sealer), headers={"Content-Type": CONTENT_TYPE_LATEST})

    pages = ("/healthz", healthz), ("/readyz", readyz), ("/logs", logs), ("/metrics", metrics)
    for path, handler in pages:
        app.router.add_get(path, handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, sealer.config.web.host, sealer.config.web.port).start()
    (sealer.config.store / "web.port").write_text(f"{runner.addresses[0][1]}\n")
    return runner


def _log(each: Followed, now: float) -> dict[str, Any]:
    """`unsealed`: events that were read and that no checkpoint has, and for how long the first of them has waited."""
    refused = each.refused
    return {
        "log": each.progress.origin,
        "sealed": each.published.tree.size,
        "unsealed": each.unsealed,
        "unsealed_seconds": 0.0 if each.grown_at is None else round(now - each.grown_at, 3),
        "refused": None if refused is None else refused._asdict(),
    }
