"""Which claims about the versions follow from their pairs, and which pairs are still open.

`log_e[a, b]` is the logarithm of the wealth from betting that version a is better than version b: an e-process for "a
is not better than b". Two questions are tested, each wrong at any time with a probability of at most `ALPHA`:

Is a challenger better than the champion? The claims of all challengers are tested together by closed testing. "The
champion is better" is a second family of claims of the same kind, which can end the test of a challenger.

Which version is best, if there is no champion? Versions are eliminated one by one, and the last is the best. With K
versions, b is eliminated once the mean of e[a, b] over all others reaches K / `ALPHA`. If two are left, one is
eliminated once the e-value of the other against it reaches K / `ALPHA`. Proof of the error probability, where B is the
set of the k best versions:

- k = 1: a wrong answer eliminates the best version b, so the sum of e[a, b] over the K - 1 others, whose expectation is
  at most K - 1, reaches K / `ALPHA`.
- k = 2: it eliminates b or b'. Then e[b, b'] or e[b', b] reaches K / `ALPHA`, or one of the sums against them reaches
  (K - 1) K / `ALPHA`. Either makes (e[b, b'] + e[b', b]) / K plus all other e-values against them / (2 K), which is an
  e-process, reach 1 / `ALPHA`.
- k > 2: k - 2 sums and a further e-value are that large, and so is the mean of all k (K - 1) e-values against B.
"""

from collections.abc import Collection, Sequence
from itertools import combinations

import numpy as np
from scipy import special

from evidence.difference import ALPHA_MEAN
from evidence.intervals import Floats
from evidence.sequential import closed_log_e_values

CLAIM = -float(np.log(ALPHA_MEAN))
"""Adjusted log e-value at which a claim is made."""

Pair = tuple[int, int]
"""Indices of two versions in increasing order."""


def claims_per_pair(versions: int, pair: Pair, champion: int | None) -> int:
    """Return the number of claims that share the error probability of a pair."""
    return versions - 1 if champion in pair else versions


def adjusted_log_e(log_e: Floats, champion: int | None) -> Floats:
    """Return adjusted log e-values of all claims "a is better than b", shape (versions, versions).

    Claims about the champion are adjusted by closed testing, one family for each direction, and the others for the
    number of versions.
    """
    adjusted: Floats = log_e - np.log(len(log_e))
    if champion is not None:
        challengers = [index for index in range(len(log_e)) if index != champion]
        adjusted[challengers, champion] = closed_log_e_values(log_e[challengers, champion].tolist())
        adjusted[champion, challengers] = closed_log_e_values(log_e[champion, challengers].tolist())
    return adjusted


def log_e_against(log_e: Floats) -> Floats:
    """Return the log of the mean e-value against each version being best, shape (versions, …).

    Args:
        log_e: Shape (versions, versions, …). The diagonal is not used.
    """
    others = np.array(log_e, dtype=np.float64)
    diagonal = np.arange(len(others))
    others[diagonal, diagonal] = -np.inf
    mean: Floats = special.logsumexp(others, axis=0) - np.log(len(others) - 1)
    return mean


def contenders(log_e: Floats) -> list[int]:
    """Return the versions that may still be the best, at least one."""
    bar = CLAIM + float(np.log(len(log_e)))
    if len(log_e) == 1:
        return [0]
    against = log_e_against(log_e)
    remaining = np.flatnonzero(against < bar).tolist() or [int(against.argmin())]
    if len(remaining) == 2:
        for winner, loser in (remaining, remaining[::-1]):
            if log_e[winner, loser] >= bar:
                return [winner]
    return remaining


def open_pairs(log_e: Floats, champion: int | None, settled: Collection[Pair] = ()) -> list[Pair]:
    """Return the pairs whose disagreements are worth a label now.

    With a champion, these are its pairs with challengers that are neither better nor worse. Once all are settled, they
    are the pairs of the better challengers, if there are several. Without a champion, they are the pairs of contenders.

    Args:
        log_e: Log e-values of all claims, not adjusted.
        champion: Index of the champion; None for no champion.
        settled: Pairs that need no label for another reason, such as equivalence.
    """
    adjusted = adjusted_log_e(log_e, champion)

    def undecided(versions: Sequence[int]) -> list[Pair]:
        pairs = combinations(versions, 2)
        return [(a, b) for a, b in pairs if max(adjusted[a, b], adjusted[b, a]) < CLAIM and (a, b) not in settled]

    if champion is None:
        remaining = contenders(log_e)
        return [pair for pair in combinations(remaining, 2) if pair not in settled]
    with_champion = [pair for pair in undecided(range(len(log_e))) if champion in pair]
    better = [index for index in range(len(log_e)) if index != champion and adjusted[index, champion] >= CLAIM]
    return with_champion or undecided(better)
