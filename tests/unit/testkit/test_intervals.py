"""Protects: intervals and limits in reports of measurements hold as often as they say."""

import random

import pytest

from testkit.intervals import median_interval, tolerance_limit


@pytest.mark.parametrize(
    ("count", "lowest"),
    [(6, 1), (8, 1), (9, 2), (20, 6), (24, 7), (30, 10)],  # tables of the sign test at 95 %
)
def test_interval_of_the_median_has_the_rank_of_published_tables(count: int, lowest: int) -> None:
    values = [float(number) for number in range(count, 0, -1)]
    assert median_interval(values) == (lowest, count + 1 - lowest)


def test_too_few_values_have_no_interval() -> None:
    assert median_interval([1.0] * 5) is None
    assert median_interval([]) is None


@pytest.mark.parametrize(
    ("count", "confidence", "factor"),
    [(10, 0.95, 3.981), (30, 0.95, 3.064), (10, 0.99, 5.074), (40, 0.99, 3.249)],  # published tables for 99 %
)
def test_limit_has_the_factor_of_published_tables(count: int, confidence: float, factor: float) -> None:
    values = [-1.0, 0.0, 1.0]  # mean 0, standard deviation 1
    assert tolerance_limit(values, count, confidence=confidence) == pytest.approx(factor, abs=0.001)


def test_limit_covers_the_share_as_often_as_its_confidence() -> None:
    generator = random.Random(0)
    covers = 0
    for _ in range(1000):
        limit = tolerance_limit([generator.gauss(500, 20) for _ in range(20)], 20, confidence=0.9)
        covers += limit >= 500 + 2.326 * 20
    assert 860 <= covers <= 940
