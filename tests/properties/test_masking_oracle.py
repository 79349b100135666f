"""The kernel does, byte for byte, what the oracle says."""

import json
import random
from decimal import Decimal

import panlock_kernel
from hypothesis import event, given, settings
from hypothesis import strategies as st

from tests.properties import documents
from tests.properties.documents import STRATEGIES, path_of
from tests.properties.oracle_masking import Oracle, Refused

KEYS = {"k1": b"1" * 32, "k0": b"0" * 32}
KEYRING = panlock_kernel.Keyring(KEYS, "k1")


SEEDS = st.integers(0, 2**63)
DOCUMENTS = SEEDS.map(documents.document)
FIELDS = SEEDS.map(documents.fields)
TEXTS = SEEDS.map(lambda seed: documents.text(random.Random(seed)))


def kernel(fields: list, scan: str) -> panlock_kernel.Flow:
    rules = [{"path": path_of(steps), "class": class_, "strategy": strategy} for steps, class_, strategy in fields]
    return panlock_kernel.Flow(json.dumps({"fields": rules, "scan": scan}).encode(), KEYRING)


def enforce(flow: panlock_kernel.Flow, value: bytes | None, key: bytes | None = None, headers: tuple = ()) -> tuple:
    return flow.enforce("checkout", [key], [value], [headers])[0]


@given(DOCUMENTS, FIELDS, st.sampled_from(STRATEGIES))
@settings(max_examples=5000, deadline=None)
def test_a_document_is_masked_as_the_oracle_says(document: str, fields: list, scan: str) -> None:
    oracle = Oracle(KEYS, "k1", fields, scan)
    verdict, place, _, value, _, masking, _, _ = enforce(kernel(fields, scan), document.encode())
    expected = oracle.outcome(document)
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
    oracle = Oracle(KEYS, "k1", [], scan)
    flow = kernel([], scan)
    in_key = oracle.mask_text(text, list(text), "token")
    _, _, key, _, _, _, _, _ = enforce(flow, None, text.encode())
    assert key.decode() == (text if in_key is None else in_key)
    in_header = oracle.mask_text(text, list(text), "redact" if scan == "drop" else scan)
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
    if value is None:
        return
    oracle = Oracle(KEYS, "k1", [], scan)

    def texts(part: object) -> list[str]:
        if isinstance(part, dict):
            return [text for name, inner in part.items() for text in (name, *texts(inner))]
        if isinstance(part, list):
            return [text for inner in part for text in texts(inner)]
        return [str(part)]

    left = texts(json.loads(value, parse_float=lambda raw: str(int(Decimal(raw)))))
    assert not [text for text in left if oracle.card_numbers(text)]
