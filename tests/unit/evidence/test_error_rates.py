"""Protects: the error rates that docs/evidence.md promises, by simulating years. Run with -s to print them.

Three versions classify documents of five classes. Hard documents are hard for all versions, errors are spread over the
other classes, and versions abstain more often when they are wrong. Labels come from a review queue.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from evidence.difference import ALPHA, ALPHA_MEAN, difference_bounds
from evidence.sequential import forecast_outcomes, log_wealth

PAIRS = list(combinations(range(3), 2))
THRESHOLD = float(np.log(3 / ALPHA_MEAN))
"""Logarithm of the wealth at which one of three versions is called better than another."""

SAMPLE_DAYS = 60
"""Length of the population sample, a moving window."""

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Years:
    """Counts of one pair up to each day of each run, shape (runs, days)."""

    wins: Counts
    ties: Counts
    losses: Counts
    labels: Counts
    """Labels from the review queue, whether or not the pair disagrees."""
    disagreeing: Counts
    shared: Counts

    def better(self) -> NDArray[np.bool_]:
        """Return whether either version is called better, by run and day."""
        return (log_wealth(self.wins, 0, self.losses) >= THRESHOLD) | (
            log_wealth(self.losses, 0, self.wins) >= THRESHOLD
        )


def simulate_years(
    accuracy: Sequence[float], *, runs: int, days: int, per_day: int, reviewed: float = 0.6, seed: int = 3
) -> list[Years]:
    """Simulate the daily counts of each pair."""
    rng = np.random.default_rng(seed)
    shape = (runs, days, per_day)
    hardness = rng.random(shape)
    predicted = []
    abstained = np.zeros(shape, dtype=np.int8)
    for share in accuracy:
        mixed = 0.8 * hardness + 0.2 * rng.random(shape, dtype=np.float32)
        right = mixed < _quantile(share)
        predicted.append(np.where(right, 0, rng.integers(1, 5, shape)).astype(np.int8))
        abstained += rng.random(shape, dtype=np.float32) < np.where(right, 0.05, 0.4)
    disagreed = (predicted[0] != predicted[1]) | (predicted[0] != predicted[2])
    flagged = disagreed | (abstained >= 2)
    labelled = flagged & (rng.random(shape, dtype=np.float32) < reviewed)
    found = []
    for one, two in PAIRS:
        disagreeing = predicted[one] != predicted[two]
        first, second = (labelled & disagreeing & (predicted[each] == 0) for each in (one, two))
        neither = labelled & disagreeing & ~first & ~second
        wins, ties, losses, labels = (
            np.cumsum(each.sum(axis=2), axis=1) for each in (second, neither, first, labelled)
        )
        window = np.cumsum(disagreeing.sum(axis=2), axis=1)
        window[:, SAMPLE_DAYS:] = window[:, SAMPLE_DAYS:] - window[:, :-SAMPLE_DAYS]
        shared = np.minimum(np.arange(1, days + 1), SAMPLE_DAYS) * per_day
        found.append(Years(wins, ties, losses, labels, window, np.broadcast_to(shared, window.shape)))
    return found


def _quantile(share: float) -> float:
    """Return the quantile of 0.8 U + 0.2 V for uniform U and V."""
    grid = (np.arange(2000) + 0.5) / 2000
    return float(np.quantile(0.8 * grid[:, None] + 0.2 * grid[None, :], share))


@pytest.fixture(scope="module")
def equal() -> list[Years]:
    """400 years of 20 documents a day; every version has an accuracy of 90 %."""
    return simulate_years((0.9, 0.9, 0.9), runs=400, days=365, per_day=20)


def test_daily_looks_at_equal_versions_rarely_call_one_better(equal: list[Years]) -> None:
    false = np.any([pair.better().any(axis=1) for pair in equal], axis=0).mean()
    print(f"equal versions, 365 daily looks, three pairs: a false 'better' in {false:.1%} of years")
    assert false <= ALPHA


def test_daily_looks_with_mcnemar_exceed_the_error_rate(equal: list[Years]) -> None:
    """Control: the simulation detects a test that is not anytime-valid."""
    naive = np.zeros(len(equal[0].wins), dtype=bool)
    for pair in equal:
        n = np.maximum(pair.wins + pair.losses, 1)
        naive |= (np.abs(pair.wins - pair.losses) > 2.394 * np.sqrt(n)).any(axis=1)  # McNemar, Bonferroni of three
    print(f"the same with McNemar's test and Bonferroni's correction at every look: {naive.mean():.1%} of years")
    assert naive.mean() > 2 * ALPHA


@pytest.mark.parametrize("accuracy", [(0.9, 0.9, 0.9), (0.87, 0.90, 0.93)])
def test_bounds_of_all_differences_hold_in_every_week(accuracy: tuple[float, float, float]) -> None:
    missed = np.zeros(150, dtype=bool)
    for (one, two), pair in zip(PAIRS, simulate_years(accuracy, runs=150, days=365, per_day=20, seed=8), strict=True):
        wins, ties, losses = (each[:, 6::7] for each in (pair.wins, pair.ties, pair.losses))
        low, high = difference_bounds(
            wins, ties, losses, pair.disagreeing[:, 6::7], pair.shared[:, 6::7], len(PAIRS), complete=False
        )
        truth = accuracy[two] - accuracy[one]
        missed |= ((low > truth) | (high < truth)).any(axis=1)
    print(f"accuracies {accuracy}: some bound misses in some week of {missed.mean():.1%} of years")
    assert missed.mean() <= 2 * ALPHA  # lower bounds and upper bounds


def test_difference_of_three_points_is_found_within_a_few_hundred_labels() -> None:
    """90 % against 93 % among three versions: the number of labels, and the direction."""
    pair = simulate_years((0.9, 0.9, 0.93), runs=300, days=300, per_day=20, seed=4)[2]
    found = pair.better()
    assert found.any(axis=1).all()
    when = found.argmax(axis=1)
    runs = np.arange(len(when))
    labels = pair.labels[runs, when]
    p50, p80, p95 = np.quantile(labels, [0.5, 0.8, 0.95])
    documents = np.median(when + 1) * 20
    print(
        f"3 points of difference: found with {p50:.0f} labels (80 % of runs: {p80:.0f}, 95 %: {p95:.0f}), "
        f"{pair.labels[:, -1].mean() / (300 * 20 * 0.6):.0%} of documents flagged, after {documents:.0f} documents"
    )
    assert p50 <= 200
    assert p95 <= 500
    assert (pair.wins > pair.losses)[runs, when].mean() >= 0.99


@pytest.mark.parametrize("better", [0.92, 0.93, 0.95])
def test_forecast_of_labels_is_within_a_factor_of_three(better: float) -> None:
    """After fifty labels, in the median run."""
    pair = simulate_years((0.9, 0.9, better), runs=60, days=400, per_day=20, seed=6)[2]
    found = pair.better()
    when = np.where(found.any(axis=1), found.argmax(axis=1), 399)
    start = (pair.labels >= 50).argmax(axis=1)
    runs = np.flatnonzero(when > start)  # undecided after fifty labels
    took = pair.labels[runs, when[runs]] - pair.labels[runs, start[runs]]
    forecast = np.array([_forecast(pair, run, int(start[run])) for run in runs.tolist()])
    low, middle, high = np.quantile(took / forecast, [0.1, 0.5, 0.9])
    print(
        f"{better:.0%} against 90 %, after fifty labels: forecast {np.median(forecast):.0f} more, it took "
        f"{np.median(took):.0f}; run by run {middle:.1f} of it, in one of ten below {low:.1f}, or above {high:.1f}"
    )
    assert 1 / 3 <= middle <= 3


def _forecast(pair: Years, run: int, day: int) -> float:
    """Return the forecast of labels from the review queue on a day of a run."""
    wins, ties, losses = (int(each[run, day]) for each in (pair.wins, pair.ties, pair.losses))
    outcomes = forecast_outcomes(wins, ties, losses, ALPHA_MEAN / 3)
    every = pair.labels[run, -1] / (pair.wins + pair.ties + pair.losses)[run, -1]
    return np.inf if outcomes is None else outcomes * float(every)
