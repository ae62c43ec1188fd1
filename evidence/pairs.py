"""Comparison of two versions: how often they agree, and which one is right where they disagree."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations
from math import ceil, exp

import numpy as np

from evidence.classical import cohen_kappa, holm_adjusted
from evidence.contest import CLAIM, adjusted_log_e, claims_per_pair, contenders, open_pairs
from evidence.difference import ALPHA, ALPHA_MEAN, estimate_difference, format_difference, negated
from evidence.examples import Example
from evidence.intervals import Estimate, simple_share
from evidence.pair_counts import PairCounts, log_e_values, shared_examples
from evidence.sequential import forecast_outcomes

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
        disagreements: Number on which they predict different labels and that were drawn evenly from all disagreements
            of the pair (`pair_counts.drawn_evenly`).
        mcnemar_p: Exact two-sided p-value, valid for a single look.
        mcnemar_holm: The same, adjusted for the number of pairs.
        difference: Difference of accuracy, with bounds that hold at all times; unknown without labels.
        p_value: Anytime-valid p-value of the better version being better, adjusted for the claims that are tested
            together (see `contest`).
        conclusion: Result of the comparison.
        more_labels: Forecast of labels from the evidence queue until one version is called better (median of simulated
            futures). None if the comparison is decided, impossible, or takes more than `MAX_FORECAST_LABELS`.
        asked: Whether the evidence queue contains the pair's disagreements, because the comparison is open and matters
            now.
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
    asked: bool
    sentence: str


def compare_pairs(
    versions: Sequence[str],
    population: Sequence[Example],
    labelled: Sequence[Example],
    *,
    champion: str = "",
    complete: bool = False,
) -> list[PairEvidence]:
    """Compare every pair of versions.

    Args:
        versions: Names of the versions.
        population: Documents of the period, labelled or not: all of them, or the newest.
        labelled: Labelled examples of the random sample.
        champion: Name of the champion, with which challengers are compared; empty for none.
        complete: Whether `population` holds all documents of the period.
    """
    if len(versions) < 2:
        return []
    leader = versions.index(champion) if champion in versions else None
    counts = _counts(versions, labelled)
    pairs = list(counts)
    log_e = log_e_values(counts, len(versions))
    adjusted = adjusted_log_e(log_e, leader)
    found = []
    for (a, b), mcnemar_holm in zip(pairs, _mcnemar_holm(list(counts.values())), strict=True):
        claims = claims_per_pair(len(versions), (a, b), leader)
        evidence = float(adjusted[b, a]), float(adjusted[a, b])
        names = versions[a], versions[b]
        found.append(_compare(names, population, counts[a, b], evidence, mcnemar_holm, claims, complete=complete))
    settled = [pair for pair, each in zip(pairs, found, strict=True) if each.conclusion is not Conclusion.OPEN]
    asked = [(versions[a], versions[b]) for a, b in open_pairs(log_e, leader, settled)]
    dealt = sum(any(example.differs(*pair) for pair in asked) for example in population)
    return [_forecast(each, population, asked, dealt, len(versions), champion) for each in found]


def remaining_versions(versions: Sequence[str], labelled: Sequence[Example]) -> list[str]:
    """Return the versions that may be the best of all, given labelled examples of the random sample."""
    if not versions:
        return []
    log_e = log_e_values(_counts(versions, labelled), len(versions))
    return [versions[index] for index in contenders(log_e)]


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


def _counts(versions: Sequence[str], labelled: Sequence[Example]) -> dict[tuple[int, int], PairCounts]:
    pairs = combinations(range(len(versions)), 2)
    return {(a, b): PairCounts.of(versions[a], versions[b], labelled) for a, b in pairs}


def _mcnemar_holm(counts: Sequence[PairCounts]) -> list[float | None]:
    """Return McNemar's p-values, adjusted for the number of pairs; None for pairs without labels."""
    adjusted = iter(holm_adjusted([each.mcnemar_p for each in counts if each.mcnemar_p is not None]))
    return [None if each.mcnemar_p is None else next(adjusted) for each in counts]


def _compare(
    pair: tuple[str, str],
    population: Sequence[Example],
    counts: PairCounts,
    evidence: tuple[float, float],
    mcnemar_holm: float | None,
    claims: int,
    *,
    complete: bool,
) -> PairEvidence:
    """Return the evidence on a pair, without a forecast.

    Args:
        pair: Names of the versions.
        population: The population sample.
        counts: Counts of labelled examples.
        evidence: Adjusted log e-values of "the second version is better" and of "the first version is better".
        mcnemar_holm: McNemar's p-value, adjusted.
        claims: Number of claims that share the error probability.
        complete: Whether `population` holds all documents of the period.
    """
    shared = shared_examples(population, *pair)
    disagreeing = sum(example.differs(*pair) for example in shared)
    outcomes = counts.second_only, counts.ties, counts.first_only
    difference = estimate_difference(*outcomes, disagreeing, len(shared), claims, complete=complete)
    difference, conclusion = _conclude(difference, *evidence)
    return PairEvidence(
        first=pair[0],
        second=pair[1],
        agreement=simple_share(len(shared) - disagreeing, len(shared)),
        kappa=_kappa(shared, *pair),
        both_right=counts.both,
        first_only=counts.first_only,
        second_only=counts.second_only,
        neither=counts.neither,
        disagreements=counts.disagreements,
        mcnemar_p=counts.mcnemar_p,
        mcnemar_holm=mcnemar_holm,
        difference=difference,
        p_value=min(1.0, exp(-max(evidence)) * ALPHA / ALPHA_MEAN) if counts.disagreements else None,
        conclusion=conclusion,
        more_labels=None,
        asked=False,
        sentence="",
    )


def _conclude(difference: Estimate, better: float, worse: float) -> tuple[Estimate, Conclusion]:
    """Return the conclusion, and the difference with the bound that closed testing may raise to 0."""
    value, low, high = difference.value, difference.low, difference.high
    if value is None or low is None or high is None:
        return difference, Conclusion.OPEN
    if better >= CLAIM:
        return replace(difference, low=max(low, 0.0)), Conclusion.BETTER
    if worse >= CLAIM:
        return replace(difference, high=min(high, 0.0)), Conclusion.WORSE
    equivalent = max(-low, high) < EQUIVALENCE_MARGIN
    return difference, Conclusion.EQUIVALENT if equivalent else Conclusion.OPEN


def _forecast(
    pair: PairEvidence,
    population: Sequence[Example],
    asked: Sequence[tuple[str, str]],
    dealt: int,
    versions: int,
    champion: str,
) -> PairEvidence:
    """Return the pair with its forecast and sentence.

    Args:
        pair: The pair.
        population: The population sample.
        asked: The pairs whose disagreements are in the evidence queue.
        dealt: Number of documents of the sample that the evidence queue deals.
        versions: Number of versions.
        champion: The champion.
    """
    names = pair.first, pair.second
    disagreeing = sum(example.differs(*names) for example in population)
    claims = versions - 1 if champion in names else versions
    more_labels = None
    if pair.conclusion is Conclusion.OPEN and disagreeing:
        ties = pair.disagreements - pair.first_only - pair.second_only
        more = forecast_outcomes(pair.second_only, ties, pair.first_only, ALPHA_MEAN / claims)
        every = dealt / disagreeing if names in asked else 1.0
        labels = None if more is None else ceil(more * every)
        more_labels = labels if labels is not None and labels <= MAX_FORECAST_LABELS else None
    sentence = _sentence(pair, more_labels, disagreeing, len(shared_examples(population, *names)))
    return replace(pair, more_labels=more_labels, asked=names in asked, sentence=sentence)


def _kappa(shared: Sequence[Example], first: str, second: str) -> Estimate:
    labels = sorted({example.predictions[version].label for example in shared for version in (first, second)})
    index = {label: number for number, label in enumerate(labels)}
    table = np.zeros((len(labels), len(labels)))
    for example in shared:
        table[index[example.predictions[first].label], index[example.predictions[second].label]] += 1
    return cohen_kappa(table)


def _sentence(pair: PairEvidence, more_labels: int | None, disagreeing: int, shared: int) -> str:
    first, second, difference = pair.first, pair.second, pair.difference
    match pair.conclusion:
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
    return (
        f"{second} or {first}: not enough evidence yet: {forecast_phrase(more_labels)} more labels from the evidence "
        "queue are needed."
    )


def forecast_phrase(more_labels: int | None) -> str:
    """Return the number of labels in words; None is more than can be forecast."""
    return f"about {_rounded_up(more_labels)}" if more_labels else f"more than {MAX_FORECAST_LABELS}"


def _rounded_up(labels: int) -> int:
    """Round up to two significant digits, the precision of such a forecast."""
    unit: int = 10 ** max(1, len(str(labels)) - 2)
    return ceil(labels / unit) * unit
