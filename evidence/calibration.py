"""Calibration: whether documents that a version is 90 % sure of are right nine times in ten."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evidence.intervals import Estimate, weighted_share

BINS = 10
_DRAWS = 200

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Bin:
    """Documents of similar confidence: from `low` to `high`, their mean confidence and how many were right."""

    low: float
    high: float
    confidence: float
    accuracy: Estimate


@dataclass(frozen=True)
class Calibration:
    """The expected calibration error (Guo et al., ICML 2017), weighted for how documents were chosen.

    `by_chance` is what a perfectly calibrated version stays below in 95 of 100 samples like this one (consistency
    resampling: Bröcker and Smith, Weather and Forecasting 22, 2007): an error below it says nothing.
    """

    n: int
    error: float
    by_chance: float
    bins: tuple[Bin, ...]


def calibration(confidence: Floats, right: NDArray[np.bool_], weights: Floats) -> Calibration | None:
    """The calibration of labelled documents; None without any.

    Args:
        confidence: Of the label that was given, in [0, 1].
        right: Whether it was right.
        weights: How many documents of the population each stands for, up to a factor.
    """
    if not len(confidence):
        return None
    order = np.lexsort((weights, right, confidence))  # the draws below must not depend on the order of documents
    confidence, right, weights = confidence[order], right[order], weights[order] / weights.sum()
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    draws = np.random.default_rng(20240229).random((_DRAWS, len(confidence))) < confidence
    usual = [_error(confidence, draw, weights, place) for draw in draws]
    bins = tuple(
        Bin(
            low=index / BINS,
            high=(index + 1) / BINS,
            confidence=float(np.average(confidence[place == index], weights=weights[place == index])),
            accuracy=weighted_share(right[place == index], weights[place == index]),
        )
        for index in np.unique(place).tolist()
    )
    return Calibration(
        n=len(confidence),
        error=_error(confidence, right, weights, place),
        by_chance=float(np.quantile(usual, 0.95)),
        bins=bins,
    )


def _error(confidence: Floats, right: NDArray[np.bool_], weights: Floats, place: NDArray[np.int_]) -> float:
    """Sum over bins of |accuracy - confidence|, by weight."""
    return float(np.abs(np.bincount(place, weights=weights * (right - confidence), minlength=BINS)).sum())
