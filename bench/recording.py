"""`python -m bench.recording --json`: what recording costs the engine: a flow that records beside one that does not.

One worker, one broker over mTLS, 1 KB JSON records, 4 lanes. Rounds interleave, medians count. Progress goes to stderr.
"""

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

from bench.bed import Bed
from bench.copying import Run
from bench.enforcing import Panlock
from bench.engine import LIMIT, report, say
from bench.flows import PLAIN, Flow
from bench.machine import machine, versions
from bench.throughput import PeerError
from deploy.dev.cluster import dev_cluster
from pipeline.errors import PanlockError

RECORDS = 200_000
FLOWS = {"plain": PLAIN, "recorded": Flow("recorded", "till", recording="masked")}


def run(directory: Path, rounds: int) -> dict[str, object]:
    """Raises PeerError, PanlockError."""
    runs: dict[str, list[Run]] = {name: [] for name in FLOWS}
    with dev_cluster(directory / "kafka", 1, say) as cluster:
        panlock = Panlock(Bed(cluster, directory), list(FLOWS.values()))
        for number in range(rounds):
            for name, flow in FLOWS.items():
                result = panlock.throughput(RECORDS, LIMIT, flow)
                if result.clean != RECORDS or result.audit < RECORDS:
                    raise PeerError(f"{name}: {result.clean} clean and {result.audit} audit of {RECORDS} records")
                runs[name].append(result)
                measured = result.throughput
                say(
                    f"round {number + 1}/{rounds} {name}: {measured.records_per_second:.0f} records/s, "
                    f"{measured.cpu_us_per_record:.1f} us CPU a record"
                )
    rates = {
        name: statistics.median(each.throughput.records_per_second for each in results)
        for name, results in runs.items()
    }
    return {
        "machine": machine(),
        "versions": versions(),
        "runs": {name: report(RECORDS, results) for name, results in runs.items()},
        "ratios": {"recorded/plain": round(rates["recorded"] / rates["plain"], 2)},
    }


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--json", action="store_true", help="print the report to standard output as JSON")
    options.add_argument("--rounds", type=int, default=3)
    wanted = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="panlock-bench-") as draft:
        try:
            result = run(Path(draft), wanted.rounds)
        except (PeerError, PanlockError) as error:
            say(f"error: {error}")
            return 1
    if wanted.json:
        print(json.dumps(result, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
