"""What the scan finds is masked: in the corpus, under every strategy but fpe (whose numbers stay numbers) nothing
is left to be found."""

import json
from itertools import groupby

import panlock_kernel
import pytest

from pipeline.masking.scan import scan
from tests.corpus.corpus import Line, decoys, pans
from tests.corpus.spellings import SPELLINGS

KEYRING = panlock_kernel.Keyring({"k1": b"1" * 32}, "k1")
LINES = {what: list(lines) for what, lines in groupby(pans(21, 2), key=lambda line: line.what)}


def masked(line: Line, strategy: str) -> bytes:
    config = {"scan": {"pan": strategy, "sad": "redact", "iban": "redact"}, "flow": "payments"}
    flow = panlock_kernel.Flow(json.dumps(config).encode(), KEYRING)
    verdict, place, _, value, _, _, _, _ = flow.enforce("p", [None], [line.json.encode()], [()])[0]
    assert verdict == 0, place
    return value


def findings(value: bytes) -> list[object]:
    return json.loads(scan(value))["findings"]


@pytest.mark.parametrize("strategy", ["redact", "partial", "token", "encrypt", "drop"])
@pytest.mark.parametrize("what", SPELLINGS)
def test_nothing_is_left_to_be_found(what: str, strategy: str) -> None:
    for line in LINES[what]:
        out = masked(line, strategy)
        assert bool(findings(line.json.encode())) is (out != line.json.encode())
        left = [each for each in findings(out) if each["class"] == "pan"]
        assert not left, (line.context, line.network)


def test_what_is_not_found_stays_byte_for_byte() -> None:
    for line in decoys(22, 20):
        if not findings(line.json.encode()):
            assert masked(line, "redact") == line.json.encode()
