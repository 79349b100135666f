"""`python -m bench.engine --json`: Panlock beside other engines, on one broker over mTLS, 1 KB JSON records, 4 lanes.

faust (a plain agent), quix (Quix Streams, exactly once) and raw (the engine's proof) copy a source to clean and audit;
panlock enforces: masks, scans, assesses a hold rule, audits. Rounds interleave, medians count. Progress goes to stderr.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from bench.bed import PARTITIONS, Bed
from bench.copying import Run, copy
from bench.enforcing import Panlock
from bench.machine import machine, versions
from bench.payments import preload
from bench.throughput import PeerError
from deploy.dev.cluster import dev_cluster
from pipeline.errors import PanlockError

ROUNDS = 3
LIMIT = 90.0  # seconds of one measurement
RECORDS = {"faust": 12_000, "quix": 200_000, "raw": 400_000, "panlock": 400_000}  # about ten seconds each
LOW_RATE = 1000.0  # records/s

_began = time.monotonic()


def say(text: str) -> None:
    print(f"[{time.monotonic() - _began:4.0f} s] {text}", file=sys.stderr, flush=True)


def run(bed: Bed, rounds: int, peers: list[str]) -> dict[str, object]:
    sources = {peer: bed.make("source")[0] for peer in peers if peer != "panlock"}
    for peer, source in sources.items():
        say(f"writing {RECORDS[peer]} records for {peer}")
        asyncio.run(preload(bed.access, source, PARTITIONS, RECORDS[peer]))
    panlock = Panlock(bed) if "panlock" in peers else None
    runs: dict[str, list[Run]] = {peer: [] for peer in peers}
    for number in range(rounds):
        for peer in peers:
            if peer == "faust" and number:
                continue  # so slow that a second round tells nothing new
            if peer == "panlock" and panlock:
                result = panlock.throughput(RECORDS[peer], LIMIT)
            else:
                result = copy(bed, peer, sources[peer], RECORDS[peer], LIMIT)
            if peer != "faust" and (result.clean != RECORDS[peer] or result.audit < RECORDS[peer]):
                raise PeerError(f"{peer} lost or doubled records of {RECORDS[peer]}: {_line(peer, result)}")
            runs[peer].append(result)
            say(f"round {number + 1}/{rounds} {_line(peer, result)}")
    reports = {peer: report(RECORDS[peer], results) for peer, results in runs.items()}
    if panlock:
        rates = [LOW_RATE, _rate(runs["panlock"]) / 2]
        say("latency at " + " and ".join(f"{rate:.0f}/s" for rate in rates))
        reports["panlock"]["latency"] = panlock.latency(rates)
        say(f"panlock {reports['panlock']['latency']}")
    return {"machine": machine(), "versions": versions(), "runs": reports, "ratios": ratios(runs)}


def _rate(results: list[Run]) -> float:
    return statistics.median(result.throughput.records_per_second for result in results)


def report(records: int, results: list[Run]) -> dict[str, object]:
    return {
        "records": records,
        "records_per_second": round(_rate(results)),
        "cpu_us_per_record": round(statistics.median(r.throughput.cpu_us_per_record for r in results), 1),
        "broker_us_per_record": round(statistics.median(r.throughput.broker_us_per_record for r in results), 1),
        "rounds": [
            {
                "records_per_second": round(result.throughput.records_per_second),
                "cpu_us_per_record": round(result.throughput.cpu_us_per_record, 1),
                "seconds": round(result.throughput.seconds, 2),
                "clean": result.clean,
                "audit": result.audit,
            }
            for result in results
        ],
    }


def ratios(runs: dict[str, list[Run]]) -> dict[str, float]:
    others = [peer for peer in runs if peer != "panlock" and "panlock" in runs]
    return {f"panlock/{peer}": round(_rate(runs["panlock"]) / _rate(runs[peer]), 2) for peer in others}


def _line(peer: str, result: Run) -> str:
    measured = result.throughput
    return (
        f"{peer}: {measured.records_per_second:.0f} records/s, {measured.cpu_us_per_record:.1f} us CPU a record, "
        f"{measured.seconds:.1f} s; read committed: {result.clean} clean, {result.audit} audit"
    )


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--json", action="store_true", help="print the report to standard output as JSON")
    options.add_argument("--rounds", type=int, default=ROUNDS)
    options.add_argument("--only", nargs="+", choices=list(RECORDS), default=list(RECORDS), metavar="PEER")
    options.add_argument("--keep", type=Path, help="keep logs and data in this directory")
    wanted = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="panlock-bench-") as draft:
        directory = wanted.keep or Path(draft)
        try:
            with dev_cluster(directory / "kafka", 1, say) as cluster:
                result = run(Bed(cluster, directory), wanted.rounds, wanted.only)
        except (PeerError, PanlockError) as error:
            say(f"error: {error}; run again with --keep DIRECTORY to see the logs")
            return 1
        except KeyboardInterrupt:
            return 130
    if wanted.json:
        print(json.dumps(result, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
