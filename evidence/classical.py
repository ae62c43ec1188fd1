"""Textbook methods for paired classifiers: McNemar's exact test, Holm's correction and Cohen's kappa."""

from collections.abc import Sequence
from math import sqrt

import numpy as np
from scipy import special

from evidence.intervals import LEVEL, Estimate, Floats, normal_quantile, unknown


def mcnemar_exact(first_only: int, second_only: int) -> float:
    """Return the two-sided p-value of McNemar's exact test.

    The null hypothesis is that two classifiers are equally often the only one to be right. The exact form is the
    binomial test of one half (McNemar, Psychometrika 12, 1947).

    Args:
        first_only: Number of documents that only the first classifier got right.
        second_only: Number of documents that only the second classifier got right.
    """
    n = first_only + second_only
    return min(1.0, 2 * float(special.bdtr(min(first_only, second_only), n, 0.5)))


def holm_adjusted(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for multiple tests (Holm, Scand. J. Statist. 6, 1979), in the given order."""
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, p_values[index] * (len(p_values) - rank)))
        adjusted[index] = highest
    return adjusted


def cohen_kappa(table: Floats) -> Estimate:
    """Return Cohen's kappa of a square contingency table (Educ. Psychol. Meas. 20, 1960).

    The interval is the normal approximation with the standard error of Fleiss, Cohen and Everitt (Psychol. Bull. 72,
    1969). Kappa is unknown if both classifiers predict one and the same label throughout, because they would then
    agree by chance alone.
    """
    n = int(table.sum())
    if not n:
        return unknown()
    p = table / n
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    observed, expected = float(np.trace(p)), float(rows @ columns)
    if expected >= 1:
        return unknown(n)
    kappa = (observed - expected) / (1 - expected)
    diagonal = np.diag(p) @ (1 - (rows + columns) * (1 - kappa)) ** 2
    sums = (columns[:, None] + rows[None, :]) ** 2
    off_diagonal = (1 - kappa) ** 2 * float(((p - np.diag(np.diag(p))) * sums).sum())
    variance = (float(diagonal) + off_diagonal - (kappa - expected * (1 - kappa)) ** 2) / (n * (1 - expected) ** 2)
    half = normal_quantile(LEVEL) * sqrt(max(0.0, variance))
    return Estimate(kappa, max(-1.0, kappa - half), min(1.0, kappa + half), n)
