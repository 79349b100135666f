"""Does a sealer keep up with the engine at its full rate? Both as processes, on one broker, as a user runs them."""

import json
import os
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import yaml

from bench.bed import Bed
from bench.enforcing import Panlock
from bench.flows import PLAIN
from bench.lane_events import WORKER
from bench.sealing import SEALER
from bench.throughput import PeerError
from deploy.dev.cluster import dev_cluster
from deploy.dev.guarded import Guarded
from pipeline.policy.topics import AUDIT

LIMIT = 120.0  # seconds
LOOK = 0.2

Say = Callable[[str], None]


class Watched:
    """What the sealer says of its lanes while it is looked at: the most events, and seconds, that were not sealed."""

    def __init__(self, store: Path) -> None:
        self._store, self._stop = store, threading.Event()
        self.events, self.seconds, self.read = 0, 0.0, 0
        self._thread = threading.Thread(target=self._look)

    def start(self) -> None:
        deadline = time.monotonic() + LIMIT
        while not self.lanes():
            if time.monotonic() > deadline:
                raise PeerError("the sealer did not start")
            time.sleep(LOOK)
        self._thread.start()

    def end(self) -> None:
        self._stop.set()
        self._thread.join()

    def lanes(self) -> list[dict[str, object]]:
        try:
            port = int((self._store / "web.port").read_text())
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/logs", timeout=5) as answer:
                logs = json.load(answer)["logs"]
        except (OSError, ValueError):
            return []
        return [each for each in logs if f"{AUDIT}/" in each["log"]]

    def _look(self) -> None:
        while not self._stop.wait(LOOK):
            lanes = self.lanes()
            self.events = max(self.events, sum(int(str(each["unsealed"])) for each in lanes))
            self.seconds = max([self.seconds, *(float(str(each["unsealed_seconds"])) for each in lanes)])


def run(directory: Path, records: int, say: Say) -> dict[str, float]:
    """Raises PeerError, PanlockError."""
    with dev_cluster(directory / "kafka", 1, say) as cluster:
        panlock = Panlock(Bed(cluster, directory), audit=(WORKER, SEALER))
        store = directory / "sealer"
        store.mkdir()
        config = store / "sealer.yaml"
        settings = {"kafka": cluster.config("panlock-sealer"), "store": ".", "audit_key": str(panlock.sealer_key)}
        config.write_text(yaml.safe_dump(settings))
        command = [sys.executable, "-m", "cli", "sealer", "--policy", str(panlock.policy), "--config", str(config)]
        sealer, watched = Guarded([*command, "--development"], store / "sealer.log", os.environ), Watched(store)
        try:
            watched.start()
            say(f"seal: the engine releases {records} records beside the sealer")
            result = panlock.throughput(records, LIMIT, PLAIN)
            behind = _catch_up(watched, records)
            watched.end()
        finally:
            sealer.stop()
    return {
        "engine_records_per_second": round(result.throughput.records_per_second),
        "unsealed_events_at_most": watched.events,
        "unsealed_seconds_at_most": round(watched.seconds, 1),
        "read_seconds_after_the_engine": round(behind, 1),
    }


def _catch_up(watched: Watched, records: int) -> float:
    """Seconds until the sealer has read all that the engine wrote."""
    began = time.monotonic()
    while sum(int(str(each["sealed"])) + int(str(each["unsealed"])) for each in watched.lanes()) < records:
        if time.monotonic() - began > LIMIT:
            raise PeerError("the sealer does not catch up with the engine")
        time.sleep(LOOK)
    return time.monotonic() - began
