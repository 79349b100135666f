"""`python -m bench.kernel --json`: the kernel on one core, beside other ways to treat the same 1 KB payments.

panlock: one PAN field rule, the scan of all that is left, evidence and hash returned. parse_copy: the same crate reads
strictly and copies, over the same face, without what a flow learns of its records' names. sha256: the hash of the value
alone, a floor under panlock. orjson: loads and dumps. python: the masking oracle of the tests, pure Python, which knows
groups with spaces and hyphens alone. presidio: its CreditCardRecognizer over every string. Rounds interleave, medians
count. Growth is measured with the size of a record, where payments stand in an array and the scan finds their numbers,
and with the number of field rules. Progress goes to stderr.
"""

import argparse
import hashlib
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence

import orjson
import panlock_kernel

from bench.detectors import presidio
from bench.machine import machine, versions
from bench.payments import payments
from tests.properties.oracle_masking import Oracle

ROUNDS = 7
SECONDS = 0.3  # that each peer works in a round
KEY = bytes(range(32))
SIZES = (1, 4, 16, 64)  # KB of a record
RULES = (10, 100, 1000)

Peer = Callable[[Sequence[bytes]], object]


def kernel(rules: int = 1) -> Peer:
    """`rules` - 1 of them lead to places that the payments do not have."""
    paths = ["$.card.number", *(f"$.other{number}.field{number}" for number in range(rules - 1))]
    fields = [{"path": path, "class": "pan", "strategy": "token"} for path in paths]
    config = json.dumps({"fields": fields, "scan": "partial"}).encode()
    flow = panlock_kernel.Flow(config, panlock_kernel.Keyring({"k1": KEY}, "k1"))

    def enforce(values: Sequence[bytes]) -> object:
        nothing: list[bytes | None] = [None] * len(values)
        results = flow.enforce("checkout", nothing, list(values), [()] * len(values))
        if any(result[0] != 0 or result[5] == b"[]" for result in results):
            raise AssertionError("a payment passed unmasked")
        return results

    return enforce


def python(values: Sequence[bytes]) -> object:
    field = ((("name", "card"), ("name", "number")), "pan", "token")
    return [Oracle({"k1": KEY}, "k1", [field], "partial").outcome(value.decode()) for value in values]


def recogniser() -> Peer:
    find = presidio()

    def strings(value: object) -> Iterator[str]:
        if isinstance(value, dict):
            yield from (text for each in value.values() for text in strings(each))
        elif isinstance(value, list):
            yield from (text for each in value for text in strings(each))
        elif isinstance(value, str):
            yield value

    return lambda values: [[*find(text)] for value in values for text in strings(orjson.loads(value))]


PEERS: dict[str, Callable[[], Peer]] = {
    "panlock": kernel,
    "parse_copy": lambda: lambda values: panlock_kernel.parse_and_copy(list(values)),
    "sha256": lambda: lambda values: [hashlib.sha256(value).digest() for value in values],
    "orjson": lambda: lambda values: [orjson.dumps(orjson.loads(value)) for value in values],
    "python": lambda: python,
    "presidio": recogniser,
}


def rate(peer: Peer, values: Sequence[bytes], seconds: float = SECONDS) -> float:
    """Records a second of CPU, over whole chunks of 500 for at least `seconds`."""
    done, at = 0, 0
    began = time.process_time()
    while (spent := time.process_time() - began) < seconds:
        chunk = values[at : at + 500]
        peer(chunk)
        done, at = done + len(chunk), (at + len(chunk)) % len(values)
    return done / spent


def medians(peers: dict[str, tuple[Peer, Sequence[bytes]]], rounds: int) -> dict[str, float]:
    rates: dict[str, list[float]] = {name: [] for name in peers}
    for number in range(rounds):
        print(f"round {number + 1}/{rounds}", file=sys.stderr, flush=True)
        for name, (peer, values) in peers.items():
            rates[name].append(rate(peer, values))
    return {name: statistics.median(measured) for name, measured in rates.items()}


def sized(kilobytes: int) -> list[bytes]:
    """Payments of that size: arrays of those of 1 KB, each with its card number."""
    whole = payments()
    records = [b"[" + b",".join(whole[at : at + kilobytes]) + b"]" for at in range(0, len(whole), kilobytes)]
    return records[: max(1, 2000 // kilobytes)]


def run(rounds: int) -> dict[str, object]:
    values = payments()
    rates = medians({name: (make(), values) for name, make in PEERS.items()}, rounds)
    scan = kernel(1)
    sizes = medians({str(size): (scan, sized(size)) for size in SIZES}, rounds)
    rules = medians({str(count): (kernel(count), values) for count in RULES}, rounds)
    return {
        "machine": machine(),
        "versions": versions(),
        "runs": {
            name: {"records_per_second": round(measured), "us_per_record": round(1e6 / measured, 2)}
            for name, measured in rates.items()
        },
        "growth": {
            "us_per_kilobyte_by_kilobytes": {size: round(1e6 / (sizes[size] * int(size)), 3) for size in sizes},
            "us_per_record_by_field_rules": {count: round(1e6 / rules[count], 3) for count in rules},
        },
        "ratios": {
            f"panlock/{name}": round(rates["panlock"] / measured, 2)
            for name, measured in rates.items()
            if name != "panlock"
        },
    }


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--json", action="store_true", help="print the report to standard output as JSON")
    options.add_argument("--rounds", type=int, default=ROUNDS)
    wanted = options.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    report = run(wanted.rounds)
    if wanted.json:
        print(json.dumps(report, indent=2))
    else:
        for name, measured in report["runs"].items():  # type: ignore[attr-defined]
            print(f"{name:12}{measured['records_per_second']:>12,} records/s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
