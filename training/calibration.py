"""How sure a version says it is, and below what it should say that it does not know."""

import numpy as np
from numpy.typing import NDArray

from training.metrics import Floats, Labels, softmax

LOWEST, HIGHEST = 0.05, 20.0


def fit_temperature(logits: NDArray[np.floating], truth: Labels, steps: int = 60) -> float:
    """Return the temperature that makes held-out logits likeliest (Guo et al. 2017, arXiv:1706.04599).

    The negative log-likelihood is convex in 1/T, so a golden-section search over log T finds its one minimum. Of n
    answers, the right label counts (n + 1) / (n + 2) and the others share the rest, as in Platt's scaling (1999): a few
    answers that are all right then make no certainty.

    Args:
        logits: Shape (images, classes), of images that training did not see.
        truth: Shape (images,).
        steps: Halvings of the interval; 60 reach machine precision.
    """
    if len(truth) == 0:
        return 1.0
    rows = np.arange(len(truth))
    sure = (len(truth) + 1) / (len(truth) + 2)

    def loss(log_t: float) -> float:
        surprise = -np.log(np.maximum(softmax(logits, float(np.exp(log_t))), 1e-12))
        right = surprise[rows, truth]
        wrong = (surprise.sum(axis=1) - right) / (surprise.shape[1] - 1)
        return float((sure * right + (1 - sure) * wrong).mean())

    low, high = np.log(LOWEST), np.log(HIGHEST)
    ratio = (np.sqrt(5) - 1) / 2
    for _ in range(steps):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if loss(left) <= loss(right):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))


def abstain_threshold(probabilities: Floats, flagged: float = 0.1) -> float:
    """Return the confidence below which this share of good documents would be marked for review.

    Args:
        probabilities: Calibrated, shape (images, classes), of documents that belong to some label.
        flagged: The share of them that a person is willing to look at.
    """
    if len(probabilities) == 0:
        return 0.5
    return float(np.quantile(probabilities.max(axis=1), flagged))
