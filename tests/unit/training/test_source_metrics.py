import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.source_metrics import auroc, bootstrap_interval, risk_coverage, source_metrics

outcomes = st.lists(st.tuples(st.booleans(), st.sampled_from("abcdef")), min_size=1, max_size=60)


def test_every_source_counts_alike() -> None:
    """A source of 90 easy pages does not hide one of ten difficult pages."""
    correct = np.array([True] * 90 + [False] * 8 + [True] * 2)
    metrics = source_metrics(correct, ["archive"] * 90 + ["office"] * 10)
    assert metrics.macro == pytest.approx((1 + 0.2) / 2)
    assert metrics.worst_decile == pytest.approx(0.2)
    assert {name: source.documents for name, source in metrics.by_source.items()} == {"archive": 90, "office": 10}


def test_worst_decile_is_the_mean_of_the_worst_tenth_of_the_sources() -> None:
    correct = np.array([number >= 3 for number in range(20)])
    metrics = source_metrics(correct, [f"s{number:02}" for number in range(20)])
    assert metrics.worst_decile == 0
    assert metrics.macro == pytest.approx(17 / 20)


@given(outcomes)
def test_intervals_contain_the_estimates(documents: list[tuple[bool, str]]) -> None:
    correct = np.array([right for right, _ in documents])
    metrics = source_metrics(correct, [source for _, source in documents])
    shares = [source.accuracy for source in metrics.by_source.values()]
    assert min(shares) - 1e-9 <= metrics.interval[0] <= metrics.macro + 1e-9
    assert metrics.macro - 1e-9 <= metrics.interval[1] <= max(shares) + 1e-9
    total = sum(source.documents * source.accuracy for source in metrics.by_source.values())
    assert total == pytest.approx(correct.sum())


def test_related_sources_widen_the_interval() -> None:
    """Ten sources of two families are two observations, not ten."""
    correct = np.array([True, False] * 5)
    sources = [f"s{number}" for number in range(10)]
    separate = source_metrics(correct, sources)
    related = source_metrics(correct, sources, ["good", "bad"] * 5)
    assert related.interval == (0.0, 1.0)
    assert separate.interval[0] > 0
    assert separate.interval[1] < 1


def test_interval_is_reproducible() -> None:
    values, families = np.arange(12.0), [f"f{number % 5}" for number in range(12)]
    assert bootstrap_interval(values, families) == bootstrap_interval(values, families)


def test_auroc_is_the_share_of_pairs_in_order() -> None:
    assert auroc(np.array([0.9, 0.8]), np.array([0.1])) == 1
    assert auroc(np.array([0.2]), np.array([0.3, 0.2])) == 0.25
    assert auroc(np.array([0.2]), np.array([])) is None


@given(st.lists(st.integers(0, 9), min_size=1, max_size=20), st.lists(st.integers(0, 9), min_size=1, max_size=20))
def test_auroc_equals_its_definition(positive: list[int], negative: list[int]) -> None:
    pairs = [(p > n) + (p == n) / 2 for p in positive for n in negative]
    assert auroc(np.array(positive, float), np.array(negative, float)) == pytest.approx(np.mean(pairs))


@given(outcomes)
def test_risk_coverage_ends_at_the_accuracy_of_all_documents(documents: list[tuple[bool, str]]) -> None:
    correct = np.array([right for right, _ in documents])
    points = risk_coverage(np.linspace(0, 1, len(correct)), correct)
    assert points[-1][0] == 1
    assert points[-1][1] == pytest.approx(correct.mean())
    assert points[0][1] == correct[-max(1, round(0.05 * len(correct))) :].mean()
