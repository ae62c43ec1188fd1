"""Two versions beside each other: how often they agree, and which of them is right where they do not."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations
from math import ceil

import numpy as np
from numpy.typing import ArrayLike

from evidence.cases import Case
from evidence.classical import cohen_kappa, holm, mcnemar
from evidence.intervals import Estimate, Floats, share, unknown
from evidence.sequential import confidence_sequence, more_needed, p_value
from records.reviews import Queue

ALPHA = 0.05
"""The chance, over all pairs and all looks, that some version is called better though it is not."""

ALPHA_DISAGREEMENT = 0.1 * ALPHA
"""The part of `ALPHA` spent on how often two versions disagree; the rest is spent on who is right when they do."""

ALIKE = 0.01
"""Versions whose accuracy differs by less are as good as equal."""

MOST_LABELS = 5000
"""More labels than this are not asked for: they are told as "more than"."""


_NEXT_TO_NOTHING = 1e-12
"""The least rate at which versions disagree that were seen to."""


class Conclusion(StrEnum):
    """What can be said of a pair."""

    BETTER = "better"
    """The second is better than the first."""
    WORSE = "worse"
    """The second is worse than the first."""
    ALIKE = "alike"
    """If they differ, then by less than a point."""
    OPEN = "open"
    """Not enough evidence yet."""


@dataclass(frozen=True)
class PairEvidence:
    """What is known of two versions; differences are the second's accuracy minus the first's.

    Attributes:
        agreement: Share of the population sample in which both say the same. Needs no labels.
        kappa: Cohen's, of the same: agreement beyond what their label shares give by chance.
        both_right, first_only, second_only, neither: Counts of documents labelled by chance that both answered.
        disagreements: Of these, the ones with different answers, which alone tell the versions apart. All were flagged
            (`verdict.DISAGREEMENT`), so all were labelled at one rate.
        mcnemar_p: Exact, two-sided; of one look only.
        mcnemar_holm: The same, adjusted for the number of pairs.
        difference: With bounds that hold for all pairs and at all looks together; None without labels.
        p_value: Two-sided, adjusted for the number of pairs, valid at all looks together.
        more_labels: About how many more labels of documents marked for review it takes to tell which is better (the
            median of simulated futures); None where it is told already, cannot be told, or takes more than
            `MOST_LABELS`.
    """

    first: str
    second: str
    agreement: Estimate
    kappa: Estimate
    both_right: int
    first_only: int
    second_only: int
    neither: int
    disagreements: int
    mcnemar_p: float | None
    mcnemar_holm: float | None
    difference: Estimate
    p_value: float | None
    conclusion: Conclusion
    more_labels: int | None
    sentence: str


def compare(versions: Sequence[str], population: Sequence[Case], labelled: Sequence[Case]) -> list[PairEvidence]:
    """Every pair of versions.

    Args:
        versions: Their names.
        population: A random (or whole) sample of the documents, labelled or not.
        labelled: Those labelled by chance.
    """
    pairs = list(combinations(versions, 2))
    counted = [_Counts.of(first, second, labelled) for first, second in pairs]
    exact = [mcnemar(counts.first_only, counts.second_only) if counts.total else None for counts in counted]
    adjusted = iter(holm([p for p in exact if p is not None]))
    holms = [None if p is None else next(adjusted) for p in exact]
    return [
        _evidence(pair, population, counts, p, corrected, len(pairs))
        for pair, counts, p, corrected in zip(pairs, counted, exact, holms, strict=True)
    ]


def turned(pair: PairEvidence) -> PairEvidence:
    """The same evidence with first and second changed over."""
    conclusions = {Conclusion.BETTER: Conclusion.WORSE, Conclusion.WORSE: Conclusion.BETTER}
    return replace(
        pair,
        first=pair.second,
        second=pair.first,
        first_only=pair.second_only,
        second_only=pair.first_only,
        difference=negative(pair.difference),
        conclusion=conclusions.get(pair.conclusion, pair.conclusion),
    )


@dataclass(frozen=True)
class _Counts:
    """Labelled documents that both answered; `ties` are those on which both are wrong, each in its own way."""

    both: int
    first_only: int
    second_only: int
    neither: int
    ties: int

    @property
    def total(self) -> int:
        return self.both + self.first_only + self.second_only + self.neither

    @property
    def disagreements(self) -> int:
        return self.first_only + self.second_only + self.ties

    @classmethod
    def of(cls, first: str, second: str, labelled: Sequence[Case]) -> "_Counts":
        shared = [case for case in labelled if first in case.answers and second in case.answers]
        rights = [(case.right(first), case.right(second)) for case in shared]
        apart = sum(case.answers[first].label != case.answers[second].label for case in shared)
        first_only, second_only = rights.count((True, False)), rights.count((False, True))
        return cls(
            both=rights.count((True, True)),
            first_only=first_only,
            second_only=second_only,
            neither=rights.count((False, False)),
            ties=apart - first_only - second_only,
        )


def _evidence(
    pair: tuple[str, str],
    population: Sequence[Case],
    counts: _Counts,
    exact: float | None,
    corrected: float | None,
    pairs: int,
) -> PairEvidence:
    first, second = pair
    shared = [case for case in population if first in case.answers and second in case.answers]
    apart = sum(case.answers[first].label != case.answers[second].label for case in shared)
    difference = difference_of(counts.second_only, counts.ties, counts.first_only, apart, len(shared), pairs)
    conclusion = _conclusion(difference)
    more = None
    if conclusion is Conclusion.OPEN and apart:
        flagged = sum(case.stratum is Queue.REVIEW for case in population)
        alpha = (ALPHA - ALPHA_DISAGREEMENT) / pairs
        outcomes = more_needed(counts.second_only, counts.ties, counts.first_only, alpha)
        if outcomes is not None and (labels := ceil(outcomes * flagged / apart)) <= MOST_LABELS:
            more = labels
    p = (
        float(p_value(counts.second_only, counts.ties, counts.first_only))
        * pairs
        * ALPHA
        / (ALPHA - ALPHA_DISAGREEMENT)
    )
    return PairEvidence(
        first=first,
        second=second,
        agreement=share(len(shared) - apart, len(shared)),
        kappa=_kappa(shared, first, second),
        both_right=counts.both,
        first_only=counts.first_only,
        second_only=counts.second_only,
        neither=counts.neither,
        disagreements=counts.disagreements,
        mcnemar_p=exact,
        mcnemar_holm=corrected,
        difference=difference,
        p_value=min(1.0, p) if counts.disagreements else None,
        conclusion=conclusion,
        more_labels=more,
        sentence=_sentence(first, second, difference, conclusion, more, apart=apart, shared=len(shared)),
    )


def difference_of(wins: int, ties: int, losses: int, apart: int, shared: int, pairs: int) -> Estimate:
    """The accuracy of the second minus that of the first, over all documents that both answered.

    Args:
        wins: Labelled disagreements on which only the second is right.
        ties: On which neither is.
        losses: On which only the first is.
        apart: Disagreements in the population sample.
        shared: Documents in the population sample that both answered.
        pairs: Among how many comparisons the error is shared.
    """
    n = wins + ties + losses
    if not n or not shared:
        return unknown(n)
    low, high = difference_bounds(wins, ties, losses, apart, shared, pairs)
    return Estimate(apart / shared * (wins - losses) / n, float(low), float(high), n)


def difference_bounds(
    wins: ArrayLike, ties: ArrayLike, losses: ArrayLike, apart: ArrayLike, shared: ArrayLike, pairs: int
) -> tuple[Floats, Floats]:
    """The bounds of `difference_of`; arrays broadcast.

    Where two versions agree they are right or wrong together, so the difference is the share of documents on which
    they disagree, times the mean of +1 (only the second is right), 0 (neither is) and -1 (only the first is) there.
    The first factor needs no labels, the second needs labels of disagreements only. Each gets a confidence sequence,
    and the bounds of the product are the extremes of both.
    """
    low, high = confidence_sequence(wins, ties, losses, (ALPHA - ALPHA_DISAGREEMENT) / pairs)
    agreed = np.asarray(shared) - np.asarray(apart)
    rare, often = ((bound + 1) / 2 for bound in confidence_sequence(apart, 0, agreed, ALPHA_DISAGREEMENT / pairs))
    # Who has been seen to disagree does so at a rate above 0; rounded to 0, it would hide who is right when they do.
    rare = np.where(np.asarray(apart) > 0, np.maximum(rare, _NEXT_TO_NOTHING), rare)
    return low * np.where(low > 0, rare, often), high * np.where(high > 0, often, rare)


def _conclusion(difference: Estimate) -> Conclusion:
    if difference.low is None or difference.high is None:
        return Conclusion.OPEN
    if difference.low > 0:
        return Conclusion.BETTER
    if difference.high < 0:
        return Conclusion.WORSE
    return Conclusion.ALIKE if max(-difference.low, difference.high) < ALIKE else Conclusion.OPEN


def _kappa(shared: Sequence[Case], first: str, second: str) -> Estimate:
    labels = sorted({case.answers[version].label for case in shared for version in (first, second)})
    place = {label: index for index, label in enumerate(labels)}
    table = np.zeros((len(labels), len(labels)))
    for case in shared:
        table[place[case.answers[first].label], place[case.answers[second].label]] += 1
    return cohen_kappa(table)


def points(estimate: Estimate) -> str:
    """A difference as people say it: `+3.1 points [1.2, 5.0]`."""
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return "unknown"
    return f"{100 * estimate.value:+.1f} points [{100 * estimate.low:.1f}, {100 * estimate.high:.1f}]"


def _sentence(
    first: str, second: str, difference: Estimate, conclusion: Conclusion, more: int | None, *, apart: int, shared: int
) -> str:
    match conclusion:
        case Conclusion.BETTER:
            return f"{second} is better than {first}: {points(difference)}."
        case Conclusion.WORSE:
            return f"{first} is better than {second}: {points(negative(difference))}."
        case Conclusion.ALIKE:
            return f"{second} and {first} are as good as equal: they differ by less than a point of accuracy."
    if not shared:
        return f"{second} and {first} cannot be compared: no document was answered by both."
    if not apart:
        return f"{second} and {first} cannot be told apart: they agree on all of the newest {shared} documents."
    wait = f"about {_rounded(more)} more labels" if more else f"more than {MOST_LABELS} more labels"
    return f"{second} or {first}: not enough evidence yet: {wait} of documents marked for review."


def negative(difference: Estimate) -> Estimate:
    """The same difference seen from the other side."""
    value, low, high = difference.value, difference.low, difference.high
    if value is None or low is None or high is None:
        return difference
    return Estimate(-value, -high, -low, difference.n)


def _rounded(labels: int) -> int:
    """Two digits are more than such a forecast can promise."""
    size: int = 10 ** max(1, len(str(labels)) - 2)
    return ceil(labels / size) * size
