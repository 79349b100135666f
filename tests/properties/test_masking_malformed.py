"""Whatever the bytes, the kernel neither raises nor passes what a strict JSON parser would not read as one thing."""

import json
import math
import random

from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from pipeline.masking.face import REASONS
from pipeline.record import Reason
from tests.properties import documents
from tests.properties.test_masking_oracle import enforce, kernel

SCAN_ALONE = kernel([], "redact")
EDITS = [
    b"", b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"\\u12", b"\\ud800", b"\x00", b"\x1f", b"\xff", b"\xc3",
    b"NaN", b"-Infinity", b"1e999", b"01", b"tru", b" x", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"/**/", b"'",
]  # fmt: skip


class Refused(Exception):
    pass


def damaged(seed: int) -> bytes:
    chance = random.Random(seed)
    document = documents.document(seed).encode()
    for _ in range(chance.randrange(3)):
        at, length = chance.randrange(len(document) + 1), chance.choice([0, 0, 1, 2])
        document = document[:at] + chance.choice(EDITS) + document[at + length :]
    return document


def strict(value: bytes) -> object:
    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        if len(dict(pairs)) < len(pairs):
            raise Refused("a name comes twice")
        return dict(pairs)

    def refuse(constant: str) -> object:
        raise Refused(constant)

    text = value.decode()
    parsed = json.loads(text, object_pairs_hook=once, parse_constant=refuse)
    json.dumps(parsed, ensure_ascii=False).encode()  # a lone surrogate has no bytes
    if not all(math.isfinite(number) for number in floats(parsed)):
        raise Refused("infinite")
    return parsed


def floats(part: object) -> list[float]:
    if isinstance(part, dict):
        return [number for inner in part.values() for number in floats(inner)]
    if isinstance(part, list):
        return [number for inner in part for number in floats(inner)]
    return [float(part)] if isinstance(part, int | float) else []


def check(value: bytes) -> None:
    verdict, place, _, masked, _, _, _, sha256 = enforce(SCAN_ALONE, value)
    try:
        parsed = strict(value)
    except (ValueError, Refused):
        event("refused")
        assert verdict < 0
        assert place
        assert (masked, sha256) == (None, b"")
        return
    event("well-formed")
    if verdict == 0:
        assert shape(strict(masked)) == shape(parsed)


def shape(part: object) -> object:
    """Structure alone: masking changes names and texts, and makes texts of numbers."""
    if isinstance(part, dict):
        return [shape(inner) for inner in part.values()]
    if isinstance(part, list):
        return (len(part), *map(shape, part))
    return None


@given(st.integers(0, 2**63).map(damaged))
@settings(max_examples=3000, deadline=None)
def test_damaged_documents_are_rejected_and_whole_ones_keep_their_structure(value: bytes) -> None:
    check(value)


@given(st.binary(max_size=40))
@settings(max_examples=1000, deadline=None)
@example(b"")
@example(b"\xef\xbb\xbf1")
@example(b'{"a":1}{"a":1}')
def test_any_bytes_give_a_verdict(value: bytes) -> None:
    check(value)


@given(st.binary(max_size=60), st.binary(max_size=60), st.text(max_size=20))
@settings(max_examples=500, deadline=None)
def test_any_key_and_headers_give_a_verdict(key: bytes, header: bytes, name: str) -> None:
    verdict, _, masked, _, headers, _, _, _ = enforce(SCAN_ALONE, b"1", key, ((name, header), (name, None)))
    if verdict != 0:  # Hypothesis tries texts that it finds in the source: card numbers among them
        assert REASONS[-verdict - 1] is Reason.HEADER_NAME and sum(letter.isdigit() for letter in name) >= 13
        return
    assert masked == key
    own = name.startswith("panlock-")
    assert headers in ([()] if own else [None, ((name, header), (name, None))])
