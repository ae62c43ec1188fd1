"""Protects: tests and bounds hold however often one looks; promotions rely on them."""

from itertools import combinations, product
from math import exp, lgamma, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike
from scipy.stats import binom

from evidence.intervals import Floats
from evidence.sequential import (
    ACCURACY_BETS,
    MAX_DOCUMENTS,
    RATE_BETS,
    Bets,
    closed_log_e_values,
    forecast_outcomes,
    log_wealth,
    lower_bound,
    rate_bounds,
)
from tests.support.examples import examples

COUNTS = st.integers(0, 400)


def confidence_sequence(wins: ArrayLike, ties: ArrayLike, losses: ArrayLike, alpha: float) -> tuple[Floats, Floats]:
    """Return both bounds, each with half of the error probability."""
    return lower_bound(wins, ties, losses, alpha / 2), -lower_bound(losses, ties, wins, alpha / 2)


def multinomial_probability(counts: tuple[int, int, int], rates: tuple[float, float, float]) -> float:
    """Return the multinomial probability of wins, ties and losses."""
    coefficient = lgamma(sum(counts) + 1) - sum(lgamma(count + 1) for count in counts)
    return exp(coefficient + sum(count * log(rate) for count, rate in zip(counts, rates, strict=True) if count))


@pytest.mark.parametrize("rates", [(0.3, 0.4, 0.3), (0.45, 0.1, 0.45), (0.6, 0.25, 0.15), (0.1, 0.1, 0.8)])
@pytest.mark.parametrize("n", [1, 5, 20])
@pytest.mark.parametrize("bets", [ACCURACY_BETS, RATE_BETS])
def test_expected_wealth_under_the_hypothesis_is_at_most_one(
    rates: tuple[float, float, float], n: int, bets: Bets
) -> None:
    """Exact, by enumeration: the expected wealth is 1, and at most 1 if the true mean is lower."""
    theta = rates[0] - rates[2]
    all_counts = [(w, t, n - w - t) for w, t in product(range(n + 1), repeat=2) if w + t <= n]
    probabilities = np.array([multinomial_probability(counts, rates) for counts in all_counts])
    wins, ties, losses = np.array(all_counts).T
    assert probabilities.sum() == pytest.approx(1)
    assert probabilities @ np.exp(log_wealth(wins, ties, losses, theta, bets)) == pytest.approx(1)
    assert probabilities @ np.exp(log_wealth(wins, ties, losses, theta + 0.1, bets)) <= 1


def test_bounds_without_outcomes_are_vacuous() -> None:
    low, high = confidence_sequence(0, 0, 0, 0.05)
    assert (float(low), float(high)) == pytest.approx((-1, 1))
    assert float(log_wealth(0, 0, 0)) == pytest.approx(0)


def test_ties_do_not_affect_the_test_of_zero() -> None:
    assert float(log_wealth(12, 0, 3)) == pytest.approx(float(log_wealth(12, 50, 3)))


@settings(max_examples=examples(50))
@given(COUNTS, COUNTS, COUNTS)
def test_exchanging_wins_and_losses_mirrors_bounds(wins: int, ties: int, losses: int) -> None:
    low, high = confidence_sequence(wins, ties, losses, 0.05)
    other_low, other_high = confidence_sequence(losses, ties, wins, 0.05)
    assert float(low) == pytest.approx(-float(other_high), abs=1e-9)
    assert float(high) == pytest.approx(-float(other_low), abs=1e-9)


@settings(max_examples=examples(15))
@given(COUNTS, COUNTS, COUNTS)
def test_exchanging_wins_and_losses_keeps_the_forecast(wins: int, ties: int, losses: int) -> None:
    assert forecast_outcomes(wins, ties, losses, 0.05) == forecast_outcomes(losses, ties, wins, 0.05)


@settings(max_examples=examples(50))
@given(COUNTS, COUNTS, COUNTS, st.floats(0.001, 0.2))
def test_bounds_separate_rejected_from_accepted_means(wins: int, ties: int, losses: int, alpha: float) -> None:
    low, high = confidence_sequence(wins, ties, losses, alpha)
    assert low <= high
    assert (low > 0) == (log_wealth(wins, ties, losses) >= np.log(2 / alpha))
    n = wins + ties + losses
    if n:
        assert low - 1e-6 <= (wins - losses) / n <= high + 1e-6


@settings(max_examples=examples(50))
@given(COUNTS, COUNTS, COUNTS)
def test_arrays_and_scalars_give_the_same_bounds(wins: int, ties: int, losses: int) -> None:
    lows, _ = confidence_sequence(np.array([wins, 1]), np.array([ties, 2]), np.array([losses, 3]), 0.05)
    assert lows[0] == pytest.approx(float(confidence_sequence(wins, ties, losses, 0.05)[0]))


def test_confidence_sequence_holds_at_all_times() -> None:
    """A look after every tenth of 2,000 outcomes; counts the runs in which any look misses the mean."""
    rng = np.random.default_rng(5)
    for rates in ((0.5, 0.1, 0.4), (0.1, 0.0, 0.9), (0.25, 0.5, 0.25)):
        outcomes = rng.choice(3, p=rates, size=(400, 2000))
        wins, ties, losses = (np.cumsum(outcomes == kind, axis=1)[:, 9::10] for kind in range(3))
        theta = rates[0] - rates[2]
        above = log_wealth(wins, ties, losses, theta) >= np.log(2 / 0.05)
        below = log_wealth(losses, ties, wins, -theta) >= np.log(2 / 0.05)
        assert (above | below).any(axis=1).mean() <= 0.05


def test_cumulative_rate_bounds_are_a_confidence_sequence() -> None:
    """A look after every twentieth of 1,000 documents; counts the runs in which any look misses the rate."""
    rng = np.random.default_rng(6)
    for rate in (0.02, 0.2):
        successes = np.cumsum(rng.random((150, 1000)) < rate, axis=1)[:, 19::20]
        low, high = rate_bounds(successes, np.arange(20, 1001, 20), 0.2, cumulative=True)
        assert ((low > rate) | (high < rate)).any(axis=1).mean() <= 0.1


def test_window_rate_bounds_divide_the_error_among_all_windows() -> None:
    low, high = rate_bounds(30, 200, 0.05, cumulative=False)
    each = 0.05 / 2 / MAX_DOCUMENTS
    assert binom.cdf(30, 200, float(high)) == pytest.approx(each / 2)
    assert binom.sf(29, 200, float(low)) == pytest.approx(each / 2)
    assert rate_bounds(30, 200, 0.05, cumulative=True)[1] < high


def test_forecast_is_close_to_the_outcomes_needed() -> None:
    """After forty outcomes, over many futures with the same rates."""
    rng = np.random.default_rng(11)
    rates, alpha = np.array([0.55, 0.20, 0.25]), 0.015
    ratios = []
    for _ in range(40):
        start = rng.multinomial(40, rates)
        forecast = forecast_outcomes(int(start[0]), int(start[1]), int(start[2]), alpha)
        future = start + np.cumsum(rng.multinomial(1, rates, size=4000), axis=0)
        wins, ties, losses = future.T
        decided = np.maximum(log_wealth(wins, ties, losses), log_wealth(losses, ties, wins)) >= np.log(1 / alpha)
        if forecast:
            ratios.append((int(decided.argmax()) + 1) / forecast)
    assert 0.4 <= np.median(ratios) <= 2.5


def test_forecast_for_similar_versions_exceeds_the_limit() -> None:
    assert forecast_outcomes(1500, 100, 1500, 0.015) is None
    soon = forecast_outcomes(30, 5, 10, 0.015)
    assert soon is not None
    assert soon < 100


def test_closed_testing_of_one_hypothesis_changes_nothing() -> None:
    assert closed_log_e_values([1.5]) == [1.5]
    assert closed_log_e_values([]) == []


@settings(max_examples=examples(50))
@given(st.lists(st.floats(-5, 12), min_size=1, max_size=5))
def test_closed_testing_considers_every_set_of_hypotheses(log_e: list[float]) -> None:
    """Against the definition: the smallest mean over all sets that contain the hypothesis."""
    adjusted = closed_log_e_values(log_e)
    for index, own in enumerate(log_e):
        others = log_e[:index] + log_e[index + 1 :]
        sets = [[own, *chosen] for size in range(len(log_e)) for chosen in combinations(others, size)]
        smallest = min(float(np.mean(np.exp(each))) for each in sets)
        assert exp(adjusted[index]) == pytest.approx(smallest)
        assert own - log(len(log_e)) - 1e-9 <= adjusted[index] <= own + 1e-9  # between Bonferroni's and no correction
