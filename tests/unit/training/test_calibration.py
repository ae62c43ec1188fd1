import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.calibration import abstain_threshold, fit_temperature
from training.metrics import calibration_error, softmax


@settings(max_examples=12)
@given(st.floats(0.3, 4.0), st.integers(0, 2**16))
def test_the_temperature_that_spoilt_honest_logits_is_found(temperature: float, seed: int) -> None:
    """Labels drawn from softmax(logits) are calibrated; multiplied by T, the fit must give T back."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (4000, 4))
    odds = softmax(logits)
    truth = np.array([rng.choice(4, p=row) for row in odds])
    assert fit_temperature(logits * temperature, truth) == pytest.approx(temperature, rel=0.15)


def test_calibrated_confidence_is_honest() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 2, (5000, 5))
    truth = np.array([rng.choice(5, p=row) for row in softmax(logits)])
    sure = logits * 3
    assert calibration_error(softmax(sure), truth) > 0.1
    assert calibration_error(softmax(sure, fit_temperature(sure, truth)), truth) < 0.03


def test_no_answers_leave_the_logits_as_they_are() -> None:
    assert fit_temperature(np.zeros((0, 3)), np.zeros(0, dtype=np.int64)) == 1.0


@pytest.mark.parametrize("count", [6, 50, 500])
def test_few_answers_that_are_all_right_are_no_certainty(count: int) -> None:
    """A small and easy folder must not end in a version that is sure of all, or doubts what is not certain."""
    logits = np.random.default_rng(2).normal(0, 0.7, (count, 3))
    truth = np.arange(count) % 3
    logits[np.arange(count), truth] += 6
    probabilities = softmax(logits, fit_temperature(logits, truth))
    assert probabilities.max(axis=1).mean() == pytest.approx((count + 1) / (count + 2), abs=0.01)
    assert abstain_threshold(probabilities) < 0.999


def test_the_threshold_flags_the_share_asked_for() -> None:
    confidence = np.linspace(0.5, 1, 1001)
    probabilities = np.stack([confidence, 1 - confidence], axis=1)
    threshold = abstain_threshold(probabilities, flagged=0.1)
    assert (confidence < threshold).mean() == pytest.approx(0.1, abs=0.002)
