"""Protects: the calibration error is the published one, weighted, and is not mistaken for noise or noise for it."""

import numpy as np
import pytest

from evidence.calibration import calibration


def test_nothing_labelled_is_no_calibration() -> None:
    assert calibration(np.zeros(0), np.zeros(0, dtype=bool), np.zeros(0)) is None


def test_the_error_is_the_weighted_gap_between_confidence_and_accuracy() -> None:
    # By hand: one bin of mean confidence 0.85 with one of two right, one of 0.55 with one of one right.
    found = calibration(np.array([0.82, 0.88, 0.55]), np.array([True, False, True]), np.array([1.0, 1.0, 2.0]))
    assert found is not None
    assert found.error == pytest.approx(0.5 * abs(0.5 - 0.85) + 0.5 * abs(1 - 0.55))
    assert [(part.low, part.high, part.accuracy.n) for part in found.bins] == [(0.5, 0.6, 1), (0.8, 0.9, 2)]
    assert found.bins[1].confidence == pytest.approx(0.85)
    assert found.n == 3


def test_a_confidence_of_one_is_in_the_last_bin() -> None:
    found = calibration(np.array([1.0]), np.array([True]), np.array([1.0]))
    assert found is not None
    assert found.bins[0].low == 0.9
    assert found.error == 0


@pytest.mark.parametrize("n", [40, 400])
def test_a_calibrated_version_stays_below_the_noise_and_an_overconfident_one_does_not(n: int) -> None:
    chance = np.random.default_rng(2)
    outside, caught = 0, 0
    for _ in range(100):
        sure = chance.beta(8, 2, n)
        honest = calibration(sure, chance.random(n) < sure, np.ones(n))
        boaster = calibration(sure, chance.random(n) < sure - 0.25, np.ones(n))
        assert honest is not None
        assert boaster is not None
        outside += honest.error > honest.by_chance
        caught += boaster.error > boaster.by_chance
    assert outside <= 13  # 5 expected of 100
    assert caught >= (95 if n == 400 else 50)


def test_the_order_of_documents_is_nothing() -> None:
    chance = np.random.default_rng(4)
    sure, right, weights = chance.random(60), chance.random(60) < 0.5, chance.random(60)
    order = chance.permutation(60)
    one, two = calibration(sure, right, weights), calibration(sure[order], right[order], weights[order])
    assert one is not None
    assert two is not None
    assert one.error == pytest.approx(two.error)
    assert one.by_chance == pytest.approx(two.by_chance)
