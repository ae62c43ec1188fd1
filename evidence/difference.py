"""Difference of accuracy between two versions, with bounds that hold at all times together."""

import numpy as np
from numpy.typing import ArrayLike

from evidence.intervals import Estimate, Floats, unknown
from evidence.sequential import lower_bound, rate_bounds

ALPHA = 0.05
"""Probability, over all looks, that some claim of one kind is ever wrong, such as "better than the champion"."""

ALPHA_RATE = 0.02 * ALPHA
"""Part of `ALPHA` for the rate of disagreement, whose bounds are narrow because they need no labels."""

ALPHA_MEAN = ALPHA - ALPHA_RATE
"""Part of `ALPHA` for which version is right on disagreements."""

_MIN_OBSERVED_RATE = 1e-12
"""Lower bound of the rate of disagreement once a disagreement was observed."""


def estimate_difference(
    wins: int, ties: int, losses: int, disagreeing: int, shared: int, claims: int, *, complete: bool
) -> Estimate:
    """Estimate the accuracy of the second version minus that of the first, over all documents that both classified.

    Args:
        wins: Labelled disagreements on which only the second version is right.
        ties: Labelled disagreements on which neither is right.
        losses: Labelled disagreements on which only the first version is right.
        disagreeing: Disagreements in the population sample.
        shared: Documents in the population sample with predictions of both.
        claims: Number of claims that share the error probability, such as one for each challenger.
        complete: Whether the population sample holds all documents of the period.
    """
    n = wins + ties + losses
    if not n or not shared:
        return unknown(n)
    low, high = difference_bounds(wins, ties, losses, disagreeing, shared, claims, complete=complete)
    return Estimate(disagreeing / shared * (wins - losses) / n, float(low), float(high), n)


def difference_bounds(
    wins: ArrayLike,
    ties: ArrayLike,
    losses: ArrayLike,
    disagreeing: ArrayLike,
    shared: ArrayLike,
    claims: int,
    *,
    complete: bool,
) -> tuple[Floats, Floats]:
    """Return the bounds of `estimate_difference`; arrays broadcast.

    Each bound holds at all times together with probability 1 - `ALPHA` / `claims`. So all lower bounds of a family of
    claims hold together with 95 %, and so do all upper bounds: "better" needs the lower bound, "worse" the upper one,
    and "equivalent" is wrong only if the one towards the difference is.

    Versions that agree are right or wrong together. So the difference is the rate of disagreement times the mean over
    disagreements of +1 (only the second is right), 0 (neither) and -1 (only the first). The rate needs no labels, and
    the mean needs labels of disagreements only. Both have anytime-valid bounds, whose error probabilities add up
    (Bonferroni); the bounds of the product are the extremes over both.
    """
    low = lower_bound(wins, ties, losses, ALPHA_MEAN / claims)
    high = -lower_bound(losses, ties, wins, ALPHA_MEAN / claims)
    rarest, most_often = rate_bounds(disagreeing, shared, 2 * ALPHA_RATE / claims, cumulative=complete)
    # The rate of an observed disagreement is positive; a bound rounded to 0 would hide the sign of the difference.
    rarest = np.where(np.asarray(disagreeing) > 0, np.maximum(rarest, _MIN_OBSERVED_RATE), rarest)
    return low * np.where(low > 0, rarest, most_often), high * np.where(high > 0, most_often, rarest)


def negated(difference: Estimate) -> Estimate:
    """Return the same difference with first and second version exchanged."""
    value, low, high = difference.value, difference.low, difference.high
    if value is None or low is None or high is None:
        return difference
    return Estimate(-value, -high, -low, difference.n)


def format_difference(difference: Estimate) -> str:
    """Return a difference in percentage points with its bounds, such as `+3.1 pp [1.2, 5.0]`."""
    if difference.value is None or difference.low is None or difference.high is None:
        return "unknown"
    return f"{100 * difference.value:+.1f} pp [{100 * difference.low:.1f}, {100 * difference.high:.1f}]"
