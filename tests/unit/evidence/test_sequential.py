"""Protects: evidence that stays valid however often one looks, for it is what a promotion rests on."""

from itertools import product
from math import exp, lgamma, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.sequential import confidence_sequence, log_wealth, more_needed, p_value

COUNTS = st.integers(0, 400)


def chance_of(counts: tuple[int, int, int], rates: tuple[float, float, float]) -> float:
    """The multinomial probability of wins, ties and losses."""
    coefficient = lgamma(sum(counts) + 1) - sum(lgamma(count + 1) for count in counts)
    return exp(coefficient + sum(count * log(rate) for count, rate in zip(counts, rates, strict=True) if count))


@pytest.mark.parametrize("rates", [(0.3, 0.4, 0.3), (0.45, 0.1, 0.45), (0.6, 0.25, 0.15), (0.1, 0.1, 0.8)])
@pytest.mark.parametrize("n", [1, 5, 20])
def test_no_bet_against_the_truth_gains_on_average(rates: tuple[float, float, float], n: int) -> None:
    """Exact: over all that can happen, wealth is 1 on average, and at most 1 where the truth is lower."""
    theta = rates[0] - rates[2]
    all_counts = [(w, t, n - w - t) for w, t in product(range(n + 1), repeat=2) if w + t <= n]
    probabilities = np.array([chance_of(counts, rates) for counts in all_counts])
    wins, ties, losses = np.array(all_counts).T
    assert probabilities.sum() == pytest.approx(1)
    assert probabilities @ np.exp(log_wealth(wins, ties, losses, theta)) == pytest.approx(1)
    assert probabilities @ np.exp(log_wealth(wins, ties, losses, theta + 0.1)) <= 1


def test_before_any_outcome_nothing_is_known() -> None:
    low, high = confidence_sequence(0, 0, 0, 0.05)
    assert (float(low), float(high)) == pytest.approx((-1, 1))
    assert float(p_value(0, 0, 0)) == 1


def test_a_two_sided_p_value_pays_for_both_sides() -> None:
    assert float(p_value(30, 4, 9)) == pytest.approx(2 * exp(-float(log_wealth(30, 4, 9))))


def test_ties_are_no_evidence_of_a_difference() -> None:
    assert float(log_wealth(12, 0, 3)) == pytest.approx(float(log_wealth(12, 50, 3)))


@settings(max_examples=50)
@given(COUNTS, COUNTS, COUNTS)
def test_changing_sides_mirrors_everything(wins: int, ties: int, losses: int) -> None:
    low, high = confidence_sequence(wins, ties, losses, 0.05)
    other_low, other_high = confidence_sequence(losses, ties, wins, 0.05)
    assert float(low) == pytest.approx(-float(other_high), abs=1e-9)
    assert float(high) == pytest.approx(-float(other_low), abs=1e-9)
    assert float(p_value(wins, ties, losses)) == pytest.approx(float(p_value(losses, ties, wins)))


@settings(max_examples=15)
@given(COUNTS, COUNTS, COUNTS)
def test_changing_sides_leaves_the_forecast(wins: int, ties: int, losses: int) -> None:
    assert more_needed(wins, ties, losses, 0.05) == more_needed(losses, ties, wins, 0.05)


@settings(max_examples=50)
@given(COUNTS, COUNTS, COUNTS, st.floats(0.001, 0.2))
def test_the_bounds_part_what_is_refuted_from_what_is_not(wins: int, ties: int, losses: int, alpha: float) -> None:
    low, high = confidence_sequence(wins, ties, losses, alpha)
    assert low <= high
    assert (low > 0) == (log_wealth(wins, ties, losses) >= np.log(2 / alpha))
    assert (float(p_value(wins, ties, losses)) <= alpha) == (low > 0 or high < 0)
    n = wins + ties + losses
    if n:
        assert low - 1e-6 <= (wins - losses) / n <= high + 1e-6


@settings(max_examples=50)
@given(COUNTS, COUNTS, COUNTS)
def test_arrays_say_what_single_counts_say(wins: int, ties: int, losses: int) -> None:
    lows, _ = confidence_sequence(np.array([wins, 1]), np.array([ties, 2]), np.array([losses, 3]), 0.05)
    assert lows[0] == pytest.approx(float(confidence_sequence(wins, ties, losses, 0.05)[0]))


def test_the_bounds_hold_at_all_times_together() -> None:
    """2,000 documents, a look after each tenth: the share of runs in which any look misses the mean."""
    chance = np.random.default_rng(5)
    for rates in ((0.5, 0.1, 0.4), (0.1, 0.0, 0.9), (0.25, 0.5, 0.25)):
        outcomes = chance.choice(3, p=rates, size=(800, 2000))
        wins, ties, losses = (np.cumsum(outcomes == kind, axis=1)[:, 9::10] for kind in range(3))
        theta = rates[0] - rates[2]
        above = log_wealth(wins, ties, losses, theta) >= np.log(2 / 0.05)
        below = log_wealth(losses, ties, wins, -theta) >= np.log(2 / 0.05)
        assert (above | below).any(axis=1).mean() <= 0.05


def test_the_forecast_is_near_what_it_then_takes() -> None:
    """From forty outcomes on, over many futures of one truth."""
    chance = np.random.default_rng(11)
    rates, alpha = np.array([0.55, 0.20, 0.25]), 0.015
    ratios = []
    for _ in range(40):
        start = chance.multinomial(40, rates)
        forecast = more_needed(int(start[0]), int(start[1]), int(start[2]), alpha)
        future = start + np.cumsum(chance.multinomial(1, rates, size=4000), axis=0)
        wins, ties, losses = future.T
        decided = np.maximum(log_wealth(wins, ties, losses), log_wealth(losses, ties, wins)) >= np.log(2 / alpha)
        if forecast:
            ratios.append((int(decided.argmax()) + 1) / forecast)
    assert 0.4 <= np.median(ratios) <= 2.5


def test_versions_that_look_alike_would_take_forever() -> None:
    assert more_needed(1500, 100, 1500, 0.015) is None
    soon = more_needed(30, 5, 10, 0.015)
    assert soon is not None
    assert soon < 100
