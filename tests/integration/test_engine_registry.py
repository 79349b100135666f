"""A lane whose flow needs a schema while the registry is away: it says so, loses nothing, and goes on by itself."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from deploy.dev.cluster import DevCluster
from tests.audited import check_chain, released, wait_fates
from tests.deployment import Deployment, until
from tests.integration.engine_policy import lane

CHECKOUT, CLEAN = "quarantine.cards.checkout", "clean.cards"
POLICY = """
version: 1
lanes: 1
principals:
  checkout: {spiffe: spiffe://pay.example/checkout}
flows:
  cards:
    producers: [checkout]
    partitions: 1
    format: avro
    fields:
      - {path: $.pan, class: pan, strategy: token}
"""
SCHEMA = json.dumps({"type": "record", "name": "Card", "fields": [{"name": "pan", "type": "string"}]})
VALUE = b"\x00\x00\x00\x00\x07\x20" + b"4111111111111111"


class Registry(BaseHTTPRequestHandler):
    """What it answers, tests change."""

    answer: tuple[int, bytes]

    def do_GET(self) -> None:
        status, content = self.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def registry() -> Iterator[ThreadingHTTPServer]:
    """Bound, and so at a known port, but not yet answering."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry, bind_and_activate=False)
    server.server_bind()
    yield server
    server.server_close()


def test_records_wait_for_the_registry_and_none_is_lost(
    cluster: DevCluster, tmp_path_factory: pytest.TempPathFactory, registry: ThreadingHTTPServer
) -> None:
    with Deployment(cluster, tmp_path_factory.mktemp("registry"), POLICY) as panlock:
        url = f"http://127.0.0.1:{registry.server_port}"
        worker = panlock.worker(schemas={"registry": url}).wait_ready(1)
        offsets = panlock.produce(CHECKOUT, [(0, b"%d" % n, VALUE) for n in range(20)])

        def why() -> str:
            return lane(worker, 0).get("why") or ""

        until("a lane that says the registry does not answer", lambda: "ConnectionRefusedError" in why())
        assert worker.get("/readyz")[0] == 503
        Registry.answer = (200, b'{"error_code":1}')
        registry.server_activate()
        threading.Thread(target=registry.serve_forever, args=(0.05,), daemon=True).start()
        until("a lane that says what answers is no registry", lambda: "no schema registry" in why())
        assert panlock.read(CLEAN) == [] and panlock.read("panlock.rejections.checkout") == []
        Registry.answer = (200, json.dumps({"schema": SCHEMA}).encode())
        wait_fates(panlock, released(CHECKOUT, 0, offsets))
        registry.shutdown()
        clean = [record.value for record in panlock.read(CLEAN)]
        assert len(clean) == 20 and all(value[6:].startswith(b"tok_k1_") for value in clean)
        assert panlock.read("panlock.rejections.checkout") == []
        panlock.produce(CHECKOUT, [(0, b"later", VALUE)])  # the registry is away again, and the schema known
        until("one more", lambda: len(panlock.read(CLEAN)) == 21)
        check_chain(panlock)
