"""The benchmark measures what it says: its input, its keys, its report."""

import json

import pytest

from bench import engine, scale
from bench.copying import Run
from bench.payments import SIZE, from_letters, letters, payments
from bench.throughput import Throughput


def test_payments_are_different_json_of_one_kilobyte_with_a_valid_card_number() -> None:
    values = payments()
    assert {len(value) for value in values} == {SIZE}
    assert len(set(values)) == len(values)
    for value in values:
        digits = [int(digit) for digit in reversed(json.loads(value)["card"]["number"])]
        assert len(digits) == 16
        assert sum(digits[::2]) % 10 == -sum(d * 2 - 9 * (d > 4) for d in digits[1::2]) % 10


@pytest.mark.parametrize("size", [200, 401, 10_000, 1 << 20])
def test_payments_have_the_size_that_is_asked_for(size: int) -> None:
    values = payments(size, "refund", 9_000.0)
    assert {len(value) for value in values} == {size}
    assert all(json.loads(value)["amount"] > 9_000 for value in values[:10])


@pytest.mark.parametrize("number", [0, 1, 4111111111111111, 1 << 63, (1 << 64) - 1])
def test_keys_hold_a_number_and_no_digit(number: int) -> None:
    key = letters(number)
    assert from_letters(key) == number
    assert len(key) == 16
    assert key.isalpha()


def test_report_compares_medians() -> None:
    def runs(*rates: float) -> list[Run]:
        return [Run(Throughput(rate, 10.0, 5.0, 1.0), 5, 5) for rate in rates]

    results = {"quix": runs(10, 30, 20), "panlock": runs(90, 10, 60)}
    assert engine.ratios(results) == {"panlock/quix": 3.0}
    assert engine.report(5, results["panlock"])["records_per_second"] == 60


def test_growth_is_the_steepest_step_of_each_cost() -> None:
    points: list[scale.Point] = [
        {"at": 0, "flat": 9, "square": 9},
        {"at": 1, "flat": 2, "square": 1},
        {"at": 10, "flat": 2, "square": 100},
        {"at": 100, "flat": 2, "square": 100},
    ]
    assert scale.growth(points, ["flat", "square"]) == {"flat": 0.0, "square": 2.0}
