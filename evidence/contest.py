"""Which claims about the versions follow from their pairs, and which pairs are still open.

`log_e[a, b]` is the logarithm of the wealth from betting that version a is better than version b: an e-process for "a
is not better than b". Two questions are tested, each wrong at any time with a probability of at most `ALPHA`:

Is a challenger better than the champion? The claims of all challengers are tested together by closed testing. "The
champion is better" is a second family of claims of the same kind, which can end the test of a challenger.

Which version is best, if there is no champion? Versions are eliminated one by one, and the last is the best. With K
versions, b is eliminated once the mean of e[a, b] over the K - 1 others reaches m / `ALPHA`. If two are left, one is
eliminated once the e-value of the other against it reaches l / `ALPHA`. A false elimination of the last two must be as
rare as one before, and most labels are spent on the last two, so l = max(5 / 2, K - 1) is smaller than
m = 10 (K - 2) / (K - 1). Proof of the error probability, where B is the set of the k best versions and "wrong" means
that all of B but at most one are eliminated, or the only one:

- k = 1: the sum of e[a, b] over the K - 1 others, whose expectation is at most K - 1, reaches l / `ALPHA` or
  (K - 1) m / `ALPHA`, which is larger. So its mean reaches l / (K - 1) / `ALPHA`, and l >= K - 1.
- k = 2: the e-process 2/5 (e[b, b'] + e[b', b]) + 1/10 of the mean of e[a, b] + e[a, b'] over the K - 2 others a has
  the initial value 1. If the last two are b and b', it reaches 2/5 l / `ALPHA`, and l >= 5/2. If b or b' is eliminated
  before, the sum of the K - 1 e-values against it, each with a factor of at least 1 / (10 (K - 2)), makes it reach
  (K - 1) m / (10 (K - 2)) / `ALPHA`. Both are 1 / `ALPHA` or more. One of the two is eliminated by an inferior version
  at the end only after the other was eliminated before.
- k > 2: the sum of all k (K - 1) e-values against B reaches ((k - 2) (K - 1) m + l) / `ALPHA`, which is more than
  k (K - 1) / `ALPHA`, because m >= 5 for K > 2.

With two versions there is only the last step, with l = 2: the mean of both e-values reaches 1 / `ALPHA`.
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


def log_elimination_bar(versions: int) -> float:
    """Return the log of the mean e-value against a version at which it is eliminated while others remain."""
    return CLAIM + float(np.log(10 * (versions - 2) / (versions - 1))) if versions > 2 else np.inf


def log_final_bar(versions: int) -> float:
    """Return the log e-value of one of the last two versions against the other at which it is the best."""
    return CLAIM + float(np.log(max(2.5, versions - 1) if versions > 2 else 2))


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
    if len(log_e) == 1:
        return [0]
    against = log_e_against(log_e)
    remaining = np.flatnonzero(against < log_elimination_bar(len(log_e))).tolist() or [int(against.argmin())]
    if len(remaining) == 2:
        for winner, loser in (remaining, remaining[::-1]):
            if log_e[winner, loser] >= log_final_bar(len(log_e)):
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
