import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.metrics import calibration_error, confusion, measure, softmax, wilson

LABELS = ("form", "invoice", "receipt")


def test_counts_are_told_apart_by_row_and_column() -> None:
    table = confusion(np.array([0, 1, 1, 2]), np.array([0, 0, 1, 1]), 3)
    assert table.tolist() == [[1, 1, 0], [0, 1, 1], [0, 0, 0]]


def test_known_predictions_have_known_metrics() -> None:
    """Guards against swapped rows, and against a label that does not occur dragging down the mean."""
    probabilities = np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.1, 0.9, 0.0], [0.3, 0.7, 0.0]])
    metrics = measure(probabilities, np.array([0, 0, 1, 1]), LABELS)
    assert metrics.accuracy == 0.75
    assert metrics.recall == {"form": 0.5, "invoice": 1.0}
    assert metrics.macro_f1 == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert metrics.images == 4


def test_wilson_interval_of_a_published_example() -> None:
    """15 of 20: 0.531 to 0.888 (Newcombe 1998, method 3, gives the same formula)."""
    low, high = wilson(15, 20)
    assert low == pytest.approx(0.5313, abs=1e-3)
    assert high == pytest.approx(0.8881, abs=1e-3)


@given(st.integers(0, 500), st.integers(0, 500))
def test_wilson_interval_holds_the_share(right: int, wrong: int) -> None:
    low, high = wilson(right, right + wrong)
    assert 0 <= low <= high <= 1
    if right + wrong:
        assert low - 1e-9 <= right / (right + wrong) <= high + 1e-9


def test_honest_confidence_has_no_calibration_error() -> None:
    probabilities = np.tile([0.75, 0.25], (400, 1))
    truth = np.array([0, 0, 0, 1] * 100)
    assert calibration_error(probabilities, truth) == pytest.approx(0.0)
    assert calibration_error(probabilities, np.zeros(400, dtype=np.int64)) == pytest.approx(0.25)


@given(st.lists(st.lists(st.floats(-500, 500), min_size=3, max_size=3), min_size=1, max_size=9), st.floats(0.05, 20))
def test_softmax_gives_probabilities(rows: list[list[float]], temperature: float) -> None:
    """Large logits at low temperatures must not overflow."""
    probabilities = softmax(np.array(rows), temperature)
    assert np.all(probabilities >= 0)
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(len(rows)))
