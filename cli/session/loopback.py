"""The address that an issuer sends a person's browser back to: one answer on 127.0.0.1 (RFC 8252, 7.3)."""

import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qsl, urlsplit

from cli.session.held import SessionError

_PAGE = """<!doctype html><meta charset="utf-8"><title>Panlock</title>
<p style="font-family: sans-serif">Panlock has its answer. You can close this page.</p>"""


class Loopback:
    """Listens from its construction on; `redirect_uri` is what the issuer is told."""

    def __init__(self) -> None:
        self._server = HTTPServer(("127.0.0.1", 0), _Handler)
        self._server.timeout = 1.0
        self.redirect_uri = f"http://127.0.0.1:{self._server.server_port}/callback"

    def wait(self, state: str, limit: float) -> dict[str, str]:
        """The query of the visit with this state; others are not heard. Raises SessionError."""
        deadline = time.monotonic() + limit
        try:
            while time.monotonic() < deadline:
                _Handler.found = None
                self._server.handle_request()
                query = parse_qsl(urlsplit(_Handler.found or "").query)
                answer = dict(query)
                if answer.get("state") == state and len(answer) == len(query):
                    return answer
        finally:
            self._server.server_close()
        raise SessionError(f"nobody signed in within {limit:.0f} s: `panlock login` again")


class _Handler(BaseHTTPRequestHandler):
    timeout = 5.0  # seconds: a visit that says nothing does not keep others away
    found: str | None = None

    def do_GET(self) -> None:
        ours = urlsplit(self.path).path == "/callback"
        _Handler.found = self.path if ours else None
        self.send_response(200 if ours else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        if ours:
            self.wfile.write(_PAGE.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the request holds the authorization code."""
