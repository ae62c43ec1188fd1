"""Comparison of two versions: how often they agree, and which one is right where they disagree."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations
from math import ceil

import numpy as np

from evidence.classical import cohen_kappa, holm_adjusted, mcnemar_exact
from evidence.difference import ALPHA, ALPHA_RATE, estimate_difference, format_difference, negated
from evidence.examples import Example
from evidence.intervals import Estimate, simple_share
from evidence.sequential import anytime_p_value, forecast_outcomes
from records.reviews import Queue

EQUIVALENCE_MARGIN = 0.01
"""Versions are practically equivalent if their accuracy differs by less than this."""

MAX_FORECAST_LABELS = 5000
"""Largest forecast of labels; a longer one is reported as "more than"."""


class Conclusion(StrEnum):
    """Result of the comparison of a pair."""

    BETTER = "better"
    """The second version is better than the first."""
    WORSE = "worse"
    """The second version is worse than the first."""
    EQUIVALENT = "alike"
    """The difference is within `EQUIVALENCE_MARGIN`. The stored value is older than the name."""
    OPEN = "open"
    """Not enough evidence yet."""


@dataclass(frozen=True)
class PairEvidence:
    """Evidence on two versions. Differences are the second version's accuracy minus the first's.

    Attributes:
        first: Name of the first version.
        second: Name of the second version.
        agreement: Share of the population sample on which both predict the same label. Needs no labels.
        kappa: Cohen's kappa of the same: agreement in excess of what the label shares give by chance.
        both_right: Number of labelled random examples that both versions got right.
        first_only: Number that only the first version got right.
        second_only: Number that only the second version got right.
        neither: Number that both versions got wrong.
        disagreements: Number on which they predict different labels. All of these were flagged
            (`verdict.DISAGREEMENT`), so all were labelled at the same rate.
        mcnemar_p: Exact two-sided p-value, valid for a single look.
        mcnemar_holm: The same, adjusted for the number of pairs.
        difference: Difference of accuracy, with a confidence sequence that holds for all pairs together; unknown
            without labels.
        p_value: Two-sided anytime-valid p-value, adjusted for the number of pairs.
        conclusion: Result of the comparison.
        more_labels: Forecast of labels from the review queue until one version is called better (median of simulated
            futures). None if the comparison is decided, impossible, or takes more than `MAX_FORECAST_LABELS`.
        sentence: The conclusion in words.
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


def compare_pairs(
    versions: Sequence[str], population: Sequence[Example], labelled: Sequence[Example], *, complete: bool = False
) -> list[PairEvidence]:
    """Compare every pair of versions.

    Args:
        versions: Names of the versions.
        population: Documents of the period, labelled or not: all of them, or the newest.
        labelled: Labelled examples of the random sample.
        complete: Whether `population` holds all documents of the period.
    """
    pairs = list(combinations(versions, 2))
    counts = [_PairCounts.of(first, second, labelled) for first, second in pairs]
    p_values = [mcnemar_exact(each.first_only, each.second_only) if each.total else None for each in counts]
    adjusted = iter(holm_adjusted([p for p in p_values if p is not None]))
    return [
        _compare(pair, population, each, p, None if p is None else next(adjusted), pairs=len(pairs), complete=complete)
        for pair, each, p in zip(pairs, counts, p_values, strict=True)
    ]


def swapped(pair: PairEvidence) -> PairEvidence:
    """Return the same evidence with first and second version exchanged."""
    conclusions = {Conclusion.BETTER: Conclusion.WORSE, Conclusion.WORSE: Conclusion.BETTER}
    return replace(
        pair,
        first=pair.second,
        second=pair.first,
        first_only=pair.second_only,
        second_only=pair.first_only,
        difference=negated(pair.difference),
        conclusion=conclusions.get(pair.conclusion, pair.conclusion),
    )


@dataclass(frozen=True)
class _PairCounts:
    """Counts of labelled examples with predictions of both versions.

    `ties` counts the disagreements on which both versions are wrong.
    """

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
    def of(cls, first: str, second: str, labelled: Sequence[Example]) -> "_PairCounts":
        shared = _shared(labelled, first, second)
        correct = [(example.is_correct(first), example.is_correct(second)) for example in shared]
        first_only, second_only = correct.count((True, False)), correct.count((False, True))
        return cls(
            both=correct.count((True, True)),
            first_only=first_only,
            second_only=second_only,
            neither=correct.count((False, False)),
            ties=_disagreements(shared, first, second) - first_only - second_only,
        )


def _shared(examples: Sequence[Example], first: str, second: str) -> list[Example]:
    return [example for example in examples if first in example.predictions and second in example.predictions]


def _disagreements(shared: Sequence[Example], first: str, second: str) -> int:
    return sum(example.predictions[first].label != example.predictions[second].label for example in shared)


def _compare(
    pair: tuple[str, str],
    population: Sequence[Example],
    counts: _PairCounts,
    mcnemar_p: float | None,
    mcnemar_holm: float | None,
    *,
    pairs: int,
    complete: bool,
) -> PairEvidence:
    first, second = pair
    shared = _shared(population, first, second)
    disagreeing = _disagreements(shared, first, second)
    outcomes = counts.second_only, counts.ties, counts.first_only
    difference = estimate_difference(*outcomes, disagreeing, len(shared), pairs, complete=complete)
    conclusion = _conclude(difference)
    flagged = sum(example.stratum is Queue.REVIEW for example in population)
    open_forecast = conclusion is Conclusion.OPEN and disagreeing
    more_labels = _forecast_labels(outcomes, flagged / disagreeing, pairs) if open_forecast else None
    p_value = float(anytime_p_value(*outcomes)) * pairs * ALPHA / (ALPHA - ALPHA_RATE)
    return PairEvidence(
        first=first,
        second=second,
        agreement=simple_share(len(shared) - disagreeing, len(shared)),
        kappa=_kappa(shared, first, second),
        both_right=counts.both,
        first_only=counts.first_only,
        second_only=counts.second_only,
        neither=counts.neither,
        disagreements=counts.disagreements,
        mcnemar_p=mcnemar_p,
        mcnemar_holm=mcnemar_holm,
        difference=difference,
        p_value=min(1.0, p_value) if counts.disagreements else None,
        conclusion=conclusion,
        more_labels=more_labels,
        sentence=_sentence(first, second, difference, conclusion, more_labels, disagreeing, len(shared)),
    )


def _conclude(difference: Estimate) -> Conclusion:
    if difference.low is None or difference.high is None:
        return Conclusion.OPEN
    if difference.low > 0:
        return Conclusion.BETTER
    if difference.high < 0:
        return Conclusion.WORSE
    equivalent = max(-difference.low, difference.high) < EQUIVALENCE_MARGIN
    return Conclusion.EQUIVALENT if equivalent else Conclusion.OPEN


def _forecast_labels(outcomes: tuple[int, int, int], labels_per_outcome: float, pairs: int) -> int | None:
    """Return the forecast of labels until the pair is decided; None for more than `MAX_FORECAST_LABELS`."""
    more = forecast_outcomes(*outcomes, (ALPHA - ALPHA_RATE) / pairs)
    labels = None if more is None else ceil(more * labels_per_outcome)
    return labels if labels is not None and labels <= MAX_FORECAST_LABELS else None


def _kappa(shared: Sequence[Example], first: str, second: str) -> Estimate:
    labels = sorted({example.predictions[version].label for example in shared for version in (first, second)})
    index = {label: number for number, label in enumerate(labels)}
    table = np.zeros((len(labels), len(labels)))
    for example in shared:
        table[index[example.predictions[first].label], index[example.predictions[second].label]] += 1
    return cohen_kappa(table)


def _sentence(
    first: str,
    second: str,
    difference: Estimate,
    conclusion: Conclusion,
    more_labels: int | None,
    disagreeing: int,
    shared: int,
) -> str:
    match conclusion:
        case Conclusion.BETTER:
            return f"{second} is better than {first}: {format_difference(difference)}."
        case Conclusion.WORSE:
            return f"{first} is better than {second}: {format_difference(negated(difference))}."
        case Conclusion.EQUIVALENT:
            return f"{second} and {first} are practically equivalent: their accuracy differs by less than 1 pp."
    if not shared:
        return f"{second} and {first} cannot be compared: no document has predictions of both."
    if not disagreeing:
        return f"{second} and {first} cannot be distinguished: they agree on all {shared} documents of the sample."
    wait = f"about {_rounded_up(more_labels)}" if more_labels else f"more than {MAX_FORECAST_LABELS}"
    return f"{second} or {first}: not enough evidence yet: {wait} more labels from the review queue are needed."


def _rounded_up(labels: int) -> int:
    """Round up to two significant digits, the precision of such a forecast."""
    unit: int = 10 ** max(1, len(str(labels)) - 2)
    return ceil(labels / unit) * unit
