import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.metrics import classification_metrics, confusion_matrix, softmax

LABELS = ("form", "invoice", "receipt")


def test_confusion_matrix_has_true_labels_in_rows() -> None:
    counts = confusion_matrix(np.array([0, 1, 1, 2]), np.array([0, 0, 1, 1]), 3)
    assert counts.tolist() == [[1, 1, 0], [0, 1, 1], [0, 0, 0]]


def test_metrics_of_known_predictions() -> None:
    """Rows and columns are not swapped, and a label that does not occur does not lower the mean."""
    probabilities = np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.1, 0.9, 0.0], [0.3, 0.7, 0.0]])
    metrics = classification_metrics(probabilities, np.array([0, 0, 1, 1]), LABELS)
    assert metrics.accuracy == 0.75
    assert metrics.interval == pytest.approx((0.1941, 0.9937), abs=1e-4)  # Clopper-Pearson, 3 of 4
    assert metrics.recall == {"form": 0.5, "invoice": 1.0}
    assert metrics.macro_f1 == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert metrics.ece == pytest.approx((2 * 0.1 + 0.8 + 0.3) / 4)  # 0.9, 0.9 right; 0.8 wrong; 0.7 right
    assert metrics.images == 4


def test_metrics_without_pages() -> None:
    metrics = classification_metrics(np.zeros((0, 3)), np.zeros(0, dtype=np.int64), LABELS)
    assert (metrics.accuracy, metrics.interval, metrics.recall, metrics.images) == (0, (0, 1), {}, 0)


@given(st.lists(st.lists(st.floats(-500, 500), min_size=3, max_size=3), min_size=1, max_size=9), st.floats(0.05, 20))
def test_softmax_of_large_logits_at_low_temperature_does_not_overflow(
    rows: list[list[float]], temperature: float
) -> None:
    probabilities = softmax(np.array(rows), temperature)
    assert np.all(probabilities >= 0)
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(len(rows)))
