"""Anytime-valid tests and bounds: they hold however often one looks and whatever rule one stops by.

They use testing by betting. A gambler starts with a wealth of 1 and bets, outcome by outcome, that a mean is higher
than a hypothesis claims. If the hypothesis is true, every bet is fair or unfavourable, so the probability that wealth
ever reaches `1 / alpha` is at most `alpha` (Ville 1939). The bets are those of Waudby-Smith and Ramdas, "Estimating
means of bounded random variables by betting" (J. R. Stat. Soc. B 86, 2024). The stakes are fixed, and the initial
wealth is spread over all of them, so that wealth depends on the counts alone and not on their order.

Outcomes are +1 (win), 0 (tie) and -1 (loss); `theta` is the hypothesis about their mean.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from evidence.intervals import Floats, binomial_bounds

STAKES: Floats = np.geomspace(0.01, 0.9, 24)
"""Shares of the maximum stake, evenly spaced over orders of magnitude because the size of a difference is not known in
advance. The mixture costs about two nats of evidence."""

MAX_DOCUMENTS = 10**9
"""Number of documents over which the rate bounds of a moving window hold together."""

_EDGE = 1e-9
"""Smallest distance of a hypothesis from the ends of [-1, 1]."""


def log_wealth(wins: ArrayLike, ties: ArrayLike, losses: ArrayLike, theta: ArrayLike = 0.0) -> Floats:
    """Return the logarithm of the wealth from betting that the mean is above `theta`; arrays broadcast.

    The wealth is an e-process for "the mean is at most `theta`" and decreases in `theta`.
    """
    won, tied, lost, at = (np.asarray(each, dtype=np.float64)[..., None] for each in (wins, ties, losses, theta))
    gain = 2 / (1 + at)  # payout of a win for a stake of 1; a tie pays half of it, a loss nothing
    paid = won * np.log1p(STAKES * (gain - 1)) + tied * np.log1p(STAKES * (gain / 2 - 1)) + lost * np.log1p(-STAKES)
    wealth: Floats = special.logsumexp(paid, axis=-1) - np.log(len(STAKES))
    return wealth


def confidence_sequence(wins: ArrayLike, ties: ArrayLike, losses: ArrayLike, alpha: float) -> tuple[Floats, Floats]:
    """Return bounds of the mean that hold at all times together with probability 1 - `alpha`; arrays broadcast."""
    low = _lower_bound(wins, ties, losses, alpha / 2)
    return low, -_lower_bound(losses, ties, wins, alpha / 2)


def anytime_p_value(wins: ArrayLike, ties: ArrayLike, losses: ArrayLike) -> Floats:
    """Return the two-sided anytime-valid p-value of the hypothesis that the mean is 0; arrays broadcast."""
    best = np.maximum(log_wealth(wins, ties, losses), log_wealth(losses, ties, wins))
    p: Floats = np.minimum(1.0, 2 * np.exp(-best))
    return p


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
    low, high = confidence_sequence(successes, 0, np.asarray(n) - np.asarray(successes), alpha / 2)
    return (low + 1) / 2, (high + 1) / 2  # from the mean of +1 and -1 to a rate


def _lower_bound(wins: ArrayLike, ties: ArrayLike, losses: ArrayLike, alpha: float) -> Floats:
    """Return the highest mean that the bets reject, by bisection: wealth decreases as the hypothesis increases."""
    shape = np.broadcast_shapes(np.shape(wins), np.shape(ties), np.shape(losses))
    low, high = np.full(shape, -1.0), np.full(shape, 1.0)
    for _ in range(40):
        middle = np.clip((low + high) / 2, _EDGE - 1, 1 - _EDGE)
        rejected = log_wealth(wins, ties, losses, middle) >= -np.log(alpha)
        low, high = np.where(rejected, middle, low), np.where(rejected, high, middle)
    return low


PRIOR = (2.0, 0.5, 2.0)
"""Dirichlet prior of wins, ties and losses: the better version is typically right on two of three disagreements."""

_SIMULATIONS = 300
_MAX_OUTCOMES = 20_000


def forecast_outcomes(wins: int, ties: int, losses: int, alpha: float) -> int | None:
    """Return how many more outcomes it takes until 0 is outside the confidence sequence; None for more than 20,000.

    The forecast is the median of simulated futures. Each draws the rates from their Dirichlet posterior and the
    outcomes from these rates, so that it accounts for early lucky streaks and for the uncertainty of the difference.
    """
    if wins < losses:
        wins, losses = losses, wins
    rng = np.random.default_rng(20240229)
    rates = rng.dirichlet((wins + PRIOR[0], ties + PRIOR[1], losses + PRIOR[2]), size=_SIMULATIONS)
    counts = np.tile(np.array([wins, ties, losses], dtype=np.int64), (_SIMULATIONS, 1))
    steps: list[int] = np.unique(np.ceil(np.geomspace(1, _MAX_OUTCOMES, 60)).astype(int)).tolist()
    undecided = np.full(_SIMULATIONS, True)
    previous = 0
    for step in steps:
        counts = counts + rng.multinomial(step - previous, rates)
        previous = step
        won, tied, lost = counts.T
        best = np.maximum(log_wealth(won, tied, lost), log_wealth(lost, tied, won))
        undecided &= best < -np.log(alpha / 2)
        if undecided.mean() <= 0.5:
            return step
    return None
