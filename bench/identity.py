"""`python -m bench.identity --json`: verified records/s of one core, by algorithm and records a signature.

Chunks of 1 KB payments, as the producer kit writes them, through the verifier that workers use: envelopes read, leaves
hashed, roots computed, signatures checked; sealed ones opened, too. Batches are compared with one signature a record
("1"). Each pass begins with a verifier that knows nothing: chain, data key and every signature count.
Rounds interleave, medians count. Progress goes to stderr.

Then the whole engine, on a real broker: a worker with signed, sealed and unsigned producers, one flow after the other.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from bench import signed_engine
from bench.machine import machine, versions
from bench.payments import payments
from bench.signing import ALGORITHMS, PLACE, PRINCIPAL, SPIFFE, Signing
from bench.throughput import PeerError
from pipeline.errors import PanlockError
from pipeline.identity.verifier import Terms, Verifier
from pipeline.record import Headers

ROUNDS = 5
SECONDS = 0.3  # that each kind works in a round
CHUNK = 1_024  # records a chunk, and so the largest batch
CHUNKS = 3
BATCHES = (1, 16, 64, 256, 1_024)
WINDOW_MS = 900_000
HEADLINE = "ed25519"  # algorithm 1; the others stand beside it
BATCHED = 64

Kind = tuple[str, str, int]  # algorithm, clear or sealed, records a signature


class Written(NamedTuple):
    """A record as a fetch has it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


def chunks(algorithm: str, sealed: bool, batch: int) -> list[list[Written]]:
    """One stream's records on one partition; the chain comes with the first batch."""
    signing, values = Signing(algorithm, sealed), payments()
    records: list[Written] = []
    while len(records) < CHUNKS * CHUNK:
        some = [
            (b"key-%d" % number, values[number % len(values)]) for number in range(len(records), len(records) + batch)
        ]
        for key, value, headers in signing.batch(some):
            records.append(Written(len(records), signing.now, key, value, headers))
    return [records[at : at + CHUNK] for at in range(0, CHUNKS * CHUNK, CHUNK)]


def rate(kind: Kind, some: Sequence[Sequence[Written]], seconds: float = SECONDS) -> float:
    """Records a second of CPU. Raises RuntimeError if one does not verify."""
    signing = Signing(kind[0], sealed=False)
    terms = Terms(PRINCIPAL, SPIFFE, WINDOW_MS, kind[1] == "sealed")
    done, began = 0, time.process_time()
    while (spent := time.process_time() - began) < seconds:
        verifier = Verifier(signing.authorities, signing.seal_keys)
        for chunk in some:
            opened = verifier.verify(terms, PLACE, chunk)
            if any(refusal is not None for refusal in opened.refusals):
                raise RuntimeError(f"a record of {kind} is refused: {set(opened.refusals)}")
            done += len(chunk)
    return done / spent


def verified(rounds: int) -> dict[Kind, float]:
    """Records a second of CPU."""
    kinds = [(algorithm, seal, batch) for algorithm in ALGORITHMS for seal in ("clear", "sealed") for batch in BATCHES]
    written = {}
    for kind in kinds:
        _say(f"signing {kind}")
        written[kind] = chunks(kind[0], kind[1] == "sealed", kind[2])
    rates: dict[Kind, list[float]] = {kind: [] for kind in kinds}
    for number in range(rounds):
        _say(f"round {number + 1}/{rounds}")
        for kind in kinds:
            rates[kind].append(rate(kind, written[kind]))
    medians = {kind: statistics.median(measured) for kind, measured in rates.items()}
    return medians


def report(medians: dict[Kind, float]) -> dict[str, dict[str, dict[str, int]]]:
    """Records a second by algorithm, clear or sealed, records a signature."""
    runs: dict[str, dict[str, dict[str, int]]] = {}
    for (algorithm, seal, batch), measured in medians.items():
        runs.setdefault(algorithm, {}).setdefault(seal, {})[str(batch)] = round(measured)
    return runs


def ratios(medians: dict[Kind, float]) -> dict[str, float]:
    """ "batched/single" is the headline's, in the clear; each kind's own beside it."""
    found = {}
    for algorithm, seal, batch in medians:
        if batch == BATCHED:
            ratio = round(medians[algorithm, seal, BATCHED] / medians[algorithm, seal, 1], 2)
            found[f"batched/single {algorithm} {seal}"] = ratio
    return {"batched/single": found[f"batched/single {HEADLINE} clear"], **found}


def engine_ratios(engine: dict[str, dict[str, object]]) -> dict[str, float]:
    """Records a second of the whole engine, beside those without signatures."""
    rates = {name: float(str(found["records_per_second"])) for name, found in engine.items()}
    return {f"{name}/unsigned": round(rates[name] / rates["unsigned"], 2) for name in ("signed", "sealed")}


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--json", action="store_true", help="print the report to standard output as JSON")
    options.add_argument("--rounds", type=int, default=ROUNDS)
    options.add_argument("--engine-rounds", type=int, default=3, help="0: the verifier alone")
    wanted = options.parse_args()
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    medians = verified(wanted.rounds)
    os.sched_setaffinity(0, cores)
    runs: dict[str, object] = {"verifier": report(medians)}
    found = ratios(medians)
    if wanted.engine_rounds:
        try:
            with tempfile.TemporaryDirectory(prefix="panlock-bench-") as draft:
                engine = signed_engine.run(Path(draft), wanted.engine_rounds, _say)
        except (PeerError, PanlockError) as error:
            _say(f"error: {error}")
            return 1
        runs["engine"] = engine
        found = engine_ratios(engine) | found
    result = {"machine": machine(), "versions": versions(), "runs": runs, "ratios": found}
    if wanted.json:
        print(json.dumps(result, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
