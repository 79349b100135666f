"""/healthz, /readyz and /nodes on the web port: numbers and names."""

from dataclasses import asdict

from aiohttp import web

from agents.broker_audit.process import BrokerAudit


async def serve(audit: BrokerAudit) -> web.AppRunner:
    """The chosen port is written to <store>/web.port. Clean it up at the end."""
    app = web.Application()

    async def healthz(request: web.Request) -> web.Response:
        return web.json_response({"ok": True, "key": audit.signer.kid})

    async def readyz(request: web.Request) -> web.Response:
        """Not ready while a node is silent: what it allows is seen by nobody."""
        nodes = audit.auditor.nodes.items()
        silent = sorted({*(source for source, node in nodes if node.silent), *audit.auditor.never})
        ready = audit.alive and not silent
        return web.json_response({"ready": ready, "kafka": audit.alive, "silent": silent}, status=200 if ready else 503)

    async def nodes(request: web.Request) -> web.Response:
        return web.json_response({"nodes": {name: asdict(node) for name, node in audit.auditor.nodes.items()}})

    for path, handler in (("/healthz", healthz), ("/readyz", readyz), ("/nodes", nodes)):
        app.router.add_get(path, handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, audit.config.web.host, audit.config.web.port).start()
    (audit.config.store / "web.port").write_text(f"{runner.addresses[0][1]}\n")
    return runner
