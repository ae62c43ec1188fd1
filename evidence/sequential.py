"""Anytime-valid tests and bounds: they hold however often one looks and whatever rule one stops by.

They use testing by betting. A gambler starts with a wealth of 1 and bets, outcome by outcome, that a mean is higher
than a hypothesis claims. If the hypothesis is true, every bet is fair or unfavourable, so the probability that wealth
ever reaches `1 / alpha` is at most `alpha` (Ville 1939). The bets are those of Waudby-Smith and Ramdas, "Estimating
means of bounded random variables by betting" (J. R. Stat. Soc. B 86, 2024). The stakes are fixed, and the initial
wealth is spread over all of them, so that wealth depends on the counts alone and not on their order. Wealth at
`theta` is an e-value: its reciprocal is an anytime-valid p-value.

Outcomes are +1 (win), 0 (tie) and -1 (loss); `theta` is the hypothesis about their mean.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from evidence.intervals import Floats, binomial_bounds


@dataclass(frozen=True)
class Bets:
    """Stakes, as shares of the maximum stake, and the logarithm of the share of initial wealth for each."""

    stakes: Floats
    log_shares: Floats


def beta_bets(shape: float, *, highest: float = 0.8, number: int = 32) -> Bets:
    """Return the bets of a Beta(`shape`, `shape`) prior on the share of wins, restricted to more wins than losses.

    A stake s is the best one if wins have a share of (1 + s) / 2, so the density of s is that of the prior there. Its
    standard deviation is 1 / sqrt(2 * shape + 1).

    Args:
        shape: Both parameters of the prior.
        highest: The highest stake.
        number: Number of evenly spaced stakes.
    """
    stakes = np.arange(1, number + 1) * highest / number
    log_density = (shape - 1) * np.log1p(-(stakes**2))
    return Bets(stakes, log_density - special.logsumexp(log_density))


ACCURACY_BETS = beta_bets(12)
"""Bets on which of two versions is right. For shares of wins from 54 to 65 % among the decided outcomes, they need at
most 1.31 times the outcomes of a gambler who knows the share (median); wider and narrower priors need more."""

RATE_BETS = Bets(np.geomspace(0.01, 0.9, 24), np.full(24, -np.log(24)))
"""Bets on a rate: evenly spaced over orders of magnitude, because the best stake on a rare event is small."""

MAX_DOCUMENTS = 10**9
"""Number of documents over which the rate bounds of a moving window hold together."""

_EDGE = 1e-9
"""Smallest distance of a hypothesis from the ends of [-1, 1]."""


def log_wealth(
    wins: ArrayLike, ties: ArrayLike, losses: ArrayLike, theta: ArrayLike = 0.0, bets: Bets = ACCURACY_BETS
) -> Floats:
    """Return the logarithm of the wealth from betting that the mean is above `theta`; arrays broadcast.

    The wealth is an e-process for "the mean is at most `theta`" and decreases in `theta`.
    """
    won, tied, lost, at = (np.asarray(each, dtype=np.float64)[..., None] for each in (wins, ties, losses, theta))
    gain = 2 / (1 + at)  # payout of a win for a stake of 1; a tie pays half of it, a loss nothing
    stakes = bets.stakes
    paid = won * np.log1p(stakes * (gain - 1)) + tied * np.log1p(stakes * (gain / 2 - 1)) + lost * np.log1p(-stakes)
    return _log_sum_exp(bets.log_shares + paid)


def _log_sum_exp(values: Floats) -> Floats:
    """Return the log of the sum of exponentials over the last axis; faster than SciPy's, without its special cases."""
    highest = values.max(axis=-1)
    total: Floats = np.log(np.exp(values - highest[..., None]).sum(axis=-1)) + highest
    return total


def lower_bound(
    wins: ArrayLike, ties: ArrayLike, losses: ArrayLike, alpha: float, bets: Bets = ACCURACY_BETS
) -> Floats:
    """Return a lower bound of the mean that holds at all times together with probability 1 - `alpha`.

    It is the highest mean that the bets reject, found by bisection, because wealth decreases as the hypothesis
    increases. Arrays broadcast. The upper bound is the negative lower bound with wins and losses exchanged.
    """
    shape = np.broadcast_shapes(np.shape(wins), np.shape(ties), np.shape(losses))
    low, high = np.full(shape, -1.0), np.full(shape, 1.0)
    for _ in range(40):
        middle = np.clip((low + high) / 2, _EDGE - 1, 1 - _EDGE)
        rejected = log_wealth(wins, ties, losses, middle, bets) >= -np.log(alpha)
        low, high = np.where(rejected, middle, low), np.where(rejected, high, middle)
    return low


def closed_log_e_values(log_e: Sequence[float]) -> list[float]:
    """Return the logarithms of e-values adjusted for testing several hypotheses, in the given order.

    Rejecting the hypotheses whose adjusted e-value reaches 1 / alpha is wrong about any of them with a probability of
    at most alpha. A hypothesis is rejected if the mean e-value of every set that contains it is large (closed testing
    with arithmetic means: Vovk and Wang, "E-values: calibration, combination and applications", Ann. Statist. 49,
    2021). The decisive sets add the smallest other e-values. Means of e-processes are e-processes, so this holds at all
    times. It rejects whatever Holm's procedure rejects, and more.
    """
    adjusted = []
    for index, own in enumerate(log_e):
        others = sorted([*log_e[:index], *log_e[index + 1 :]])
        sums = np.logaddexp.accumulate([own, *others])
        adjusted.append(float(np.min(sums - np.log(np.arange(1, len(sums) + 1)))))
    return adjusted


def rate_bounds(successes: ArrayLike, n: ArrayLike, alpha: float, *, cumulative: bool) -> tuple[Floats, Floats]:
    """Return bounds of a rate that hold at all times together with probability 1 - `alpha`; arrays broadcast.

    Cumulative counts get a confidence sequence. The counts of a moving window do not form one, because a window drops
    old outcomes: over time, some window deviates from the rate by any given amount. Its bounds are exact binomial
    bounds with the error divided among the windows that end at each of the first `MAX_DOCUMENTS` documents (union
    bound). Each kind takes half of `alpha`, so that a report may change from one to the other.

    Args:
        successes: Number of successes.
        n: Number of outcomes.
        alpha: Probability that some bound is ever wrong.
        cumulative: Whether the counts cover all outcomes since a fixed start. If false, they cover a window of the
            newest outcomes.
    """
    if not cumulative:
        return binomial_bounds(successes, n, alpha / 2 / MAX_DOCUMENTS)
    failures = np.asarray(n) - np.asarray(successes)
    low = lower_bound(successes, 0, failures, alpha / 4, RATE_BETS)
    high = -lower_bound(failures, 0, successes, alpha / 4, RATE_BETS)
    return (low + 1) / 2, (high + 1) / 2  # from the mean of +1 and -1 to a rate


PRIOR = (2.0, 0.5, 2.0)
"""Dirichlet prior of wins, ties and losses: the better version is typically right on two of three disagreements."""

_SIMULATIONS = 300
_MAX_OUTCOMES = 20_000


def forecast_outcomes(
    wins: int, ties: int, losses: int, alpha: float, known: tuple[float, float, float] | None = None
) -> int | None:
    """Return how many more outcomes it takes until wealth against 0 reaches 1 / `alpha`; None for more than 20,000.

    The forecast is the median of simulated futures. Each draws the rates from their Dirichlet posterior and the
    outcomes from these rates, so that it accounts for early lucky streaks and for the uncertainty of the difference.

    Args:
        wins: Wins so far.
        ties: Ties so far.
        losses: Losses so far.
        alpha: Reciprocal of the wealth to reach.
        known: Numbers of wins, ties and losses that the rates are known from, if others than those bet on.
    """
    rates_from = np.array(known or (wins, ties, losses), dtype=np.float64)
    if rates_from[0] < rates_from[2]:
        wins, losses, rates_from = losses, wins, rates_from[::-1]
    rng = np.random.default_rng(20240229)
    rates = rng.dirichlet(rates_from + PRIOR, size=_SIMULATIONS)
    counts = np.tile(np.array([wins, ties, losses], dtype=np.int64), (_SIMULATIONS, 1))
    steps: list[int] = np.unique(np.ceil(np.geomspace(1, _MAX_OUTCOMES, 60)).astype(int)).tolist()
    undecided = np.full(_SIMULATIONS, True)
    previous = 0
    for step in steps:
        counts = counts + rng.multinomial(step - previous, rates)
        previous = step
        won, tied, lost = counts.T
        best = np.maximum(log_wealth(won, tied, lost), log_wealth(lost, tied, won))
        undecided &= best < -np.log(alpha)
        if undecided.mean() <= 0.5:
            return step
    return None
