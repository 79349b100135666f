"""/healthz, /readyz, /nodes and /metrics on the web port: numbers and names."""

from dataclasses import asdict

from aiohttp import web

from agents import pages
from agents.broker_audit.metrics import BrokerAuditMetrics
from agents.broker_audit.process import BrokerAudit


async def serve(audit: BrokerAudit) -> web.AppRunner:
    """Clean it up at the end."""

    def readyz() -> tuple[int, pages.Body]:
        """Not ready while a node is silent: what it allows is seen by nobody."""
        silent = sorted(audit.auditor.silent)
        return pages.ready(audit.alive and not silent, kafka=audit.alive, silent=silent)

    found: dict[str, pages.Page] = {
        "/healthz": lambda: (pages.OK, {"ok": True, "key": audit.signer.kid}),
        "/readyz": readyz,
        "/nodes": lambda: (pages.OK, {"nodes": {name: asdict(node) for name, node in audit.auditor.nodes.items()}}),
    }
    return await pages.serve(audit.config.web, audit.config.store, found, BrokerAuditMetrics(audit))
