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


def test_perfect_and_missing_answers_have_a_finite_temperature() -> None:
    assert 0 < fit_temperature(np.array([[9.0, 0.0], [0.0, 9.0]]), np.array([0, 1])) < 1
    assert fit_temperature(np.zeros((0, 3)), np.zeros(0, dtype=np.int64)) == 1.0


def test_the_threshold_flags_the_share_asked_for() -> None:
    confidence = np.linspace(0.5, 1, 1001)
    probabilities = np.stack([confidence, 1 - confidence], axis=1)
    threshold = abstain_threshold(probabilities, flagged=0.1)
    assert (confidence < threshold).mean() == pytest.approx(0.1, abs=0.002)
