"""`python -m bench.detector --json`: what Panlock's scan finds and what it takes for card numbers, beside other tools.

The corpus is generated from --seed (tests/corpus). A number counts as found where a finding covers all of it; a
look-alike counts as a false positive where anything in its line was taken for card data. Progress goes to stderr.
"""

import argparse
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.detectors import Detect, Found, detectors
from bench.machine import machine, versions
from tests.corpus.corpus import Line, decoys, pans
from tests.corpus.spellings import BEYOND

PANS, DECOYS = 20, 1000  # lines for each network in each spelling, for each kind of look-alike
VIEWS = ("network", "what", "context", "digits")
TITLES = {"network": "network", "what": "spelling", "context": "context", "digits": "digits"}

Rates = dict[str, float]


class Score:
    """Hits and lines of one detector, by each view of a line."""

    def __init__(self) -> None:
        self._lines: dict[str, Counter[str]] = defaultdict(Counter)
        self._hits: dict[str, Counter[str]] = defaultdict(Counter)

    def count(self, line: Line, hit: bool) -> None:
        for view in VIEWS:
            key = str(getattr(line, view))
            self._lines[view][key] += 1
            self._hits[view][key] += hit

    def rates(self, view: str) -> Rates:
        return {key: round(self._hits[view][key] / lines, 5) for key, lines in self._lines[view].items()}

    @property
    def rate(self) -> float:
        return round(self._hits["what"].total() / self._lines["what"].total(), 5)


def is_hit(line: Line, found: Iterable[Found]) -> bool:
    truth = line.truth
    if truth is None:
        return any(True for _ in found)
    return any(each.path == truth.path and each.start <= truth.start and truth.end <= each.end for each in found)


def measure(detect: Detect, lines: list[Line]) -> Score:
    score = Score()
    for line in lines:
        score.count(line, is_hit(line, detect(line.json)))
    return score


def report(seed: int, each_pan: int, each_decoy: int) -> dict[str, Any]:
    numbers, others = list(pans(seed, each_pan)), list(decoys(seed + 1, each_decoy))
    beyond = list(pans(seed + 2, max(1, each_pan // 4), BEYOND))
    results: dict[str, dict[str, Any]] = {}
    for name, detect in detectors().items():
        began = time.monotonic()
        recall, wrong, more = measure(detect, numbers), measure(detect, others), measure(detect, beyond)
        say(f"{name}: {time.monotonic() - began:.1f} s")
        results[name] = {
            "recall": recall.rate,
            "false_positives": wrong.rate,
            **{f"recall_by_{TITLES[view]}": recall.rates(view) for view in VIEWS},
            "false_positives_by_decoy": wrong.rates("what"),
            "false_positives_by_context": wrong.rates("context"),
            "recall_beyond": more.rates("what"),
        }
    return {
        "machine": machine(),
        "versions": versions() | {name: version(name) for name in ("presidio-analyzer", "scrubadub")},
        "corpus": {
            "seed": seed,
            "lines": {"card_numbers": len(numbers), "look_alikes": len(others), "beyond": len(beyond)},
        },
        "runs": results,
        "ratios": {  # of recall
            f"panlock/{name}": round(results["panlock"]["recall"] / each["recall"], 2)
            for name, each in results.items()
            if name != "panlock" and each["recall"]
        },
    }


def show(result: Mapping[str, Any]) -> None:
    found, corpus = result["runs"], result["corpus"]
    console = Console(width=None if sys.stdout.isatty() else 100)
    lines = corpus["lines"]
    console.print(f"seed {corpus['seed']}; " + ", ".join(f"{n} {what.replace('_', ' ')}" for what, n in lines.items()))
    total = Table("", *found)
    for key in ("recall", "false_positives"):
        total.add_row(key.replace("_", " "), *(percent(each[key]) for each in found.values()))
    console.print(total)
    for view in next(iter(found.values())):
        if "_by_" in view or view == "recall_beyond":
            console.print(table(view, {name: each[view] for name, each in found.items()}))


def table(view: str, columns: Mapping[str, Rates]) -> Table:
    made = Table(view.replace("_", " "), *columns)
    for key in next(iter(columns.values())):
        made.add_row(key, *(percent(rates[key]) for rates in columns.values()))
    return made


def percent(rate: float) -> str:
    return f"{rate * 100:.2f} %"


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--json", action="store_true", help="print the report to standard output as JSON")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--pans", type=int, default=PANS, help="lines for each network in each spelling")
    options.add_argument("--decoys", type=int, default=DECOYS, help="lines for each kind of look-alike")
    wanted = options.parse_args()
    result = report(wanted.seed, wanted.pans, wanted.decoys)
    if wanted.json:
        print(json.dumps(result, indent=2))
    else:
        show(result)


if __name__ == "__main__":
    main()
