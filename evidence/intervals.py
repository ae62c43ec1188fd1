"""Shares with intervals: of a plain sample, of a stratified one, and of a weighted one."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import special

LEVEL = 0.95
"""Of all intervals, unless something else is said."""


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval and the number of documents behind it; all None where nothing can be said."""

    value: float | None
    low: float | None
    high: float | None
    n: int


def unknown(n: int = 0) -> Estimate:
    """What cannot be estimated."""
    return Estimate(None, None, None, n)


def z_of(level: float) -> float:
    """The normal quantile of a two-sided level: 1.96 for 0.95."""
    return float(special.ndtri((1 + level) / 2))


def exact(successes: float, n: float, level: float = LEVEL) -> tuple[float, float]:
    """The exact interval of a share (Clopper and Pearson, Biometrika 26, 1934), which never covers less than it claims.

    Args:
        successes: How many of `n`; with an effective sample size neither need be whole.
        n: Above 0.
        level: The chance of covering the share.
    """
    tail = (1 - level) / 2
    low = 0.0 if successes <= 0 else float(special.betaincinv(successes, n - successes + 1, tail))
    high = 1.0 if successes >= n else float(special.betaincinv(successes + 1, n - successes, 1 - tail))
    return low, high


def share(successes: int, n: int, level: float = LEVEL) -> Estimate:
    """A share of a plain random sample."""
    return Estimate(successes / n, *exact(successes, n, level), n) if n else unknown()


@dataclass(frozen=True)
class Stratum:
    """One part of the documents: how many of the population sample are in it, and what its labelled ones show."""

    population: int
    labelled: int
    right: int


def stratified(strata: Sequence[Stratum], level: float = LEVEL) -> Estimate:
    """The share of right documents among all, from strata that were labelled at different rates.

    The estimate weights each stratum by its share of the population sample. The interval recovers variances from each
    stratum's exact limits (MOVER: Zou and Donner, Statistics in Medicine 27, 2008), and adds the variance of the
    stratum shares, which are themselves estimated. (With Wilson's limits it would be a twentieth shorter, but has
    covered 93 % only where few were audited and nearly all were right.)

    Unknown where a stratum that has documents has no label: no interval can make up for that.
    """
    n = sum(stratum.labelled for stratum in strata)
    population = sum(stratum.population for stratum in strata)
    present = [stratum for stratum in strata if stratum.population]
    if not present or not all(stratum.labelled for stratum in present):
        return unknown(n)
    weights = [stratum.population / population for stratum in present]
    means = [stratum.right / stratum.labelled for stratum in present]
    limits = [exact(stratum.right, stratum.labelled, level) for stratum in present]
    value = sum(w * m for w, m in zip(weights, means, strict=True))
    between = sum(w * (m - value) ** 2 for w, m in zip(weights, means, strict=True))
    spread = z_of(level) ** 2 * between / population
    below = sum((w * (m - low)) ** 2 for w, m, (low, _) in zip(weights, means, limits, strict=True))
    above = sum((w * (high - m)) ** 2 for w, m, (_, high) in zip(weights, means, limits, strict=True))
    return Estimate(value, max(0.0, value - sqrt(below + spread)), min(1.0, value + sqrt(above + spread)), n)


def weighted_share(right: NDArray[np.bool_], weights: NDArray[np.float64], level: float = LEVEL) -> Estimate:
    """A share within a part of the documents that the strata do not follow, such as one class.

    The exact interval at the effective sample size (Korn and Graubard, Survey Methodology 24, 1998), which is Kish's:
    the squared sum of the weights over the sum of their squares.

    Args:
        right: Of each labelled document.
        weights: How many documents of the population each stands for, up to a factor.
        level: Of the interval.
    """
    if not len(right):
        return unknown()
    # All right is 1 and not what rounding makes of it: a share of 0.999… would be shown as 99 %.
    value = 1.0 if right.all() else min(1.0, float(weights[right].sum() / weights.sum()))
    effective = float(weights.sum() ** 2 / (weights**2).sum())
    return Estimate(value, *exact(value * effective, effective, level), len(right))
