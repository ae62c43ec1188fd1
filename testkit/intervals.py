"""What a few measurements say about those that were not made."""

import math
import statistics
from collections.abc import Sequence
from typing import Final

from scipy import special

_CONFIDENCE: Final = 0.95


def median_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Return two of the values between which the median of the distribution lies, with a confidence of 95 %.

    How many of the values are below the median has a binomial distribution, whatever their own distribution is.

    Returns:
        The narrowest pair of equal rank from both ends; None for fewer than six values, which do not suffice.
    """
    count = len(values)
    rank = 0
    while special.bdtr(rank, count, 0.5) <= (1 - _CONFIDENCE) / 2:
        rank += 1
    if not rank:
        return None
    ordered = sorted(values)
    return ordered[rank - 1], ordered[count - rank]


def tolerance_limit(values: Sequence[float], count: float, *, share: float = 0.99, confidence: float = 0.99) -> float:
    """Return a limit that a share of a normal distribution does not exceed, with a confidence.

    The confidence covers that mean and standard deviation are known from a sample only. The limit is the mean plus a
    multiple of the standard deviation, given by the noncentral t distribution: for 75 values, 2.95 times it instead of
    the 2.33 times of a known distribution.

    Args:
        values: Measurements; they may depend on each other.
        count: How many independent measurements they are worth; at least 2.
        share: The share of the distribution.
        confidence: The probability that the limit holds.
    """
    root = math.sqrt(count)
    factor = special.nctdtrit(count - 1, special.ndtri(share) * root, confidence) / root
    return statistics.fmean(values) + float(factor) * statistics.stdev(values)
