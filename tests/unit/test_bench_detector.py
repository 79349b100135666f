"""The detector's benchmark: what is a hit, what a false positive, and what it reports."""

import random

import pytest

from bench import detector
from bench.detectors import Found, luhn, of_texts
from tests.corpus.corpus import Line, Truth, decoys
from tests.corpus.networks import NETWORKS, card

LINE = Line('{"n":"x 4111111111111111"}', "bare", "neutral", "visa", 16, Truth("$.n", 2, 18))


@pytest.mark.parametrize(
    ("found", "hit"),
    [
        ([Found("$.n", 2, 18)], True),
        ([Found("$.n", 0, 18)], True),
        ([Found("$.n", 3, 18)], False),
        ([Found("$.n", 2, 17)], False),
        ([Found("$.m", 2, 18)], False),
        ([], False),
    ],
)
def test_a_number_is_found_where_a_finding_covers_all_of_it(found: list[Found], hit: bool) -> None:
    assert detector.is_hit(LINE, found) is hit


def test_anything_found_in_a_look_alike_is_a_false_positive() -> None:
    line = next(decoys(1, 1))
    assert detector.is_hit(line, [Found("$.elsewhere", 0, 1)])
    assert not detector.is_hit(line, [])


def test_rates_are_hits_by_lines_of_each_view() -> None:
    score = detector.Score()
    for hit in (True, True, False, True):
        score.count(LINE, hit)
    score.count(LINE._replace(network="mir"), False)
    assert score.rate == 0.6
    assert score.rates("network") == {"visa": 0.75, "mir": 0.0}


def test_the_plain_regex_checks_the_check_digit() -> None:
    chance = random.Random(1)
    detect = of_texts(luhn)
    for network in NETWORKS:
        digits = card(chance, network).digits
        wrong = digits[:-1] + str((int(digits[-1]) + 1) % 10)
        assert detect(f'{{"a":["{digits}",{digits},"{wrong}"]}}') == [
            Found("$.a[0]", 0, len(digits)),
            Found("$.a[1]", 0, len(digits)),
        ]


def test_the_report_has_every_detector_and_view() -> None:
    result = detector.report(3, 1, 1)
    assert {"machine", "versions", "runs", "ratios"} <= set(result)
    assert set(result["runs"]) == {"panlock", "presidio", "scrubadub", "luhn"}
    for each in result["runs"].values():
        assert {"recall", "false_positives", "recall_by_network", "recall_by_spelling"} <= set(each)
        assert "false_positives_by_decoy" in each
