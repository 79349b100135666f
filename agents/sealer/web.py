"""/healthz, /readyz, /logs and /metrics on the sealer's web port: numbers, names, and why a log is refused."""

import time
from typing import Any

from aiohttp import web

from agents import pages
from agents.sealer.metrics import SealerMetrics
from agents.sealer.process import SealerProcess
from pipeline.audit.followed import Followed


async def serve(sealer: SealerProcess) -> web.AppRunner:
    """Clean it up at the end."""

    def readyz() -> tuple[int, pages.Body]:
        refused = {each.progress.origin: each.refused.what for each in sealer.logs if each.refused is not None}
        return pages.ready(sealer.alive and not refused, kafka=sealer.alive, refused=refused)

    def logs() -> tuple[int, pages.Body]:
        now = time.monotonic()
        return pages.OK, {"logs": [_log(each, now) for each in sealer.logs]}

    found: dict[str, pages.Page] = {
        "/healthz": lambda: (pages.OK, {"ok": True, "sealer": sealer.signer.kid}),
        "/readyz": readyz,
        "/logs": logs,
    }
    return await pages.serve(sealer.config.web, sealer.config.store, found, SealerMetrics(sealer))


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
