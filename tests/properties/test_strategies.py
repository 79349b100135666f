"""What every strategy promises, whatever it is given."""

import json
import random
import unicodedata
from typing import Any

import panlock_kernel
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.masking.strategies import CLASSES, allowed
from tests.properties import documents

KEYRING = panlock_kernel.Keyring({"k1": b"1" * 32, "k0": b"0" * 32}, "k1")
BEFORE = panlock_kernel.Keyring({"k1": b"1" * 32, "k0": b"0" * 32}, "k0")
RULES = [(class_, strategy) for class_ in CLASSES for strategy in allowed(class_)]
ZEROS = [chr(code) for code in range(0x11000) if unicodedata.decimal(chr(code), None) == 0]
BETWEEN = ["", " ", "-", ".", "/", "_", "\u00a0", "\u202f", "\u2013", "\u2014", "\u200b", "\u00ad", "  ", "\r\n"]


def flow(class_: str, strategy: str, keyring: panlock_kernel.Keyring = KEYRING, **more: Any) -> panlock_kernel.Flow:
    rule = {"path": "$.v", "class": class_, "strategy": strategy, **more}
    return panlock_kernel.Flow(json.dumps({"flow": "payments", "fields": [rule]}).encode(), keyring)


def masked(kernel: panlock_kernel.Flow, value: object) -> Any:
    """What stands at $.v afterwards; None where it was dropped."""
    document = enforce(kernel, json.dumps({"v": value}).encode())
    return json.loads(document).get("v")


def enforce(kernel: panlock_kernel.Flow, value: bytes) -> bytes:
    verdict, _, _, out, _, _, _, _ = kernel.enforce("checkout", [None], [value], [()])[0]
    assert verdict == 0 and out is not None
    return out


def with_check_digit(digits: str) -> str:
    doubled = (int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(digits)))
    return digits + str(-sum(value // 10 + value % 10 for value in doubled) % 10)


def is_valid(number: str) -> bool:
    return with_check_digit(number[:-1]) == number


PANS = st.text("0123456789", min_size=12, max_size=18).map(with_check_digit)
SOMETHING = st.one_of(PANS, st.text(max_size=40), st.integers(), st.floats(allow_nan=False, allow_infinity=False))


@st.composite
def spelt(draw: st.DrawFn, pan: str) -> str:
    zero = draw(st.sampled_from(ZEROS))
    return "".join(chr(ord(zero) + int(digit)) + draw(st.sampled_from(BETWEEN)) for digit in pan)


@given(st.sampled_from(RULES), SOMETHING, st.sampled_from(["redact", "token", "partial", "drop", "encrypt"]))
def test_a_second_pass_leaves_alone_what_the_first_left(rule: tuple[str, str], value: object, fallback: str) -> None:
    kernel = flow(*rule, **({"fallback": fallback} if rule[1] == "fpe" else {}))
    once = enforce(kernel, json.dumps({"v": value}).encode())
    assert enforce(kernel, once) == once


@given(st.sampled_from(["token", "encrypt", "fpe"]), PANS)
def test_what_a_key_before_made_is_left_alone(strategy: str, pan: str) -> None:
    made = masked(flow("pan", strategy, BEFORE), pan)
    assert masked(flow("pan", strategy), made) == made


@given(st.data(), PANS, st.sampled_from(["token", "fpe", "partial"]))
def test_a_number_is_masked_alike_in_every_spelling(data: st.DataObject, pan: str, strategy: str) -> None:
    kernel = flow("pan", strategy)
    assert masked(kernel, data.draw(spelt(pan))) == masked(kernel, pan)


@given(PANS, st.sampled_from(["default", "cards"]))
def test_fpe_keeps_length_and_bin_and_is_never_a_valid_number(pan: str, domain: str) -> None:
    config = {"domains": {"cards": {"key": "k1"}}}
    config["fields"] = [{"path": "$.v", "class": "pan", "strategy": "fpe", "domain": domain}]  # type: ignore[assignment]
    out = masked(panlock_kernel.Flow(json.dumps(config).encode(), KEYRING), pan)
    assert (len(out), out[:6]) == (len(pan), pan[:6])
    assert not is_valid(out)


@given(PANS, PANS)
def test_fpe_makes_two_numbers_two(one: str, other: str) -> None:
    other = with_check_digit(one[:6] + other[6:-1])
    kernel = flow("pan", "fpe")
    assert (masked(kernel, one) == masked(kernel, other)) == (one == other)


@given(st.text("0123456789", min_size=13, max_size=19), st.sampled_from(["redact", "token"]))
def test_what_is_no_valid_number_falls_back(digits: str, fallback: str) -> None:
    if not is_valid(digits) and masked(flow("pan", "fpe", fallback=fallback), digits) != digits:
        assert masked(flow("pan", "fpe", fallback=fallback), digits) == masked(flow("pan", fallback), digits)


@given(PANS.filter(lambda pan: len(pan) < 19))
def test_a_number_under_fpe_stays_a_number(pan: str) -> None:
    number = int(with_check_digit("4" + pan[1:-1] + "0"))
    out = masked(flow("pan", "fpe"), number)
    assert isinstance(out, int)
    assert out != number


@given(st.text(max_size=60), st.sampled_from([class_ for class_, strategy in RULES if strategy == "encrypt"]))
def test_encryption_shows_nothing_of_the_text_but_its_length(text: str, class_: str) -> None:
    kernel = flow(class_, "encrypt")
    out = masked(kernel, text)
    assert out.startswith("enc_k1_")
    assert out == masked(kernel, text)
    assert text not in out.removeprefix("enc_k1_") or len(text) < 4
    if class_ != "pan":
        assert out != masked(flow("pan", "encrypt"), text)


@given(PANS, st.sampled_from(["6+4", "8+4", "0+4"]))
def test_partial_never_shows_more_than_faq_1091_allows(pan: str, truncation: str) -> None:
    rule = {"path": "$.v", "class": "pan", "strategy": "partial"}
    config = {"fields": [rule], "truncation": truncation}
    out = masked(panlock_kernel.Flow(json.dumps(config).encode(), KEYRING), pan)
    shown = sum(char.isdigit() for char in out)
    assert len(out) == len(pan) and out[-4:] == pan[-4:]
    assert shown <= (12 if truncation == "8+4" and len(pan) == 16 else 10)
    assert len(pan) - shown >= 4 + (len(pan) != 16)


@given(
    st.integers(0, 2**63).map(documents.document),
    st.sampled_from(sorted(allowed("pan"))),
    st.sampled_from(["token", "fpe"]),
    st.integers(0, 2**63).map(lambda seed: documents.text(random.Random(seed))),
)
@settings(max_examples=500, deadline=None)
def test_a_second_scan_leaves_alone_what_the_first_left(document: str, pan: str, key_by: str, text: str) -> None:
    config = {"flow": "payments", "scan": {"pan": pan, "key": key_by}}
    kernel = panlock_kernel.Flow(json.dumps(config).encode(), KEYRING)
    first = kernel.enforce("checkout", [text.encode()], [document.encode()], [(("h", text.encode()),)])[0]
    if first[0] < 0:
        return
    headers = (("h", text.encode()),) if first[4] is None else first[4]
    second = kernel.enforce("checkout", [first[2]], [first[3]], [headers])[0]
    assert second[2:4] == first[2:4]
    assert second[4] is None or second[4] == headers
    assert second[5] == b"[]"
