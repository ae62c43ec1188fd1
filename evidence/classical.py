"""What every textbook has: McNemar's exact test, Holm's correction and Cohen's kappa."""

from collections.abc import Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import special

from evidence.intervals import LEVEL, Estimate, normal_quantile, unknown


def mcnemar(first_only: int, second_only: int) -> float:
    """McNemar's test, exact and two-sided: the documents that only one got right are as often the one's as the other's.

    Source: McNemar, Psychometrika 12, 1947; the exact form is the binomial test of one half.
    """
    n = first_only + second_only
    return min(1.0, 2 * float(special.bdtr(min(first_only, second_only), n, 0.5)))


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for their number (Holm, Scand. J. Statist. 6, 1979), in the order given."""
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, p_values[index] * (len(p_values) - rank)))
        adjusted[index] = highest
    return adjusted


def cohen_kappa(table: NDArray[np.float64]) -> Estimate:
    """Cohen's kappa of a square table of counts (Educ. Psychol. Meas. 20, 1960).

    The interval is normal, with the standard error of Fleiss, Cohen and Everitt (Psychol. Bull. 72, 1969). Unknown
    where both say one and the same label throughout: chance alone would then agree as much.
    """
    n = int(table.sum())
    if not n:
        return unknown()
    p = table / n
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    observed, by_chance = float(np.trace(p)), float(rows @ columns)
    if by_chance >= 1:
        return unknown(n)
    kappa = (observed - by_chance) / (1 - by_chance)
    diagonal = np.diag(p) @ (1 - (rows + columns) * (1 - kappa)) ** 2
    sums = (columns[:, None] + rows[None, :]) ** 2
    off = (1 - kappa) ** 2 * float(((p - np.diag(np.diag(p))) * sums).sum())
    variance = (float(diagonal) + off - (kappa - by_chance * (1 - kappa)) ** 2) / (n * (1 - by_chance) ** 2)
    half = normal_quantile(LEVEL) * sqrt(max(0.0, variance))
    return Estimate(kappa, max(-1.0, kappa - half), min(1.0, kappa + half), n)
