"""Calibration: how well confidence matches accuracy. Training, evaluation and the report all use this module."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from evidence.intervals import Booleans, Estimate, Floats, weighted_share

BINS = 15
"""Number of confidence bins of equal width, as in Guo et al. (2017). Model cards and reports use the same number."""

_RESAMPLES = 200
_SEED = 20240229


@dataclass(frozen=True)
class CalibrationBin:
    """Documents with confidence between `low` and `high`: their mean confidence and their accuracy."""

    low: float
    high: float
    confidence: float
    accuracy: Estimate


@dataclass(frozen=True)
class Calibration:
    """Expected calibration error of labelled documents, weighted for how they were selected.

    Attributes:
        n: Number of documents.
        error: Expected calibration error (ECE) over `BINS` bins.
        null_95: 95th percentile of the ECE of a perfectly calibrated version on a sample like this one (consistency
            resampling: Bröcker and Smith, Weather and Forecasting 22, 2007). An error below it is compatible with
            perfect calibration.
        bins: Bins that contain documents, in increasing order of confidence.
    """

    n: int
    error: float
    null_95: float = field(metadata={"json": "by_chance"})
    bins: tuple[CalibrationBin, ...]


def expected_calibration_error(
    confidence: Floats, correct: Booleans, weights: Floats | None = None, bins: int = BINS
) -> float:
    """Return the expected calibration error (ECE; Guo et al., ICML 2017, arXiv:1706.04599).

    The ECE is the mean over confidence bins of |accuracy - mean confidence|, each bin weighted by its share of the
    documents. Bins have equal width; a value on an inner edge belongs to the upper bin.

    Args:
        confidence: Confidence of each predicted label, in [0, 1], shape (n,).
        correct: Whether each predicted label is correct, shape (n,).
        weights: Weight of each document, up to a common factor. Equal weights if omitted.
        bins: Number of bins.

    Returns:
        The error, in [0, 1]; 0.0 for no documents.
    """
    if not len(confidence):
        return 0.0
    weights = np.ones(len(confidence)) if weights is None else weights
    return _binned_error(confidence, correct, weights / weights.sum(), _bin_indices(confidence, bins), bins)


def assess_calibration(confidence: Floats, correct: Booleans, weights: Floats) -> Calibration | None:
    """Return the calibration of labelled documents, or None without any.

    Args:
        confidence: Confidence of each predicted label, in [0, 1].
        correct: Whether each predicted label is correct.
        weights: Number of documents of the population that each document represents, up to a common factor.
    """
    if not len(confidence):
        return None
    order = np.lexsort((weights, correct, confidence))  # makes the resampling independent of the order of documents
    confidence, correct, weights = confidence[order], correct[order], weights[order] / weights.sum()
    indices = _bin_indices(confidence, BINS)
    resamples = np.random.default_rng(_SEED).random((_RESAMPLES, len(confidence))) < confidence
    null_errors = [_binned_error(confidence, resample, weights, indices, BINS) for resample in resamples]
    bins = tuple(
        CalibrationBin(
            low=index / BINS,
            high=(index + 1) / BINS,
            confidence=float(np.average(confidence[indices == index], weights=weights[indices == index])),
            accuracy=weighted_share(correct[indices == index], weights[indices == index]),
        )
        for index in np.unique(indices).tolist()
    )
    return Calibration(
        n=len(confidence),
        error=_binned_error(confidence, correct, weights, indices, BINS),
        null_95=float(np.quantile(null_errors, 0.95)),
        bins=bins,
    )


def _bin_indices(confidence: Floats, bins: int) -> NDArray[np.int_]:
    indices: NDArray[np.int_] = np.minimum((confidence * bins).astype(int), bins - 1)
    return indices


def _binned_error(
    confidence: Floats, correct: Booleans, weights: Floats, indices: NDArray[np.int_], bins: int
) -> float:
    """Return the ECE for given bin indices and weights that sum to 1."""
    return float(np.abs(np.bincount(indices, weights=weights * (correct - confidence), minlength=bins)).sum())
