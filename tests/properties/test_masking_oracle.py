"""The kernel does, byte for byte, what the oracle says."""

import json
import random
from collections.abc import Sequence

import panlock_kernel
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from tests.properties import documents
from tests.properties.documents import STRATEGIES, path_of
from tests.properties.oracle_masking import Oracle, Refused, Unsure

KEYS = {"k1": b"1" * 32, "k0": b"0" * 32}
KEYRING = panlock_kernel.Keyring(KEYS, "k1")


SEEDS = st.integers(0, 2**63)
DOCUMENTS = SEEDS.map(documents.document)
FIELDS = SEEDS.map(documents.fields)
TEXTS = SEEDS.map(lambda seed: documents.text(random.Random(seed)))


class Scan:
    """What the scan's face finds: that it finds what it should is for the oracle of detection to say."""

    def text(self, names: Sequence[str], pieces: Sequence[str]) -> list[tuple[int, int]]:
        return self._found(names, '"' + "".join(pieces) + '"')

    def number(self, names: Sequence[str], raw: str) -> bool:
        return bool(self._found(names, raw))

    @staticmethod
    def _found(names: Sequence[str], raw: str) -> list[tuple[int, int]]:
        for name in reversed(names):
            raw = f"{{{json.dumps(name)}:{raw}}}"
        found = json.loads(panlock_kernel.scan(raw.encode()))["findings"]
        # names that hold numbers, and other classes, which these flows do not look for
        here = [each for each in found if each["path"].count(".") + each["path"].count('["') == len(names)]
        assume(not any(each["class"] != "pan" and each["end"] - each["start"] >= 12 for each in here))
        return [(each["start"], each["end"]) for each in here if each["class"] == "pan"]


def kernel(fields: list, scan: str) -> panlock_kernel.Flow:
    rules = [{"path": path_of(steps), "class": class_, "strategy": strategy} for steps, class_, strategy in fields]
    return panlock_kernel.Flow(json.dumps({"fields": rules, "scan": scan}).encode(), KEYRING)


def enforce(flow: panlock_kernel.Flow, value: bytes | None, key: bytes | None = None, headers: tuple = ()) -> tuple:
    return flow.enforce("checkout", [key], [value], [headers])[0]


@given(DOCUMENTS, FIELDS, st.sampled_from(STRATEGIES))
@settings(max_examples=5000, deadline=None)
def test_a_document_is_masked_as_the_oracle_says(document: str, fields: list, scan: str) -> None:
    oracle = Oracle(KEYS, "k1", fields, scan, Scan())
    verdict, place, _, value, _, masking, _, _ = enforce(kernel(fields, scan), document.encode())
    try:
        expected = oracle.outcome(document)
    except Unsure:
        event("unsure")
        return
    if isinstance(expected, Refused):
        event("refused")
        assert (panlock_kernel.REJECTIONS[-verdict - 1], place) == expected.args
        return
    event(f"{min(len(oracle.findings), 3)} findings")
    assert verdict == 0
    assert value.decode() == expected
    assert json.loads(masking) == oracle.findings


@given(TEXTS, st.sampled_from(STRATEGIES))
@settings(max_examples=1000, deadline=None)
def test_keys_and_headers_are_masked_as_the_oracle_says(text: str, scan: str) -> None:
    oracle = Oracle(KEYS, "k1", [], scan, Scan())
    flow = kernel([], scan)
    pieces = [json.dumps(char, ensure_ascii=False)[1:-1] for char in text]
    try:
        in_key, in_header = (
            masked if masked is None else json.loads(f'"{masked}"')
            for masked in (
                oracle.mask_text(pieces, "token", []),
                oracle.mask_text(pieces, "redact" if scan == "drop" else scan, ["a"]),
            )
        )
    except Unsure:
        return
    _, _, key, _, _, _, _, _ = enforce(flow, None, text.encode())
    assert key.decode() == (text if in_key is None else in_key)
    _, _, _, _, headers, _, _, _ = enforce(flow, None, None, (("a", text.encode()), ("b", None)))
    if in_header is None:
        assert headers is None
    elif scan == "drop":
        assert headers == (("b", None),)
    else:
        assert headers == (("a", in_header.encode()), ("b", None))


@given(DOCUMENTS, FIELDS, st.sampled_from(STRATEGIES), TEXTS)
@settings(max_examples=1000, deadline=None)
def test_a_second_pass_changes_nothing(document: str, fields: list, scan: str, key: str) -> None:
    flow = kernel(fields, scan)
    first = enforce(flow, document.encode(), key.encode(), (("a", key.encode()),))
    if first[0] < 0:
        return
    headers = (("a", key.encode()),) if first[4] is None else first[4]
    second = enforce(flow, first[3], first[2], headers)
    assert second[0] == 0
    assert second[2:4] == first[2:4]
    assert second[4] is None or second[4] == headers
    assert second[7] == first[7]


@given(DOCUMENTS, st.sampled_from(STRATEGIES))
@settings(max_examples=500, deadline=None)
def test_no_card_number_is_left(document: str, scan: str) -> None:
    _, _, _, value, _, _, _, _ = enforce(kernel([], scan), document.encode())
    if value is not None:
        left = json.loads(panlock_kernel.scan(value))["findings"]
        assert not [each for each in left if each["class"] == "pan"]
