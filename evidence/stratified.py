"""Anytime-valid tests of a mean over cells that were labelled at different rates.

Within a cell the labels are an even sample, but not over all cells: doubtful documents are labelled more often than
others. The mean over all cells is the sum of `share * mean of the cell`. A gambler bets in every cell, and the product
of the wealths is an e-process for a vector of cell means. A hypothesis about the weighted sum is a set of such vectors,
and the smallest product over the set is its e-process (union-intersection test: Spertus, Sridhar and Stark, "Sequential
stratified inference for the mean", 2024). So each label counts with the share of documents that it represents, whatever
order the cells were labelled in. A cell without labels counts as if the hypothesis were favoured throughout.

The smallest product is bounded from below by Lagrangian duality, with one multiplier for the sum: the log wealths are
convex in the means. Any multiplier yields a valid bound, so neither the grid of means nor that of multipliers affects
validity.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evidence.intervals import Floats
from evidence.sequential import log_wealth

_MEANS: Floats = np.linspace(-1, 1, 401)
_MULTIPLIERS: Floats = np.geomspace(1, 1e7, 240)


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        share: Share of all documents that are in the cell.
        wins: Labelled documents with outcome +1.
        ties: Labelled documents with outcome 0.
        losses: Labelled documents with outcome -1.
    """

    share: float
    wins: int
    ties: int
    losses: int

    @property
    def labelled(self) -> int:
        """Number of labelled documents."""
        return self.wins + self.ties + self.losses

    def swapped(self) -> "Cell":
        """Return the cell with wins and losses exchanged."""
        return Cell(self.share, self.losses, self.ties, self.wins)


class StratifiedWealth:
    """Wealth from betting that the sum of `share * mean` over all cells is above a hypothesis."""

    def __init__(self, cells: Sequence[Cell]) -> None:
        self._dual = np.zeros(len(_MULTIPLIERS))
        for cell in cells:
            # Wealth decreases in the mean and the share times the mean increases, so the lower end of the product over
            # each interval of the grid combines the wealth at its right end with the mean at its left end.
            wealth = log_wealth(cell.wins, cell.ties, cell.losses, np.clip(_MEANS[1:], None, 1 - 1e-9))
            costs = cell.share * _MEANS[:-1]
            self._dual += (wealth[:, None] + costs[:, None] * _MULTIPLIERS).min(axis=0)

    def log_e(self, theta: float = 0.0) -> float:
        """Return the log e-value against "the sum is at most `theta`"; it decreases in `theta`."""
        return float((self._dual - _MULTIPLIERS * theta).max())


def weighted_outcomes(cells: Sequence[Cell]) -> tuple[Floats, float]:
    """Return the estimated shares of wins, ties and losses, and the effective number of labels.

    Each cell counts with its share, and cells without labels like the mean of the others. The effective number is
    Kish's, (sum of weights)² / (sum of squared weights).
    """
    known = [cell for cell in cells if cell.labelled and cell.share]
    total = sum(cell.share for cell in known)
    if not total:
        return np.zeros(3), 0.0
    outcomes = np.array([[cell.wins, cell.ties, cell.losses] for cell in known], dtype=np.float64)
    labelled = outcomes.sum(axis=1)
    weights = np.array([cell.share for cell in known]) / total
    return (weights / labelled) @ outcomes, float(1 / (weights**2 / labelled).sum())
