"""Protects: the textbook methods match published examples and an independent implementation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.inter_rater import cohens_kappa
from statsmodels.stats.multitest import multipletests

from evidence.classical import cohen_kappa, holm_adjusted, mcnemar_exact
from tests.support.examples import examples


@pytest.mark.parametrize(
    ("first_only", "second_only", "p"),
    [
        (7, 1, 0.0703),  # Rosner, Fundamentals of Biostatistics: the exact test on eight discordant readings
        (6, 16, 0.0525),  # the exact test in Wikipedia's article "McNemar's test"
        (0, 0, 1.0),
        (5, 5, 1.0),
        (0, 6, 2 / 2**6),
    ],
)
def test_mcnemar_matches_published_examples(first_only: int, second_only: int, p: float) -> None:
    assert mcnemar_exact(first_only, second_only) == pytest.approx(p, abs=5e-5)


@settings(max_examples=examples(50))
@given(st.integers(0, 3000), st.integers(0, 3000))
def test_mcnemar_matches_statsmodels(first_only: int, second_only: int) -> None:
    expected = statsmodels_mcnemar([[10, first_only], [second_only, 10]], exact=True).pvalue
    assert mcnemar_exact(first_only, second_only) == pytest.approx(min(1.0, expected), rel=1e-6, abs=1e-250)


def test_holm_matches_published_example() -> None:
    # The worked example of Wikipedia's article "Holm-Bonferroni method".
    assert holm_adjusted([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm_adjusted([]) == []


@settings(max_examples=examples(4))  # statsmodels runs the garbage collector at each call
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_matches_statsmodels(p_values: list[float]) -> None:
    assert holm_adjusted(p_values) == pytest.approx(multipletests(p_values, method="holm")[1].tolist(), abs=1e-12)


@pytest.mark.parametrize(
    ("table", "kappa"),
    [  # the examples of Wikipedia's article "Cohen's kappa"
        ([[20, 5], [10, 15]], 0.4),
        ([[45, 15], [25, 15]], 0.1304),
        ([[25, 35], [5, 35]], 0.2593),
    ],
)
def test_kappa_matches_published_examples(table: list[list[int]], kappa: float) -> None:
    assert cohen_kappa(np.array(table, dtype=float)).value == pytest.approx(kappa, abs=5e-5)


def test_kappa_of_a_single_label_is_unknown() -> None:
    assert cohen_kappa(np.array([[12.0, 0.0], [0.0, 0.0]])).value is None
    assert cohen_kappa(np.zeros((0, 0))).value is None


@settings(max_examples=examples(50))
@given(st.lists(st.lists(st.integers(1, 60), min_size=3, max_size=3), min_size=3, max_size=3))
def test_kappa_and_interval_match_statsmodels(table: list[list[int]]) -> None:
    expected = cohens_kappa(np.array(table))
    found = cohen_kappa(np.array(table, dtype=float))
    assert found.value == pytest.approx(expected.kappa)
    assert found.low == pytest.approx(max(-1.0, expected.kappa_low), abs=1e-6)
    assert found.high == pytest.approx(min(1.0, expected.kappa_upp), abs=1e-6)
