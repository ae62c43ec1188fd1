"""Protects: intervals match published ones, cover at least their level, and are unknown without data."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom
from statsmodels.stats.proportion import proportion_confint

from evidence.intervals import (
    Stratum,
    binomial_bounds,
    binomial_interval,
    simple_share,
    stratified_share,
    weighted_share,
)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [  # Newcombe, Statistics in Medicine 17, 1998, table I, the Clopper-Pearson rows
        (81, 263, 0.2527, 0.3676),
        (15, 148, 0.0578, 0.1617),
        (0, 20, 0.0, 0.1684),
        (1, 29, 0.0009, 0.1776),
    ],
)
def test_binomial_interval_matches_published_examples(successes: int, n: int, low: float, high: float) -> None:
    assert binomial_interval(successes, n) == pytest.approx((low, high), abs=5e-5)


@settings(max_examples=50)
@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_binomial_interval_matches_statsmodels(counts: tuple[int, int]) -> None:
    assert binomial_interval(*counts) == pytest.approx(proportion_confint(*counts, method="beta"), abs=1e-9)


@pytest.mark.parametrize("alpha", [1e-3, 1e-12, 1e-15])
def test_binomial_bounds_are_accurate_for_small_alpha(alpha: float) -> None:
    low, high = binomial_bounds(np.array([0, 4, 2000]), 2000, alpha)
    assert low[0] == 0
    assert high[0] == pytest.approx(-np.expm1(np.log(alpha / 2) / 2000))  # (1 - p)^n = alpha / 2
    assert high[2] == 1
    assert low[2] == pytest.approx(np.exp(np.log(alpha / 2) / 2000))
    assert binom.cdf(4, 2000, high[1]) == pytest.approx(alpha / 2)
    assert binom.sf(3, 2000, low[1]) == pytest.approx(alpha / 2)


def test_share_without_data_is_unknown() -> None:
    assert binomial_interval(0, 0) == (0, 1)
    assert simple_share(0, 0).value is None
    assert weighted_share(np.zeros(0, dtype=bool), np.zeros(0)).value is None
    assert stratified_share([]).value is None


def test_stratified_share_is_unknown_if_a_stratum_has_no_labels() -> None:
    flagged, unflagged = Stratum(200, 50, 30), Stratum(1800, 0, 0)
    estimate = stratified_share([flagged, unflagged])
    assert (estimate.value, estimate.low, estimate.high, estimate.n) == (None, None, None, 50)


def test_empty_stratum_needs_no_labels() -> None:
    assert stratified_share([Stratum(0, 0, 0), Stratum(500, 40, 38)]).value == pytest.approx(0.95)


def test_strata_are_weighted_by_documents_not_labels() -> None:
    estimate = stratified_share([Stratum(100, 90, 45), Stratum(900, 30, 30)])
    assert estimate.value == pytest.approx(0.1 * 0.5 + 0.9 * 1.0)


STRATA = st.integers(1, 80).flatmap(
    lambda n: st.builds(Stratum, st.integers(1, 3000), st.just(n), st.integers(0, n)),
)


@settings(max_examples=50)
@given(st.lists(STRATA, min_size=1, max_size=4))
def test_interval_contains_its_estimate_and_failures_mirror_successes(strata: list[Stratum]) -> None:
    right = stratified_share(strata)
    wrong = stratified_share([Stratum(s.population, s.labelled, s.labelled - s.right) for s in strata])
    assert right.value is not None
    assert right.low is not None
    assert right.high is not None
    assert 0 <= right.low <= right.value + 1e-12
    assert right.value - 1e-12 <= right.high <= 1
    assert wrong.value == pytest.approx(1 - right.value)
    assert wrong.low == pytest.approx(1 - right.high)
    assert wrong.high == pytest.approx(1 - right.low)


@settings(max_examples=50)
@given(st.lists(STRATA, min_size=2, max_size=4))
def test_stratified_share_does_not_depend_on_stratum_order(strata: list[Stratum]) -> None:
    assert stratified_share(strata[::-1]).value == pytest.approx(stratified_share(strata).value)
    assert stratified_share(strata[::-1]).low == pytest.approx(stratified_share(strata).low, abs=1e-12)


@pytest.mark.parametrize(
    ("population", "flagged", "right_flagged", "right_unflagged", "reviewed", "audited"),
    [
        (2000, 0.15, 0.60, 0.970, 100, 100),
        (2000, 0.15, 0.60, 0.990, 100, 30),
        (2000, 0.10, 0.70, 0.980, 30, 20),
        (2000, 0.05, 0.40, 0.900, 20, 200),
        (2000, 0.20, 0.80, 0.900, 15, 15),
        (500, 0.30, 0.50, 0.950, 50, 50),
        (300, 0.20, 0.60, 0.970, 40, 40),
        (5000, 0.08, 0.70, 0.997, 400, 150),
        (100, 0.40, 0.30, 0.990, 2000, 2000),  # the share of flagged documents dominates the uncertainty
    ],
)
def test_stratified_interval_has_nominal_coverage(
    population: int, flagged: float, right_flagged: float, right_unflagged: float, reviewed: int, audited: int
) -> None:
    rng = np.random.default_rng(7)
    truth = flagged * right_flagged + (1 - flagged) * right_unflagged
    runs = 1000
    covered = 0
    for flags, review, audit in zip(
        rng.binomial(population, flagged, runs).tolist(),
        rng.binomial(reviewed, right_flagged, runs).tolist(),
        rng.binomial(audited, right_unflagged, runs).tolist(),
        strict=True,
    ):
        found = stratified_share([Stratum(flags, reviewed, review), Stratum(population - flags, audited, audit)])
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= truth <= found.high
    assert covered / runs >= 0.95 - 0.014  # two standard errors of 1,000 runs


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=30))
def test_share_of_all_correct_examples_is_exactly_one(weights: list[float]) -> None:
    """A share of 0.999… due to rounding would be displayed as 99 %."""
    assert weighted_share(np.ones(len(weights), dtype=bool), np.array(weights)).value == 1.0


def test_weighted_interval_has_nominal_coverage() -> None:
    """Documents are flagged more often if misclassified, and reviewed more often if flagged."""
    rng = np.random.default_rng(7)
    covered, runs = 0, 600
    flagged_share, right_flagged, right_unflagged = 0.3, 0.55, 0.95
    truth = flagged_share * right_flagged + (1 - flagged_share) * right_unflagged
    for _ in range(runs):
        flagged = rng.random(400) < flagged_share
        right = rng.random(400) < np.where(flagged, right_flagged, right_unflagged)
        labelled = rng.random(400) < np.where(flagged, 0.5, 0.15)
        weights = np.where(flagged, 1 / 0.5, 1 / 0.15)
        found = weighted_share(right[labelled], weights[labelled])
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= truth <= found.high
    assert covered / runs >= 0.95 - 0.018
