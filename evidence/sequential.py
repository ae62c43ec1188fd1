"""Tests and intervals that hold however often one looks: bets against a hypothesis.

A gambler starts with 1 and bets, document after document, that a mean is higher than the hypothesis says. If the
hypothesis is true, no bet is favourable, and the chance of ever owning `1 / alpha` is at most `alpha` (Ville 1939):
wealth is evidence that stays valid under daily looks and any rule for stopping. The bets are those of Waudby-Smith and
Ramdas, "Estimating means of bounded random variables by betting" (J. R. Stat. Soc. B 86, 2024), with fixed stakes and
the wealth spread over many stakes in advance, so that wealth depends on counts alone and not on their order.

Outcomes are +1 (win), 0 (tie) and -1 (loss); `theta` is the hypothesis about their mean.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Floats = NDArray[np.float64]

STAKES: Floats = np.geomspace(0.01, 0.9, 24)
"""Shares of what could be lost at most. Evenly spread over the orders of magnitude, for the size of a difference is
not known before; the price for that is about two nats of evidence."""

_LEAST = 1e-9
"""Nearest to the ends of [-1, 1] that a hypothesis is tried."""


def log_wealth(wins: ArrayLike, ties: ArrayLike, losses: ArrayLike, theta: ArrayLike = 0.0) -> Floats:
    """Logarithm of the wealth from betting that the mean is above `theta`; arrays broadcast.

    An e-process for "the mean is at most theta", and falling in `theta`.
    """
    won, tied, lost, at = (np.asarray(each, dtype=np.float64)[..., None] for each in (wins, ties, losses, theta))
    gain = 2 / (1 + at)  # what a win pays for a stake of 1; a tie pays half of it, a loss nothing
    paid = won * np.log1p(STAKES * (gain - 1)) + tied * np.log1p(STAKES * (gain / 2 - 1)) + lost * np.log1p(-STAKES)
    wealth: Floats = special.logsumexp(paid, axis=-1) - np.log(len(STAKES))
    return wealth


def confidence_sequence(wins: ArrayLike, ties: ArrayLike, losses: ArrayLike, alpha: float) -> tuple[Floats, Floats]:
    """Bounds of the mean that hold at all times together with probability 1 - `alpha`; arrays broadcast."""
    low = _lower(wins, ties, losses, alpha / 2)
    return low, -_lower(losses, ties, wins, alpha / 2)


def p_value(wins: ArrayLike, ties: ArrayLike, losses: ArrayLike) -> Floats:
    """Two-sided, of the hypothesis that the mean is 0; valid at all times together."""
    best = np.maximum(log_wealth(wins, ties, losses), log_wealth(losses, ties, wins))
    p: Floats = np.minimum(1.0, 2 * np.exp(-best))
    return p


def _lower(wins: ArrayLike, ties: ArrayLike, losses: ArrayLike, alpha: float) -> Floats:
    """The highest mean that the bets refute, by bisection: wealth falls as the hypothesis rises."""
    shape = np.broadcast_shapes(np.shape(wins), np.shape(ties), np.shape(losses))
    low, high = np.full(shape, -1.0), np.full(shape, 1.0)
    for _ in range(40):
        middle = np.clip((low + high) / 2, _LEAST - 1, 1 - _LEAST)
        refuted = log_wealth(wins, ties, losses, middle) >= -np.log(alpha)
        low, high = np.where(refuted, middle, low), np.where(refuted, high, middle)
    return low


PRIOR = (2.0, 0.5, 2.0)
"""Of wins, ties and losses, before any label: the better of two is right on two of three disagreements, as a rule."""

_SIMULATIONS = 300
_MOST = 20_000


def more_needed(wins: int, ties: int, losses: int, alpha: float) -> int | None:
    """How many more outcomes until 0 is outside the confidence sequence; None for more than 20,000.

    The median of simulated futures. Each draws the rates from their posterior (Dirichlet, `PRIOR`) and the outcomes
    from these rates, so that neither an early lucky streak nor the uncertainty about the difference is ignored.
    """
    if wins < losses:
        wins, losses = losses, wins
    chance = np.random.default_rng(20240229)
    rates = chance.dirichlet((wins + PRIOR[0], ties + PRIOR[1], losses + PRIOR[2]), size=_SIMULATIONS)
    counts = np.tile(np.array([wins, ties, losses], dtype=np.int64), (_SIMULATIONS, 1))
    steps: list[int] = np.unique(np.ceil(np.geomspace(1, _MOST, 60)).astype(int)).tolist()
    undecided = np.full(_SIMULATIONS, True)
    before = 0
    for step in steps:
        counts = counts + chance.multinomial(step - before, rates)
        before = step
        won, tied, lost = counts.T
        best = np.maximum(log_wealth(won, tied, lost), log_wealth(lost, tied, won))
        undecided &= best < -np.log(alpha / 2)
        if undecided.mean() <= 0.5:
            return step
    return None
