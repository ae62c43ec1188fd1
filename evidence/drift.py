"""Drift: changes from day to day in what arrives and in how versions classify it. Needs no labels."""

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date
from math import log, sqrt
from typing import NamedTuple

import numpy as np
from scipy import special

from evidence.classical import holm_adjusted
from evidence.examples import Example
from evidence.intervals import Estimate, Floats, simple_share

DRIFT_ALPHA = 0.05
"""Probability that some day is reported as drifted although nothing changed."""

MIN_DISTANCE = 0.1
"""Smallest distance worth reporting, however significant: for two labels, a change from 50:50 to 62:38."""

_MIN_EXPECTED = 5
"""Values with a lower expected count are pooled, or the chi-squared test fails (Cochran, Biometrics 10, 1954)."""

Feature = Callable[[Example], Hashable | None]
"""A property of a document whose distribution is compared; None for documents without it."""


@dataclass(frozen=True)
class DailyPredictions:
    """Predictions of one version on one day: number, share of each label, mean confidence."""

    documents: int
    labels: Mapping[str, float]
    confidence: float | None


@dataclass(frozen=True)
class Day:
    """One day in UTC. `unanimous` is the share of documents on which all predictions agree."""

    day: date
    documents: int
    unanimous: Estimate
    versions: Mapping[str, DailyPredictions]


@dataclass(frozen=True)
class Shift:
    """Difference between a day and all days before it in one feature.

    Attributes:
        day: The day, in UTC.
        what: Name of the feature, such as `v2 labels`, `v2 confidence` or `agreement`.
        distance: Jensen-Shannon distance, 0 to 1.
        noise: 95th percentile of the distance if nothing changed.
        p_value: p-value of the G test, adjusted for all days and features (Holm).
        drifted: Whether the shift is both significant (`DRIFT_ALPHA`) and large (`MIN_DISTANCE`).
    """

    day: date
    what: str
    distance: float
    noise: float
    p_value: float
    drifted: bool


@dataclass(frozen=True)
class Drift:
    """Days, oldest first, and their shifts."""

    days: tuple[Day, ...]
    shifts: tuple[Shift, ...]


class CountComparison(NamedTuple):
    """Comparison of two samples of a discrete value: distance, noise floor and p-value."""

    distance: float
    noise: float
    p_value: float


def detect_drift(versions: Sequence[str], population: Sequence[Example]) -> Drift:
    """Compare each day (UTC) of the population sample with all days before it."""
    by_day: dict[date, list[Example]] = {}
    for example in sorted(population, key=lambda example: (example.uploaded_at, example.id)):
        by_day.setdefault(example.uploaded_at.astimezone(UTC).date(), []).append(example)
    days = tuple(_summarize_day(day, examples, versions) for day, examples in by_day.items())
    return Drift(days, tuple(_shifts(by_day, _features(versions))))


def compare_counts(some: Floats, others: Floats) -> CountComparison:
    """Compare two arrays of counts of the same values.

    The distance is Jensen and Shannon's (base 2), the p-value that of the G test of the table of both. If nothing
    changed, the sum of (difference of shares)² / share is chi-squared times (1/n + 1/m), and the divergence in nats is
    an eighth of it, which gives the noise floor.
    """
    some, others = _pool_rare_values(some, others)
    n, m = float(some.sum()), float(others.sum())
    freedom = len(some) - 1
    if not freedom or not n or not m:
        return CountComparison(0.0, 0.0, 1.0)
    p, q = some / n, others / m
    pooled = (some + others) / (n + m)
    g = 2 * (n * _kl_divergence(p, pooled) + m * _kl_divergence(q, pooled))
    middle = (p + q) / 2
    nats = (_kl_divergence(p, middle) + _kl_divergence(q, middle)) / 2
    noise = float(special.chdtri(freedom, 1 - 0.95)) * (1 / n + 1 / m) / 8
    return CountComparison(sqrt(nats / log(2)), min(1.0, sqrt(noise / log(2))), float(special.chdtrc(freedom, g)))


def _kl_divergence(p: Floats, q: Floats) -> float:
    """Return the Kullback-Leibler divergence in nats, with rounding errors below 0 removed."""
    return max(0.0, float(special.rel_entr(p, q).sum()))


def _pool_rare_values(some: Floats, others: Floats) -> tuple[Floats, Floats]:
    """Pool the values whose expected count is too low in either sample; one value is left if all are rare."""
    total = some + others
    smaller = min(some.sum(), others.sum())
    rare = total * smaller < _MIN_EXPECTED * total.sum()
    if not rare.any():
        return some, others
    some = np.append(some[~rare], some[rare].sum())
    others = np.append(others[~rare], others[rare].sum())
    pooled = some[-1] + others[-1]
    if len(some) > 1 and pooled * smaller < _MIN_EXPECTED * total.sum():
        least = int(np.argmin((some + others)[:-1]))  # the pool is still too rare: add the least frequent value to it
        some[least], others[least] = some[least] + some[-1], others[least] + others[-1]
        some, others = some[:-1], others[:-1]
    return some, others


def _features(versions: Sequence[str]) -> dict[str, Feature]:
    def label(version: str) -> Feature:
        return lambda example: example.predictions[version].label if version in example.predictions else None

    def confidence(version: str) -> Feature:
        return lambda example: (
            min(9, int(example.predictions[version].confidence * 10)) if version in example.predictions else None
        )

    features: dict[str, Feature] = {"agreement": _unanimous}
    for version in versions:
        features[f"{version} labels"] = label(version)
        features[f"{version} confidence"] = confidence(version)
    return features


def _unanimous(example: Example) -> bool | None:
    """Return whether all predictions agree; None for fewer than two."""
    predictions = example.predictions.values()
    return len({each.label for each in predictions}) == 1 if len(predictions) > 1 else None


def _shifts(by_day: Mapping[date, Sequence[Example]], features: Mapping[str, Feature]) -> list[Shift]:
    compared: list[tuple[date, str, CountComparison]] = []
    for name, feature in features.items():
        before: Counter[Hashable] = Counter()
        for day, examples in by_day.items():
            today = Counter(value for example in examples if (value := feature(example)) is not None)
            if before and today:
                values = sorted({*before, *today}, key=str)
                some, others = (np.array([side[value] for value in values], dtype=float) for side in (today, before))
                compared.append((day, name, compare_counts(some, others)))
            before += today
    adjusted = holm_adjusted([comparison.p_value for _, _, comparison in compared])
    shifts = [
        Shift(
            day=day,
            what=name,
            distance=comparison.distance,
            noise=comparison.noise,
            p_value=p,
            drifted=p <= DRIFT_ALPHA and comparison.distance >= MIN_DISTANCE,
        )
        for (day, name, comparison), p in zip(compared, adjusted, strict=True)
    ]
    return sorted(shifts, key=lambda shift: (shift.day, shift.what))


def _summarize_day(day: date, examples: Sequence[Example], versions: Sequence[str]) -> Day:
    agreed = [unanimous for example in examples if (unanimous := _unanimous(example)) is not None]
    summaries: dict[str, DailyPredictions] = {}
    for version in versions:
        predictions = [example.predictions[version] for example in examples if version in example.predictions]
        counts = Counter(each.label for each in predictions)
        summaries[version] = DailyPredictions(
            documents=len(predictions),
            labels={label: counts[label] / len(predictions) for label in sorted(counts)},
            confidence=sum(each.confidence for each in predictions) / len(predictions) if predictions else None,
        )
    return Day(day, len(examples), simple_share(sum(agreed), len(agreed)), summaries)
