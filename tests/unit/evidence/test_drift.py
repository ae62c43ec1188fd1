"""Protects: drift is reported where the distribution changes, and rarely where it does not."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2_contingency

from evidence.drift import DRIFT_ALPHA, compare_counts, detect_drift
from evidence.examples import Example
from tests.support.evidence import LABELS, example
from tests.support.uploads import NOON

COUNTS = st.lists(st.tuples(st.integers(20, 400), st.integers(20, 400)), min_size=2, max_size=6)
UNIFORM = (0.2,) * 5


def stream(
    days: int, per_day: int, seed: int = 1, changed: int | None = None, shares: tuple[float, ...] = UNIFORM
) -> list[Example]:
    """Return documents with five equally likely labels; from day `changed` on, with these shares."""
    rng = np.random.default_rng(seed)
    made = []
    for day in range(days):
        today = shares if changed is not None and day >= changed else UNIFORM
        for number, label in enumerate(rng.choice(LABELS, size=per_day, p=today).tolist()):
            name = f"{day:03}-{number:04}"
            made.append(example(name, {"v1": label, "v2": label}, at=NOON + timedelta(days=day)))
    return made


@given(COUNTS)
def test_distance_and_p_value_match_scipy(counts: list[tuple[int, int]]) -> None:
    some, others = (np.array(side, dtype=float) for side in zip(*counts, strict=True))
    distance, _, p = compare_counts(some, others)
    expected = chi2_contingency(np.stack([some, others]), correction=False, lambda_="log-likelihood")
    if (expected.expected_freq >= 5).all():  # otherwise rare values are pooled, which SciPy does not do
        assert distance == pytest.approx(float(jensenshannon(some, others, base=2)), abs=1e-6)
        assert p == pytest.approx(float(expected.pvalue), rel=1e-6, abs=1e-12)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 300)), min_size=1, max_size=8))
def test_comparison_with_rare_values_stays_within_zero_and_one(counts: list[tuple[int, int]]) -> None:
    some, others = (np.array(side, dtype=float) for side in zip(*counts, strict=True))
    distance, noise, p = compare_counts(some, others)
    assert 0 <= distance <= 1
    assert 0 <= noise <= 1
    assert 0 <= p <= 1
    assert compare_counts(others, some).distance == pytest.approx(distance, abs=1e-6)


def test_comparison_of_empty_or_constant_samples_reports_no_difference() -> None:
    assert compare_counts(np.array([3.0, 2.0]), np.array([0.0, 0.0])) == (0.0, 0.0, 1.0)
    assert compare_counts(np.array([30.0]), np.array([40.0])) == (0.0, 0.0, 1.0)


def test_noise_floor_is_95th_percentile_of_distance_without_change() -> None:
    rng = np.random.default_rng(3)
    for n, m in ((60, 600), (200, 200)):
        some, others = (rng.multinomial(size, UNIFORM, 1500).astype(float) for size in (n, m))
        compared = [compare_counts(one, other) for one, other in zip(some, others, strict=True)]
        above = [distance > noise for distance, noise, _ in compared]
        assert np.mean(above) == pytest.approx(0.05, abs=0.02)


def test_false_alarm_rate_without_change_is_within_alpha() -> None:
    alarms = [
        any(shift.p_value <= DRIFT_ALPHA for shift in detect_drift(["v1"], stream(15, 60, seed)).shifts)
        for seed in range(60)
    ]
    assert np.mean(alarms) <= DRIFT_ALPHA + 0.05


def test_changed_day_is_reported_with_the_changed_features() -> None:
    found = detect_drift(["v1", "v2"], stream(10, 120, changed=9, shares=(0.6, 0.1, 0.1, 0.1, 0.1)))
    drifted = {(shift.day.isoformat(), shift.what) for shift in found.shifts if shift.drifted}
    assert drifted == {("2026-12-01", "v1 labels"), ("2026-12-01", "v2 labels")}
    [last] = [shift for shift in found.shifts if shift.drifted and shift.what == "v1 labels"]
    assert last.distance > last.noise


def test_lasting_change_is_reported_on_its_second_day_too() -> None:
    """A day is compared with all days before it, not with the previous day."""
    found = detect_drift(["v1"], stream(12, 120, changed=10, shares=(0.6, 0.1, 0.1, 0.1, 0.1)))
    assert [shift.day.day for shift in found.shifts if shift.drifted] == [2, 3]


def test_significant_but_small_change_is_not_reported() -> None:
    found = detect_drift(["v1"], stream(2, 5000, changed=1, shares=(0.24, 0.19, 0.19, 0.19, 0.19)))
    [shift] = [shift for shift in found.shifts if shift.what == "v1 labels"]
    assert shift.p_value < DRIFT_ALPHA
    assert not shift.drifted


def test_day_is_summarized_as_shares_and_mean_confidence() -> None:
    made = [
        example("a", {"v1": "memo", "v2": "memo"}, at=NOON, confidence=0.8),
        example("b", {"v1": "memo", "v2": "form"}, at=NOON, confidence=0.6),
        example("c", {"v1": "form"}, at=NOON, confidence=1.0),
    ]
    [day] = detect_drift(["v1", "v2", "v3"], made).days
    assert day.documents == 3
    assert (day.unanimous.value, day.unanimous.n) == (0.5, 2)  # of the two with more than one prediction
    assert day.versions["v1"].labels == {"form": pytest.approx(1 / 3), "memo": pytest.approx(2 / 3)}
    assert day.versions["v1"].confidence == pytest.approx(0.8)
    assert day.versions["v3"].confidence is None


def test_drift_does_not_depend_on_document_order() -> None:
    made = stream(4, 20)
    assert detect_drift(["v1"], made[::-1]) == detect_drift(["v1"], made)
