"""Temperature scaling, and the confidence below which a version abstains."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.metrics import Floats, LabelIndices, softmax

MIN_TEMPERATURE, MAX_TEMPERATURE = 0.05, 20.0


def fit_temperature(logits: NDArray[np.floating[Any]], truth: LabelIndices, steps: int = 60) -> float:
    """Return the temperature that maximises the likelihood of held-out logits (Guo et al. 2017, arXiv:1706.04599).

    The negative log-likelihood is convex in 1/T, so a golden-section search over log T finds its only minimum. With n
    pages, the target probability of the right label is (n + 1) / (n + 2) and the other labels share the rest, as in
    Platt scaling (1999). A few predictions that are all right therefore do not lead to certainty.

    Args:
        logits: Logits of pages that were not trained on, shape (pages, classes).
        truth: True labels, shape (pages,).
        steps: Number of search steps; 60 reach machine precision.

    Returns:
        The temperature; 1.0 for no pages.
    """
    if len(truth) == 0:
        return 1.0
    rows = np.arange(len(truth))
    target = (len(truth) + 1) / (len(truth) + 2)

    def loss(log_t: float) -> float:
        losses = -np.log(np.maximum(softmax(logits, float(np.exp(log_t))), 1e-12))
        right = losses[rows, truth]
        wrong = (losses.sum(axis=1) - right) / (losses.shape[1] - 1)
        return float((target * right + (1 - target) * wrong).mean())

    low, high = np.log(MIN_TEMPERATURE), np.log(MAX_TEMPERATURE)
    ratio = (np.sqrt(5) - 1) / 2
    for _ in range(steps):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if loss(left) <= loss(right):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))


def familiar_norm(norms: NDArray[np.floating[Any]], flagged_share: float = 0.05) -> float | None:
    """Return the norm of the features below which a given share of in-distribution pages is flagged as unfamiliar.

    Args:
        norms: Norms of held-out pages that belong to one of the labels, shape (pages,).
        flagged_share: Share of them that may be flagged.

    Returns:
        The threshold; None for no pages.
    """
    return float(np.quantile(norms, flagged_share)) if len(norms) else None


def abstain_threshold(probabilities: Floats, flagged_share: float = 0.1) -> float:
    """Return the confidence below which a given share of in-distribution pages is flagged for review.

    Args:
        probabilities: Calibrated probabilities of pages that belong to one of the labels, shape (pages, classes).
        flagged_share: Share of them that may be flagged.
    """
    if len(probabilities) == 0:
        return 0.5
    return float(np.quantile(probabilities.max(axis=1), flagged_share))
