"""The scan finds what docs/detection.md says, as the oracle reads it: in the corpus, and in mutations of it."""

import json
import random

from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from pipeline.masking.scan import scan
from tests.corpus.corpus import decoys, pans
from tests.corpus.spellings import BEYOND, SPELLINGS
from tests.properties import documents
from tests.properties.oracle_detection import Found, detect

LINES = [line.json for lines in (pans(9, 1, {**SPELLINGS, **BEYOND}), decoys(10, 20)) for line in lines]
PIECES = [
    "0", "4", "12/27", " ", "-", ".", "  ", "\u200b", "\u00a0", "\uff14", "+", "(", "x", "cc", "card ", "order ",
    "amount ", "%20", "%u0034", "=34=31", "=\\n", "|", "\\\\064", "\\\\u{34}", "\u2463",
    "&#52;", "%34", "\\\\u0034", "=", ";", "^", ",", "\\n", "4111111111111111", "6762 0000 0000 0009", "DE89", "5A08",
]  # fmt: skip

CODES = [
    "cvv", "CVC2", "cardCvn", "cvv1", "x", "cv", " ", ": ", "=", '\\"', "-", ".", ",", "%", "is ", "Code ", "no", "12",
    "123", "4567", "4111 1111 1111 1111", "c\\u0076v", "\\u0031", "enc_k1_" + "a" * 40, "\u0661", "é",
]  # fmt: skip


def mutated(seed: int) -> str:
    """A line of the corpus, or a generated document, a few of its characters changed; JSON still."""
    chance = random.Random(seed)
    line = documents.document(seed)
    if chance.random() < 0.8 or not is_json(line):
        line = chance.choice(LINES)
    for _ in range(chance.choice([0, 1, 1, 2, 4])):
        at, length = chance.randrange(len(line) + 1), chance.choice([0, 0, 1, 3])
        changed = line[:at] + chance.choice(PIECES) + line[at + length :]
        if is_json(changed):
            line = changed
    return line


def is_json(line: str) -> bool:
    """As the kernel takes it: unique names, no lone surrogates, no infinite numbers."""

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        if len(dict(pairs)) < len(pairs):
            raise ValueError("a name comes twice")
        return dict(pairs)

    try:
        document = json.loads(line, object_pairs_hook=once)
        json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
        line.encode()
    except ValueError:
        return False
    return True


def findings(line: str) -> list[Found]:
    told = json.loads(scan(line.encode()))
    assert "error" not in told, told
    return sorted((Found(e["path"], e["class"], e["network"], e["start"], e["end"]) for e in told["findings"]), key=str)


@given(st.integers(0, 2**63).map(mutated))
@example(mutated(296152701))  # a raw and a decoded number that overlap and are as long as each other
@settings(max_examples=5000, deadline=None, derandomize=True)  # a search for new disagreements is not a gate
def test_the_scan_finds_what_the_rules_say(line: str) -> None:
    wanted = sorted(detect(line), key=str)
    event(f"{min(len(wanted), 3)} findings")
    assert findings(line) == wanted


@given(st.integers(0, 2**63))
@settings(max_examples=2000, deadline=None, derandomize=True)
def test_codes_in_texts_are_what_the_rules_say(seed: int) -> None:
    chance = random.Random(seed)
    line = f'"{"".join(chance.choices(CODES, k=chance.randrange(1, 9)))}"'
    assert findings(line) == sorted(detect(line), key=str)
