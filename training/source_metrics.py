"""Accuracy by source, with intervals by bootstrap over families of sources, and measures of selective classification.

Pages of one source succeed and fail together. The number of independent observations is therefore closer to the number
of families than to the number of pages, and intervals that resample pages are too narrow.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evidence.risk import weighted_auroc
from training.metrics import Booleans, Floats

RESAMPLES = 2000
_SEED = 20240229
COVERAGES = tuple(number / 20 for number in range(1, 21))
"""Shares of accepted documents at which `risk_coverage` reports the accuracy."""


@dataclass(frozen=True)
class SourceAccuracy:
    """Number of documents of one source, and the share that is classified correctly."""

    documents: int
    accuracy: float


@dataclass(frozen=True)
class SourceMetrics:
    """Accuracy over sources.

    Attributes:
        macro: Mean accuracy of the sources, each of which counts alike.
        interval: 95 % interval of `macro`, by bootstrap over families.
        worst_decile: Mean accuracy of the tenth of the sources with the lowest accuracy, at least of one source.
        pooled_interval: 95 % interval of the accuracy over all documents, by bootstrap over families.
        by_source: Accuracy of each source, sorted by name.
    """

    macro: float
    interval: tuple[float, float]
    worst_decile: float
    pooled_interval: tuple[float, float]
    by_source: dict[str, SourceAccuracy]


def source_metrics(correct: Booleans, sources: Sequence[str], families: Sequence[str] | None = None) -> SourceMetrics:
    """Return the accuracy over sources.

    Args:
        correct: Whether each document is classified correctly; at least one document.
        sources: Source of each document.
        families: Family of each document's source; the source itself if None.
    """
    names, index = np.unique(np.asarray(sources), return_inverse=True)
    groups = np.asarray(sources if families is None else families)
    counts = np.bincount(index)
    accuracies = np.bincount(index, weights=correct) / counts
    first = np.unique(index, return_index=True)[1]
    worst = np.sort(accuracies)[: max(1, len(names) // 10)]
    return SourceMetrics(
        macro=float(accuracies.mean()),
        interval=bootstrap_interval(accuracies, groups[first]),
        worst_decile=float(worst.mean()),
        pooled_interval=bootstrap_interval(correct.astype(np.float64), groups),
        by_source={
            str(name): SourceAccuracy(int(count), float(accuracy))
            for name, count, accuracy in zip(names, counts, accuracies, strict=True)
        },
    )


def bootstrap_interval(values: Floats, families: Sequence[str] | NDArray[np.str_]) -> tuple[float, float]:
    """Return the 95 % percentile interval of a mean, by bootstrap over families.

    Args:
        values: One value per document or per source, such as a difference of two accuracies.
        families: Family of each value; all values of a family are drawn together.
    """
    index = np.unique(np.asarray(families), return_inverse=True)[1]
    sums, counts = np.bincount(index, weights=values), np.bincount(index)
    draws = np.random.default_rng(_SEED).multinomial(len(sums), np.full(len(sums), 1 / len(sums)), RESAMPLES)
    low, high = np.quantile(draws @ sums / (draws @ counts), (0.025, 0.975))
    return float(low), float(high)


def auroc(positive: Floats, negative: Floats) -> float | None:
    """Return the probability that a positive score exceeds a negative one, ties counting half.

    This is the area under the ROC curve, which equals the Mann-Whitney statistic divided by the number of pairs.

    Returns:
        The area; None if either class is empty.
    """
    scores = np.concatenate([positive, negative])
    return weighted_auroc(scores, np.arange(len(scores)) < len(positive), np.ones(len(scores)))


def risk_coverage(confidence: Floats, correct: Booleans) -> list[tuple[float, float]]:
    """Return pairs of a coverage and the accuracy on that share of the documents with the highest confidence."""
    ordered = correct[np.argsort(-confidence, kind="stable")]
    counts = [max(1, round(coverage * len(ordered))) for coverage in COVERAGES]
    return [(coverage, float(ordered[:count].mean())) for coverage, count in zip(COVERAGES, counts, strict=True)]
