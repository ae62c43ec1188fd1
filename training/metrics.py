"""What is measured of a classifier, from its probabilities and the true labels. NumPy only."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Metrics:
    """Metrics of one set of predictions.

    Attributes:
        accuracy: Share of right verdicts.
        interval: 95 % Wilson interval of the accuracy.
        macro_f1: F1 averaged over the labels that occur.
        recall: Share found of each label that occurs.
        ece: Expected calibration error over 15 bins of equal width (Guo et al. 2017, arXiv:1706.04599).
        images: How many were predicted.
    """

    accuracy: float
    interval: tuple[float, float]
    macro_f1: float
    recall: dict[str, float]
    ece: float
    images: int


def measure(probabilities: Floats, truth: Labels, labels: Sequence[str]) -> Metrics:
    """Measure predictions.

    Args:
        probabilities: Shape (images, classes).
        truth: Shape (images,), indices into `labels`.
        labels: Names of the classes.
    """
    table = confusion(probabilities.argmax(axis=1), truth, len(labels))
    right = int(np.trace(table))
    actual, predicted = table.sum(axis=1), table.sum(axis=0)
    occurs = actual > 0
    hits = np.diag(table)
    f1 = 2 * hits / np.maximum(actual + predicted, 1)
    return Metrics(
        accuracy=right / max(1, len(truth)),
        interval=wilson(right, len(truth)),
        macro_f1=float(f1[occurs].mean()) if occurs.any() else 0.0,
        recall={labels[i]: float(hits[i] / actual[i]) for i in np.flatnonzero(occurs).tolist()},
        ece=calibration_error(probabilities, truth),
        images=len(truth),
    )


def confusion(predicted: Labels, truth: Labels, classes: int) -> Labels:
    """Return counts, shape (classes, classes): rows are the truth, columns the verdict."""
    table = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(table, (truth, predicted), 1)
    return table


def wilson(right: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of a share; (0, 1) of nothing."""
    if total == 0:
        return 0.0, 1.0
    share = right / total
    centre = (share + z * z / (2 * total)) / (1 + z * z / total)
    spread = z * np.sqrt(share * (1 - share) / total + z * z / (4 * total * total)) / (1 + z * z / total)
    return max(0.0, float(centre - spread)), min(1.0, float(centre + spread))


def calibration_error(probabilities: Floats, truth: Labels, bins: int = 15) -> float:
    """Return how far confidence is from accuracy, averaged over bins of confidence."""
    if len(truth) == 0:
        return 0.0
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    error = 0.0
    for b in range(bins):
        inside = which == b
        if inside.any():
            error += float(inside.mean()) * abs(float(right[inside].mean()) - float(confidence[inside].mean()))
    return error


def softmax(logits: NDArray[np.floating], temperature: float = 1.0) -> Floats:
    """Return probabilities, shape (images, classes), of logits divided by a temperature."""
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    exponentials = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))
