"""`python -m bench.scale --json`: what a deployment costs as it grows, a curve for each way, a cluster for each point.

lanes, partitions, principals, fields and holds (rules), pending, size (bytes of a record), workers: see CURVES. Around
the point that varies: 4 lanes, 4 partitions, one producer, one field rule, the scan of all else, one hold rule, 1 KB
payments, one worker, one broker, mTLS. A curve's `growth` is the steepest step of each of its costs: 1.0 is linear in
what varies, 0 is flat. `--only` takes names of curves. Progress goes to stderr.
"""

import argparse
import json
import logging
import math
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import psutil

from bench.bed import Bed
from bench.enforcing import Panlock
from bench.engine import say
from bench.flows import PLAIN, Flow
from bench.machine import machine, versions
from bench.payments import payments, preload
from bench.progress import Ends
from bench.throughput import PeerError, Throughput, measure
from deploy.dev.cluster import dev_cluster
from pipeline.errors import PanlockError

RECORDS = 200_000
BYTES = 256 << 20  # of large records, a point
LIMIT = 300.0  # seconds of one measurement
LOW_RATE = 1000.0  # records/s
LANES = 4
PENDING_SIZE = 200  # bytes of a held record

Point = dict[str, float]


@dataclass(frozen=True, slots=True)
class Stage:
    """A cluster of its own for each deployment."""

    directory: Path

    @contextmanager
    def deployed(self, flow: Flow, lanes: int = LANES) -> Iterator["Deployed"]:
        place = self.directory / f"{flow.name}-{time.monotonic_ns()}"
        with dev_cluster(place / "kafka", 1, lambda _: None) as cluster:
            bed, began = Bed(cluster, place), time.monotonic()
            panlock = Panlock(bed, [flow], lanes=lanes)
            yield Deployed(bed, panlock, flow, time.monotonic() - began)
        shutil.rmtree(place)


@dataclass(frozen=True, slots=True)
class Deployed:
    bed: Bed
    panlock: Panlock
    flow: Flow
    provision_seconds: float

    def throughput(self, records: int = RECORDS) -> Point:
        """Raises PeerError."""
        result = self.panlock.throughput(records, LIMIT, self.flow)
        if result.clean != records or result.audit < records:
            raise PeerError(f"{result.clean} clean and {result.audit} audit of {records} records")
        return rates(result.throughput)

    def kept(self, topic: str, records: int) -> int:
        """Bytes a record on the broker's disk."""
        logs = (self.bed.cluster.directory / "broker-1" / "data").glob(f"{topic}-*/*.log")
        return round(sum(log.stat().st_size for log in logs) / records)

    def open_seconds(self) -> float:
        with self.panlock.running() as process:
            return round(self.panlock.opened(process), 2)


def rates(throughput: Throughput) -> Point:
    return {
        "records_per_second": round(throughput.records_per_second),
        "worker_us": round(throughput.cpu_us_per_record, 1),
        "broker_us": round(throughput.broker_us_per_record, 1),
    }


def lanes(stage: Stage, number: int) -> Point:
    with stage.deployed(replace(PLAIN, partitions=32), number) as deployed:
        measured = deployed.throughput()
        (seen,) = deployed.panlock.latency([LOW_RATE], deployed.flow)
        return {**measured, "p50_ms": seen["p50_ms"], "p99_ms": seen["p99_ms"]}


def partitions(stage: Stage, number: int) -> Point:
    with stage.deployed(replace(PLAIN, partitions=number)) as deployed:
        return deployed.throughput()


def principals(stage: Stage, number: int) -> Point:
    with stage.deployed(replace(PLAIN, producers=number)) as deployed:
        opened = deployed.open_seconds()
        measured = deployed.throughput()
        return {**measured, "provision_s": round(deployed.provision_seconds, 2), "open_s": opened}


def fields(stage: Stage, number: int) -> Point:
    with stage.deployed(replace(PLAIN, fields=number)) as deployed:
        return deployed.throughput()


def holds(stage: Stage, number: int) -> Point:
    with stage.deployed(replace(PLAIN, holds=number)) as deployed:
        return deployed.throughput(min(RECORDS, 20_000_000 // number // LANES * LANES))


def pending(stage: Stage, number: int) -> Point:
    with stage.deployed(PLAIN) as deployed:
        held = hold(deployed, number) if number else {}
        before = deployed.open_seconds()
        measured = deployed.throughput()
        shutil.rmtree(deployed.panlock.store())
        rebuilt = deployed.open_seconds()
        return {**measured, **held, "open_s": before, "rebuild_s": rebuilt}


def hold(deployed: Deployed, number: int) -> Point:
    """Until `number` records are pending."""
    refunds = partial(preload, some=payments(PENDING_SIZE, "refund", 9_000.0))
    deployed.panlock.write(number, replace(deployed.flow, write=refunds))
    with deployed.panlock.running() as process:
        deployed.panlock.opened(process)
        began = time.monotonic()
        while _held(deployed.panlock) < number:
            if process.code is not None or time.monotonic() - began > LIMIT:
                raise PeerError(f"{_held(deployed.panlock)} of {number} records are held")
            time.sleep(0.1)
        seconds = time.monotonic() - began
        return {"held_per_second": round(number / seconds), "worker_mib": _mib(process.pid)}


def _held(panlock: Panlock) -> int:
    counts = (each for lane in panlock.lanes() for each in lane["outcomes"])
    return sum(int(each["records"]) for each in counts if each["outcome"] == "held")


def _mib(pid: int) -> float:
    return round(psutil.Process(pid).memory_info().rss / 2**20)


def size(stage: Stage, number: int) -> Point:
    records = min(RECORDS, BYTES // number // LANES * LANES)
    write = partial(preload, some=payments(number))
    with stage.deployed(replace(PLAIN, write=write, max_message_bytes=max(number * 2, 1_048_588))) as deployed:
        measured = deployed.throughput(records)
        kept = {f"{topic}_bytes": deployed.kept(f"panlock.{topic}", records) for topic in ("audit", "state")}
        return {**measured, **kept, "mb_per_second": round(measured["records_per_second"] * number / 1e6, 1)}


def workers(stage: Stage, number: int) -> Point:
    """Unlike the others the topic is filled while they run: otherwise the first would have it all."""
    with stage.deployed(replace(PLAIN, partitions=8), 8) as deployed, ExitStack() as running:
        names = [f"worker{each}" for each in range(number)]
        processes = [running.enter_context(deployed.panlock.running(name)) for name in names]
        deployed.panlock.opened(processes[0], names)
        clean = Ends(deployed.bed.access, deployed.flow.clean, deployed.flow.partitions)
        before = clean.written()
        deployed.panlock.write(2 * RECORDS, deployed.flow)
        return rates(measure(processes, deployed.bed.broker, clean, before, 2 * RECORDS, LIMIT))


CURVES: dict[str, tuple[Callable[[Stage, int], Point], Sequence[int], Sequence[str]]] = {
    "lanes": (lanes, (1, 2, 4, 8, 16, 32), ("worker_us", "broker_us", "p50_ms")),
    "partitions": (partitions, (1, 4, 16, 64), ("worker_us", "broker_us")),
    "principals": (principals, (1, 10, 100, 500), ("worker_us", "broker_us", "provision_s", "open_s")),
    "fields": (fields, (1, 10, 100, 1000), ("worker_us",)),
    "holds": (holds, (1, 10, 100, 1000), ("worker_us",)),
    "pending": (pending, (0, 10_000, 100_000, 1_000_000), ("worker_us", "open_s", "rebuild_s", "worker_mib")),
    "size": (size, (200, 1_000, 10_000, 100_000, 1_048_576), ("worker_us", "broker_us")),
    "workers": (workers, (1, 2), ("worker_us", "broker_us")),
}


def growth(points: Sequence[Point], costs: Sequence[str]) -> dict[str, float]:
    """The steepest step between neighbours of each cost, as the exponent of what varies."""
    steps = [(one, two) for one, two in pairwise(points) if one["at"]]
    return {
        cost: round(max(math.log(two[cost] / one[cost]) / math.log(two["at"] / one["at"]) for one, two in steps), 2)
        for cost in costs
    }


def run(directory: Path, only: Sequence[str]) -> dict[str, object]:
    """Raises PeerError, PanlockError."""
    found: dict[str, object] = {}
    for name in only:
        curve, sizes, costs = CURVES[name]
        points: list[Point] = []
        for number in sizes:
            points.append({"at": number, **curve(Stage(directory), number)})
            say(f"{name} {', '.join(f'{key} {value:g}' for key, value in points[-1].items())}")
        found[name] = {"points": points, "growth": growth(points, costs)}
        say(f"{name} growth {growth(points, costs)}")
    return {"machine": machine(), "versions": versions(), "curves": found}


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--json", action="store_true", help="print the report to standard output as JSON")
    options.add_argument("--only", nargs="+", choices=list(CURVES), default=list(CURVES), metavar="CURVE")
    wanted = options.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it tries again where a broker does not lead a topic yet
    with tempfile.TemporaryDirectory(prefix="panlock-bench-") as draft:
        try:
            result = run(Path(draft), wanted.only)
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
