"""Protects: the promises of docs/evidence.md, by simulating whole years. Run with -s to see the measured rates.

Three versions read documents of five classes. Documents are hard or easy for all of them, mistakes fall on any other
class, and versions are unsure more often when they are wrong; so labels come from a review queue and from audits, as
they do in a stack.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from evidence.pairs import ALPHA, ALPHA_DISAGREEMENT, difference_bounds
from evidence.sequential import log_wealth, more_needed

PAIRS = list(combinations(range(3), 2))
BAR = float(np.log(2 * len(PAIRS) / (ALPHA - ALPHA_DISAGREEMENT)))
"""The logarithm of the wealth at which a version is called better, among three pairs."""

SAMPLE_DAYS = 60
"""The population sample reaches back so far: a window that moves with the days."""

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Years:
    """Of many runs and each day: counts so far of one pair. Arrays of (runs, days)."""

    wins: Counts
    ties: Counts
    losses: Counts
    labels: Counts
    """From the review queue, whether or not this pair disagrees there."""
    apart: Counts
    shared: Counts

    def better(self) -> NDArray[np.bool_]:
        """Whether one of the two is called better than the other, by run and day."""
        return (log_wealth(self.wins, 0, self.losses) >= BAR) | (log_wealth(self.losses, 0, self.wins) >= BAR)


def years(
    accuracy: Sequence[float], *, runs: int, days: int, a_day: int, reviewed: float = 0.6, seed: int = 3
) -> list[Years]:
    """Each pair's counts, day by day."""
    chance = np.random.default_rng(seed)
    shape = (runs, days, a_day)
    hardness = chance.random(shape)
    answers = []
    unsure = np.zeros(shape, dtype=np.int8)
    for share in accuracy:
        mixed = 0.8 * hardness + 0.2 * chance.random(shape, dtype=np.float32)
        right = mixed < _quantile(share)
        answers.append(np.where(right, 0, chance.integers(1, 5, shape)).astype(np.int8))
        unsure += chance.random(shape, dtype=np.float32) < np.where(right, 0.05, 0.4)
    torn = (answers[0] != answers[1]) | (answers[0] != answers[2])
    flagged = torn | (unsure >= 2)
    labelled = flagged & (chance.random(shape, dtype=np.float32) < reviewed)
    found = []
    for one, two in PAIRS:
        apart = answers[one] != answers[two]
        first, second = (labelled & apart & (answers[each] == 0) for each in (one, two))
        neither = labelled & apart & ~first & ~second
        wins, ties, losses, labels = (
            np.cumsum(each.sum(axis=2), axis=1) for each in (second, neither, first, labelled)
        )
        window = np.cumsum(apart.sum(axis=2), axis=1)
        window[:, SAMPLE_DAYS:] = window[:, SAMPLE_DAYS:] - window[:, :-SAMPLE_DAYS]
        shared = np.minimum(np.arange(1, days + 1), SAMPLE_DAYS) * a_day
        found.append(Years(wins, ties, losses, labels, window, np.broadcast_to(shared, window.shape)))
    return found


def _quantile(share: float) -> float:
    """Below which 0.8 U + 0.2 V lies with this chance, U and V uniform."""
    grid = (np.arange(2000) + 0.5) / 2000
    return float(np.quantile(0.8 * grid[:, None] + 0.2 * grid[None, :], share))


@pytest.fixture(scope="module")
def equal() -> list[Years]:
    """A year of 20 documents a day, all versions right on 90 %, 400 times."""
    return years((0.9, 0.9, 0.9), runs=400, days=365, a_day=20)


def test_a_year_of_daily_looks_at_equal_versions_seldom_calls_any_better(equal: list[Years]) -> None:
    false = np.any([pair.better().any(axis=1) for pair in equal], axis=0).mean()
    print(f"equal versions, 365 daily looks, three pairs: a false 'better' in {false:.1%} of years")
    assert false <= ALPHA


def test_the_same_looks_with_a_test_made_for_one_look_would_fool_us(equal: list[Years]) -> None:
    """Otherwise the simulation could not tell a test that daily looks are allowed with."""
    naive = np.zeros(len(equal[0].wins), dtype=bool)
    for pair in equal:
        n = np.maximum(pair.wins + pair.losses, 1)
        naive |= (np.abs(pair.wins - pair.losses) > 2.394 * np.sqrt(n)).any(axis=1)  # McNemar, Bonferroni of three
    print(f"the same with McNemar's test and Bonferroni's correction at every look: {naive.mean():.1%} of years")
    assert naive.mean() > 2 * ALPHA


@pytest.mark.parametrize("accuracy", [(0.9, 0.9, 0.9), (0.87, 0.90, 0.93)])
def test_the_bounds_of_all_three_differences_hold_together_in_every_week(accuracy: tuple[float, float, float]) -> None:
    missed = np.zeros(150, dtype=bool)
    for (one, two), pair in zip(PAIRS, years(accuracy, runs=150, days=365, a_day=20, seed=8), strict=True):
        wins, ties, losses = (each[:, 6::7] for each in (pair.wins, pair.ties, pair.losses))
        low, high = difference_bounds(wins, ties, losses, pair.apart[:, 6::7], pair.shared[:, 6::7], len(PAIRS))
        truth = accuracy[two] - accuracy[one]
        missed |= ((low > truth) | (high < truth)).any(axis=1)
    print(f"accuracies {accuracy}: some bound misses in some week of {missed.mean():.1%} of years")
    assert missed.mean() <= ALPHA


def test_three_points_are_found_within_a_few_hundred_labels() -> None:
    """Labels from the review queue, of 90 % against 93 % among three versions; and in the right direction."""
    pair = years((0.9, 0.9, 0.93), runs=300, days=300, a_day=20, seed=4)[2]
    found = pair.better()
    assert found.any(axis=1).all()
    when = found.argmax(axis=1)
    runs = np.arange(len(when))
    labels = pair.labels[runs, when]
    half, most, nearly_all = np.quantile(labels, [0.5, 0.8, 0.95])
    documents = np.median(when + 1) * 20
    print(
        f"3 points of difference: found with {half:.0f} labels (80 % of runs: {most:.0f}, 95 %: {nearly_all:.0f}), "
        f"{pair.labels[:, -1].mean() / (300 * 20 * 0.6):.0%} of documents flagged, after {documents:.0f} documents"
    )
    assert half <= 200
    assert nearly_all <= 500
    assert (pair.wins > pair.losses)[runs, when].mean() >= 0.99


@pytest.mark.parametrize("better", [0.92, 0.93, 0.95])
def test_the_forecast_of_labels_is_about_what_it_takes(better: float) -> None:
    """After fifty labels: in the middle run within a factor of three."""
    pair = years((0.9, 0.9, better), runs=60, days=400, a_day=20, seed=6)[2]
    found = pair.better()
    when = np.where(found.any(axis=1), found.argmax(axis=1), 399)
    start = (pair.labels >= 50).argmax(axis=1)
    runs = np.flatnonzero(when > start)  # where fifty did not do
    took = pair.labels[runs, when[runs]] - pair.labels[runs, start[runs]]
    forecast = np.array([_forecast(pair, run, int(start[run])) for run in runs.tolist()])
    low, middle, high = np.quantile(took / forecast, [0.1, 0.5, 0.9])
    print(
        f"{better:.0%} against 90 %, after fifty labels: forecast {np.median(forecast):.0f} more, it took "
        f"{np.median(took):.0f}; run by run {middle:.1f} of it, in one of ten below {low:.1f}, or above {high:.1f}"
    )
    assert 1 / 3 <= middle <= 3


def _forecast(pair: Years, run: int, day: int) -> float:
    """Labels from the review queue that `more_needed` tells on this day of this run."""
    wins, ties, losses = (int(each[run, day]) for each in (pair.wins, pair.ties, pair.losses))
    outcomes = more_needed(wins, ties, losses, (ALPHA - ALPHA_DISAGREEMENT) / len(PAIRS))
    every = pair.labels[run, -1] / (pair.wins + pair.ties + pair.losses)[run, -1]
    return np.inf if outcomes is None else outcomes * float(every)
