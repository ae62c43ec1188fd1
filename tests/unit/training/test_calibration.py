import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.calibration import expected_calibration_error
from training.calibration import abstain_threshold, fit_temperature
from training.metrics import softmax


def _error(probabilities: np.ndarray, truth: np.ndarray) -> float:
    return expected_calibration_error(probabilities.max(axis=1), probabilities.argmax(axis=1) == truth)


def _sample_labels(logits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a label for each page, drawn from its softmax probabilities."""
    return np.asarray((softmax(logits).cumsum(axis=1)[:, :-1] < rng.random((len(logits), 1))).sum(axis=1))


@settings(max_examples=12)
@given(st.floats(0.3, 4.0), st.integers(0, 2**16))
def test_temperature_of_scaled_logits_is_recovered(temperature: float, seed: int) -> None:
    """Labels drawn from softmax(logits) are calibrated. For logits multiplied by T, the fit returns T."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (4000, 4))
    truth = _sample_labels(logits, rng)
    assert fit_temperature(logits * temperature, truth) == pytest.approx(temperature, rel=0.15)


def test_calibrated_confidence_has_a_small_calibration_error() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 2, (5000, 5))
    truth = _sample_labels(logits, rng)
    overconfident = logits * 3
    assert _error(softmax(overconfident), truth) > 0.1
    assert _error(softmax(overconfident, fit_temperature(overconfident, truth)), truth) < 0.03


def test_temperature_without_pages_is_one() -> None:
    assert fit_temperature(np.zeros((0, 3)), np.zeros(0, dtype=np.int64)) == 1.0


@pytest.mark.parametrize("count", [6, 50, 500])
def test_few_pages_that_are_all_right_do_not_give_certainty(count: int) -> None:
    """A small and easy folder must not lead to a confidence of 1 or to a threshold that flags every page."""
    logits = np.random.default_rng(2).normal(0, 0.7, (count, 3))
    truth = np.arange(count) % 3
    logits[np.arange(count), truth] += 6
    probabilities = softmax(logits, fit_temperature(logits, truth))
    assert probabilities.max(axis=1).mean() == pytest.approx((count + 1) / (count + 2), abs=0.01)
    assert abstain_threshold(probabilities) < 0.999


def test_threshold_flags_the_requested_share() -> None:
    confidence = np.linspace(0.5, 1, 1001)
    probabilities = np.stack([confidence, 1 - confidence], axis=1)
    threshold = abstain_threshold(probabilities, flagged_share=0.1)
    assert (confidence < threshold).mean() == pytest.approx(0.1, abs=0.002)
