"""`python -m bench.scraping --json`: what a worker's /metrics cost at its full rate, one scrape each 5 s.

Rounds with scrapes beside rounds without. On a machine that does other work compare the CPU a record, not the rate.
"""

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.bed import Bed
from bench.copying import Run
from bench.enforcing import Panlock
from bench.engine import LIMIT, report, say
from bench.machine import machine, versions
from bench.throughput import PeerError
from deploy.dev.cluster import dev_cluster
from pipeline.errors import PanlockError

ROUNDS = 5
RECORDS = 600_000
EVERY = 5.0  # seconds between scrapes


class Scraper:
    """`took`: seconds of each scrape; `size`: bytes of the last."""

    def __init__(self, store: Path) -> None:
        self._port, self._end = store / "web.port", threading.Event()
        self.took: list[float] = []
        self.size = 0

    def run(self) -> None:
        while not self._end.wait(EVERY if self.took else 0.1):
            if self._port.exists():
                self._scrape(int(self._port.read_text()))

    def _scrape(self, port: int) -> None:
        began = time.monotonic()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=EVERY) as answer:
                self.size = len(answer.read())
        except OSError:
            return  # it has not started yet, or has ended
        self.took.append(time.monotonic() - began)

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = threading.Thread(target=self.run)
        thread.start()
        try:
            yield
        finally:
            self._end.set()
            thread.join()


def run(bed: Bed, rounds: int, records: int) -> dict[str, object]:
    panlock = Panlock(bed)
    runs: dict[str, list[Run]] = {"alone": [], "scraped": []}
    took: list[float] = []
    size = 0
    for number in range(rounds):
        for name in sorted(runs, reverse=bool(number % 2)):  # each is the first as often
            if name == "alone":
                runs[name].append(panlock.throughput(records, LIMIT))
            else:
                scraper = Scraper(panlock.store())
                with scraper.running():
                    runs[name].append(panlock.throughput(records, LIMIT))
                took, size = took + scraper.took, scraper.size
            measured = runs[name][-1].throughput
            say(f"round {number + 1}/{rounds} {name}: {measured.records_per_second:.0f} records/s, "
                f"{measured.cpu_us_per_record:.2f} us CPU a record")  # fmt: skip
    pairs = zip(runs["scraped"], runs["alone"], strict=True)
    cpu = [one.throughput.cpu_us_per_record / other.throughput.cpu_us_per_record for one, other in pairs]
    pairs = zip(runs["scraped"], runs["alone"], strict=True)
    rate = [one.throughput.records_per_second / other.throughput.records_per_second for one, other in pairs]
    return {
        "machine": machine(),
        "versions": versions(),
        "runs": {name: report(records, results) for name, results in runs.items()},
        "scrapes": {"count": len(took), "median_seconds": round(statistics.median(took), 4), "bytes": size},
        "ratios": {
            "scraped/alone, CPU a record": round(statistics.median(cpu), 3),
            "scraped/alone, records a second": round(statistics.median(rate), 3),
        },
    }


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--json", action="store_true", help="print the report to standard output as JSON")
    options.add_argument("--rounds", type=int, default=ROUNDS)
    options.add_argument("--records", type=int, default=RECORDS)
    wanted = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="panlock-bench-") as draft:
        try:
            with dev_cluster(Path(draft) / "kafka", 1, say) as cluster:
                result = run(Bed(cluster, Path(draft)), wanted.rounds, wanted.records)
        except (PeerError, PanlockError) as error:
            say(f"error: {error}")
            return 1
        except KeyboardInterrupt:
            return 130
    if wanted.json:
        print(json.dumps(result, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
