"""`python -m bench.audit --json`: what it costs to verify, to seal, to prove and to search the audit.

verify   events/s of one core through `panlock audit verify`'s replay (canonical form, chain, signatures, tree), beside
         bare SHA-256 leaf hashing of the same bytes, in Python (hashlib) and in the kernel
seal     events/s of a sealer that catches up with a real broker, and its CPU an event
lag      what a sealer has not sealed while the engine runs at its full rate beside it, on the same cores
prove    size and time of an inclusion proof from tiles, as the log grows
search   seconds to answer questions to 10 million events, beside grep and DuckDB over the same as NDJSON

Rounds interleave, medians count. Progress goes to stderr.
"""

import argparse
import hashlib
import json
import os
import statistics
import sys
import tempfile
import time
from functools import lru_cache
from pathlib import Path

from bench import keeping_up, sealing, searching
from bench.lane_events import WORKER, Row, lane
from bench.machine import machine, versions
from bench.throughput import PeerError
from pipeline.audit.checkpoint import Checkpoint
from pipeline.audit.merkle import HASH, inclusion_path, leaf_hashes, root_from, root_of
from pipeline.audit.origin import origin
from pipeline.audit.tiles import WIDTH, TileReader
from pipeline.audit.verify import Signed, Verifier
from pipeline.errors import PanlockError
from pipeline.policy.topics import AUDIT

ROUNDS = 5
EVENTS = 100_000
CHUNK = 4_000  # records of one fetch
SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
PROOFS = 200


def verify_rate(rows: list[Row]) -> float:
    """Events a second of CPU. Raises RuntimeError if they do not verify."""
    checkpoint = Checkpoint(origin("c", AUDIT, 0), len(rows), root_of(leaf_hashes([row.value for row in rows])))
    verifier = Verifier(1, Signed("c", {WORKER.kid: WORKER.key.public_key()}), {0: checkpoint})
    began = time.process_time()
    for at in range(0, len(rows), CHUNK):
        verifier.add_all(0, rows[at : at + CHUNK])
    report, spent = verifier.report(), time.process_time() - began
    if not report.ok or report.sealed != len(rows):
        raise RuntimeError(f"the events do not verify: {report.json()}")
    return len(rows) / spent


def hashlib_rate(rows: list[Row]) -> float:
    began = time.process_time()
    for row in rows:
        hashlib.sha256(b"\x00" + row.value).digest()
    return len(rows) / (time.process_time() - began)


def kernel_rate(rows: list[Row]) -> float:
    began = time.process_time()
    for at in range(0, len(rows), CHUNK):
        leaf_hashes([row.value for row in rows[at : at + CHUNK]])
    return len(rows) / (time.process_time() - began)


def verified(rounds: int) -> dict[str, float]:
    """Median events/s by what was done."""
    rows = lane(0, EVENTS, "c")
    kinds = {"verify": verify_rate, "hashlib": hashlib_rate, "kernel": kernel_rate}
    rates: dict[str, list[float]] = {kind: [] for kind in kinds}
    for number in range(rounds):
        _say(f"verify: round {number + 1}/{rounds}")
        for kind, rate in kinds.items():
            rates[kind].append(rate(rows))
    return {kind: statistics.median(each) for kind, each in rates.items()}


def proofs(size: int) -> dict[str, float]:
    """Bytes and milliseconds of an inclusion proof, over a log of so many events. Raises RuntimeError."""
    levels = [leaf_hashes([b"%d" % n for n in range(size)])]
    while len(levels[-1]) >= HASH * WIDTH:
        below = levels[-1]
        whole = len(below) // (HASH * WIDTH)
        levels.append(b"".join(root_of(below[HASH * WIDTH * n : HASH * WIDTH * (n + 1)]) for n in range(whole)))

    def read(path: str) -> bytes:
        parts = path.split(".p/")[0].split("/")
        number = int("".join(part.removeprefix("x") for part in parts[2:]))
        return levels[int(parts[1])][HASH * WIDTH * number : HASH * WIDTH * (number + 1)]

    root = root_of(levels[0])
    taken, length = [], 0
    for n in range(PROOFS):
        index = n * size // PROOFS
        log = TileReader(size, lru_cache(64)(read))
        began = time.perf_counter()
        path = inclusion_path(index, size, log.root)
        taken.append(time.perf_counter() - began)
        length = max(length, HASH * len(path))
        if root_from(levels[0][HASH * index : HASH * (index + 1)], index, size, path) != root:
            raise RuntimeError(f"event {index} of {size} is not proven")
    return {"bytes": length, "ms": round(1_000 * statistics.median(taken), 3)}


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--json", action="store_true", help="print the report to standard output as JSON")
    options.add_argument("--rounds", type=int, default=ROUNDS)
    options.add_argument("--events", type=int, default=400_000, help="that the sealer catches up with; 0: no broker")
    options.add_argument("--largest", type=int, default=SIZES[-1], help="events of the largest log that is proven from")
    options.add_argument("--searched", type=int, default=10_000_000, help="events that are searched; 0: none")
    wanted = options.parse_args()
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    rates = verified(wanted.rounds)
    proven = {}
    for size in SIZES:
        if size <= wanted.largest:
            _say(f"prove: {size} events")
            proven[str(size)] = proofs(size)
    os.sched_setaffinity(0, cores)
    runs: dict[str, object] = {"verify": {kind: round(rate) for kind, rate in rates.items()}, "prove": proven}
    if wanted.events:
        try:
            with tempfile.TemporaryDirectory(prefix="panlock-bench-") as draft:
                runs["seal"] = sealing.run(Path(draft), wanted.events, _say)
            with tempfile.TemporaryDirectory(prefix="panlock-bench-") as draft:
                runs["lag"] = keeping_up.run(Path(draft), wanted.events, _say)
        except (PanlockError, PeerError) as error:
            _say(f"error: {error}")
            return 1
    ratios = {
        "verify/hash": round(rates["verify"] / rates["hashlib"], 2),
        "verify/hash in the kernel": round(rates["verify"] / rates["kernel"], 2),
    }
    if wanted.searched:
        with tempfile.TemporaryDirectory(prefix="panlock-bench-") as draft:
            found = runs["search"] = searching.run(Path(draft), wanted.searched, _say)
        ratios |= {
            f"{way}/search by {question}": round(answers[way] / answers["panlock"], 1)
            for question, answers in found.items()
            for way in ("grep", "duckdb")
            if way in answers
        }
    result = {"machine": machine(), "versions": versions(), "runs": runs, "ratios": ratios}
    if wanted.json:
        print(json.dumps(result, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
