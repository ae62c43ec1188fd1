"""Drift: whether what arrives, or what the versions make of it, changes from day to day. Needs no labels."""

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import special

from evidence.cases import Case
from evidence.classical import holm
from evidence.intervals import Estimate, share

ALPHA = 0.05
"""The chance that some day is called drifted though nothing changes."""

LARGE = 0.1
"""A distance below this is not worth a person's time, however sure it is: of two labels, 50:50 against 62:38."""

_EXPECTED = 5
"""Values expected less often are pooled, or the test's approximation fails (Cochran, Biometrics 10, 1954)."""

Counts = NDArray[np.float64]


@dataclass(frozen=True)
class VersionDay:
    """What a version said on one day: the share of each label, and its mean confidence."""

    documents: int
    labels: Mapping[str, float]
    confidence: float | None


@dataclass(frozen=True)
class Day:
    """One day, in UTC. `unanimous` is the share of documents on which the versions that answered agree."""

    day: date
    documents: int
    unanimous: Estimate
    versions: Mapping[str, VersionDay]


@dataclass(frozen=True)
class Shift:
    """How far a day is from all days before it, in one respect.

    Attributes:
        what: Such as `v2 labels`, `v2 confidence` or `agreement`.
        distance: Jensen-Shannon's, 0 to 1.
        noise: What distances without any change stay below on 95 of 100 days.
        p_value: Adjusted for all days and respects (Holm).
        drifted: Whether it is both certain (`ALPHA`) and `LARGE`.
    """

    day: date
    what: str
    distance: float
    noise: float
    p_value: float
    drifted: bool


@dataclass(frozen=True)
class Drift:
    """Days, oldest first, and what changed on them."""

    days: tuple[Day, ...]
    shifts: tuple[Shift, ...]


def drift(versions: Sequence[str], population: Sequence[Case]) -> Drift:
    """The population sample, day by day (UTC)."""
    by_day: dict[date, list[Case]] = {}
    for case in sorted(population, key=lambda case: (case.at, case.name)):
        by_day.setdefault(case.at.astimezone(UTC).date(), []).append(case)
    days = tuple(_day(day, cases, versions) for day, cases in by_day.items())
    return Drift(days, tuple(_shifts(by_day, _respects(versions))))


def distance(some: Counts, others: Counts) -> tuple[float, float, float]:
    """Jensen-Shannon's distance (base 2) of two counts of the same values, its noise floor, and the p-value.

    The p-value is the G test's of the table of both. Without a change the sum of (difference of shares)² / share is
    chi-squared times (1/n + 1/m), and the divergence in nats an eighth of it: that gives the noise floor.
    """
    some, others = _pooled(some, others)
    n, m = float(some.sum()), float(others.sum())
    freedom = len(some) - 1
    if not freedom or not n or not m:
        return 0.0, 0.0, 1.0
    one, other = some / n, others / m
    all_of_it = (some + others) / (n + m)
    g = 2 * (n * _divergence(one, all_of_it) + m * _divergence(other, all_of_it))
    middle = (one + other) / 2
    nats = (_divergence(one, middle) + _divergence(other, middle)) / 2
    noise = float(special.chdtri(freedom, 1 - 0.95)) * (1 / n + 1 / m) / 8
    return sqrt(nats / log(2)), min(1.0, sqrt(noise / log(2))), float(special.chdtrc(freedom, g))


def _divergence(one: Counts, other: Counts) -> float:
    """Kullback and Leibler's, in nats; a hair below 0 by rounding is 0."""
    return max(0.0, float(special.rel_entr(one, other).sum()))


def _pooled(some: Counts, others: Counts) -> tuple[Counts, Counts]:
    """Both with all values together that either expects too rarely; no second value is left where all are rare."""
    total = some + others
    rare = total * min(some.sum(), others.sum()) < _EXPECTED * total.sum()
    if rare.any():
        some = np.append(some[~rare], some[rare].sum())
        others = np.append(others[~rare], others[rare].sum())
        pooled = some[-1] + others[-1]
        if len(some) > 1 and pooled * min(some.sum(), others.sum()) < _EXPECTED * total.sum():
            least = int(np.argmin((some + others)[:-1]))  # even together too rare: the least common goes with them
            some[least], others[least] = some[least] + some[-1], others[least] + others[-1]
            some, others = some[:-1], others[:-1]
    return some, others


Respect = Callable[[Case], Hashable | None]


def _respects(versions: Sequence[str]) -> dict[str, Respect]:
    """What is watched of a document; None where it says nothing."""

    def label(version: str) -> Respect:
        return lambda case: case.answers[version].label if version in case.answers else None

    def confidence(version: str) -> Respect:
        return lambda case: min(9, int(case.answers[version].confidence * 10)) if version in case.answers else None

    watched: dict[str, Respect] = {"agreement": _unanimous}
    for version in versions:
        watched[f"{version} labels"] = label(version)
        watched[f"{version} confidence"] = confidence(version)
    return watched


def _unanimous(case: Case) -> bool | None:
    return len({answer.label for answer in case.answers.values()}) == 1 if len(case.answers) > 1 else None


def _shifts(by_day: Mapping[date, Sequence[Case]], watched: Mapping[str, Respect]) -> list[Shift]:
    measured: list[tuple[date, str, tuple[float, float, float]]] = []
    for what, respect in watched.items():
        before: Counter[Hashable] = Counter()
        for day, cases in by_day.items():
            today = Counter(value for case in cases if (value := respect(case)) is not None)
            if before and today:
                values = sorted({*before, *today}, key=str)
                some, others = (np.array([side[value] for value in values], dtype=float) for side in (today, before))
                measured.append((day, what, distance(some, others)))
            before += today
    adjusted = holm([p for _, _, (_, _, p) in measured])
    shifts = [
        Shift(day, what, far, noise, p, drifted=p <= ALPHA and far >= LARGE)
        for (day, what, (far, noise, _)), p in zip(measured, adjusted, strict=True)
    ]
    return sorted(shifts, key=lambda shift: (shift.day, shift.what))


def _day(day: date, cases: Sequence[Case], versions: Sequence[str]) -> Day:
    agreed = [unanimous for case in cases if (unanimous := _unanimous(case)) is not None]
    said: dict[str, VersionDay] = {}
    for version in versions:
        answers = [case.answers[version] for case in cases if version in case.answers]
        counts = Counter(answer.label for answer in answers)
        said[version] = VersionDay(
            documents=len(answers),
            labels={label: counts[label] / len(answers) for label in sorted(counts)},
            confidence=sum(answer.confidence for answer in answers) / len(answers) if answers else None,
        )
    return Day(day, len(cases), share(sum(agreed), len(agreed)), said)
