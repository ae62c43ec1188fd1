"""Protects: the calibration error is the published, weighted one; its null percentile separates signal from noise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.calibration import BINS, assess_calibration, expected_calibration_error


def test_calibration_of_no_documents_is_none() -> None:
    assert assess_calibration(np.zeros(0), np.zeros(0, dtype=bool), np.zeros(0)) is None
    assert expected_calibration_error(np.zeros(0), np.zeros(0, dtype=bool)) == 0.0


def test_error_is_weighted_gap_between_confidence_and_accuracy() -> None:
    # By hand: one bin of mean confidence 0.85 with one of two right, one of 0.55 with one of one right.
    confidence, right, weights = np.array([0.82, 0.86, 0.55]), np.array([True, False, True]), np.array([1.0, 1.0, 2.0])
    expected = 0.5 * abs(0.5 - 0.84) + 0.5 * abs(1 - 0.55)
    found = assess_calibration(confidence, right, weights)
    assert found is not None
    assert found.error == pytest.approx(expected)
    assert expected_calibration_error(confidence, right, weights) == pytest.approx(expected)
    assert [(part.low, part.high, part.accuracy.n) for part in found.bins] == [
        (8 / 15, 9 / 15, 1),
        (12 / 15, 13 / 15, 2),
    ]
    assert found.bins[1].confidence == pytest.approx(0.84)
    assert found.n == 3


@settings(max_examples=50)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60), st.integers(1, 20))
def test_error_matches_definition_bin_by_bin(predictions: list[tuple[float, bool]], bins: int) -> None:
    confidence = np.array([each for each, _ in predictions])
    right = np.array([each for _, each in predictions])
    index = np.minimum((confidence * bins).astype(int), bins - 1)
    error = sum(
        float((index == b).mean()) * abs(float(right[index == b].mean()) - float(confidence[index == b].mean()))
        for b in set(index.tolist())
    )
    assert expected_calibration_error(confidence, right, bins=bins) == pytest.approx(error, abs=1e-12)


def test_confidence_of_one_belongs_to_last_bin() -> None:
    found = assess_calibration(np.array([1.0]), np.array([True]), np.array([1.0]))
    assert found is not None
    assert found.bins[0].low == (BINS - 1) / BINS
    assert found.error == 0


@pytest.mark.parametrize("n", [40, 400])
def test_null_percentile_separates_calibrated_from_overconfident_versions(n: int) -> None:
    rng = np.random.default_rng(2)
    false_alarms, detected = 0, 0
    for _ in range(100):
        confidence = rng.beta(8, 2, n)
        calibrated = assess_calibration(confidence, rng.random(n) < confidence, np.ones(n))
        overconfident = assess_calibration(confidence, rng.random(n) < confidence - 0.25, np.ones(n))
        assert calibrated is not None
        assert overconfident is not None
        false_alarms += calibrated.error > calibrated.null_95
        detected += overconfident.error > overconfident.null_95
    assert false_alarms <= 13  # 5 expected of 100
    assert detected >= (95 if n == 400 else 50)


def test_calibration_does_not_depend_on_document_order() -> None:
    rng = np.random.default_rng(4)
    confidence, right, weights = rng.random(60), rng.random(60) < 0.5, rng.random(60)
    order = rng.permutation(60)
    one = assess_calibration(confidence, right, weights)
    two = assess_calibration(confidence[order], right[order], weights[order])
    assert one is not None
    assert two is not None
    assert one.error == pytest.approx(two.error)
    assert one.null_95 == pytest.approx(two.null_95)
