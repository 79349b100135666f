"""`python -m tests.corpus --seed 1`: the corpus as NDJSON, one object a line.

{"json","what","context","network","digits","truth"}; with --bare the JSON lines alone, as `panlock scan` takes them.
"""

import argparse
import json
import sys

from tests.corpus.corpus import decoys, pans
from tests.corpus.spellings import BEYOND, SPELLINGS


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.corpus", description=__doc__)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--pans", type=int, default=5, help="lines for each network in each spelling")
    options.add_argument("--decoys", type=int, default=100, help="lines for each kind of look-alike")
    options.add_argument("--beyond", action="store_true", help="the spellings that nobody promised to read")
    options.add_argument("--bare", action="store_true", help="the lines alone, without their truth")
    wanted = options.parse_args()
    for lines in (
        pans(wanted.seed, wanted.pans, BEYOND if wanted.beyond else SPELLINGS),
        decoys(wanted.seed, wanted.decoys),
    ):
        for line in lines:
            truth = line.truth and line.truth._asdict()
            sys.stdout.write((line.json if wanted.bare else json.dumps(line._asdict() | {"truth": truth})) + "\n")


if __name__ == "__main__":
    main()
