"""Classification metrics from probabilities and true labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evidence.calibration import expected_calibration_error
from evidence.intervals import binomial_interval

Floats = NDArray[np.float64]
LabelIndices = NDArray[np.int64]
Booleans = NDArray[np.bool_]


@dataclass(frozen=True)
class ClassificationMetrics:
    """Metrics of one set of predictions.

    Attributes:
        accuracy: Share of pages whose predicted label is right.
        interval: Exact 95 % confidence interval of the accuracy.
        macro_f1: Mean F1 of the labels that occur.
        recall: Recall of each label that occurs.
        ece: Expected calibration error over `evidence.calibration.BINS` bins.
        images: Number of pages.
    """

    accuracy: float
    interval: tuple[float, float]
    macro_f1: float
    recall: dict[str, float]
    ece: float
    images: int


def classification_metrics(probabilities: Floats, truth: LabelIndices, labels: Sequence[str]) -> ClassificationMetrics:
    """Return the metrics of predictions.

    Args:
        probabilities: Predicted probabilities, shape (pages, classes).
        truth: True labels, shape (pages,), as indices into `labels`.
        labels: Names of the classes.
    """
    predicted = probabilities.argmax(axis=1)
    counts = confusion_matrix(predicted, truth, len(labels))
    correct = int(np.trace(counts))
    true_counts, predicted_counts = counts.sum(axis=1), counts.sum(axis=0)
    occurs = true_counts > 0
    true_positives = np.diag(counts)
    f1 = 2 * true_positives / np.maximum(true_counts + predicted_counts, 1)
    return ClassificationMetrics(
        accuracy=correct / max(1, len(truth)),
        interval=binomial_interval(correct, len(truth)),
        macro_f1=float(f1[occurs].mean()) if occurs.any() else 0.0,
        recall={labels[i]: float(true_positives[i] / true_counts[i]) for i in np.flatnonzero(occurs).tolist()},
        ece=expected_calibration_error(probabilities.max(axis=1), predicted == truth),
        images=len(truth),
    )


def confusion_matrix(predicted: LabelIndices, truth: LabelIndices, classes: int) -> LabelIndices:
    """Return counts by true label (rows) and predicted label (columns), shape (classes, classes)."""
    counts = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts, (truth, predicted), 1)
    return counts


def softmax(logits: NDArray[np.floating[Any]], temperature: float = 1.0) -> Floats:
    """Return probabilities, shape (pages, classes), of logits divided by a temperature."""
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    exponentials = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))
