"""Protects: drift is told where something changes, and seldom where nothing does."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2_contingency

from evidence.cases import Case
from evidence.drift import ALPHA, distance, drift
from tests.support.evidence import LABELS, case
from tests.support.uploads import NOON

COUNTS = st.lists(st.tuples(st.integers(20, 400), st.integers(20, 400)), min_size=2, max_size=6)


def stream(
    days: int, a_day: int, seed: int = 1, changed: int | None = None, likely: tuple[float, ...] = (0.2,) * 5
) -> list[Case]:
    """Documents of five labels alike; from day `changed` on their shares are `likely`."""
    chance = np.random.default_rng(seed)
    made = []
    for day in range(days):
        shares = likely if changed is not None and day >= changed else (0.2,) * 5
        for number, label in enumerate(chance.choice(LABELS, size=a_day, p=shares).tolist()):
            name = f"{day:03}-{number:04}"
            made.append(case(name, {"v1": label, "v2": label}, at=NOON + timedelta(days=day)))
    return made


@given(COUNTS)
def test_distance_and_test_as_scipy_has_them(counts: list[tuple[int, int]]) -> None:
    some, others = (np.array(side, dtype=float) for side in zip(*counts, strict=True))
    far, _, p = distance(some, others)
    theirs = chi2_contingency(np.stack([some, others]), correction=False, lambda_="log-likelihood")
    if (theirs.expected_freq >= 5).all():  # else values are pooled here, which scipy leaves to its user
        assert far == pytest.approx(float(jensenshannon(some, others, base=2)), abs=1e-6)
        assert p == pytest.approx(float(theirs.pvalue), rel=1e-6, abs=1e-12)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 300)), min_size=1, max_size=8))
def test_distance_is_a_share_whatever_is_rare(counts: list[tuple[int, int]]) -> None:
    some, others = (np.array(side, dtype=float) for side in zip(*counts, strict=True))
    far, noise, p = distance(some, others)
    assert 0 <= far <= 1
    assert 0 <= noise <= 1
    assert 0 <= p <= 1
    assert distance(others, some)[0] == pytest.approx(far, abs=1e-6)


def test_nothing_to_compare_is_no_distance() -> None:
    assert distance(np.array([3.0, 2.0]), np.array([0.0, 0.0])) == (0.0, 0.0, 1.0)
    assert distance(np.array([30.0]), np.array([40.0])) == (0.0, 0.0, 1.0)


def test_the_noise_floor_is_what_distances_without_change_stay_below() -> None:
    chance = np.random.default_rng(3)
    for n, m in ((60, 600), (200, 200)):
        some, others = (chance.multinomial(size, (0.2,) * 5, 1500).astype(float) for size in (n, m))
        measured = [distance(one, other) for one, other in zip(some, others, strict=True)]
        above = [far > noise for far, noise, _ in measured]
        assert np.mean(above) == pytest.approx(0.05, abs=0.02)


def test_days_without_change_seldom_stand_out() -> None:
    alarms = [any(shift.p_value <= ALPHA for shift in drift(["v1"], stream(15, 60, seed)).shifts) for seed in range(60)]
    assert np.mean(alarms) <= ALPHA + 0.05


def test_a_changed_day_is_told_with_what_changed() -> None:
    found = drift(["v1", "v2"], stream(10, 120, changed=9, likely=(0.6, 0.1, 0.1, 0.1, 0.1)))
    drifted = {(shift.day.isoformat(), shift.what) for shift in found.shifts if shift.drifted}
    assert drifted == {("2026-12-01", "v1 labels"), ("2026-12-01", "v2 labels")}
    [last] = [shift for shift in found.shifts if shift.drifted and shift.what == "v1 labels"]
    assert last.distance > last.noise


def test_a_change_that_lasts_is_told_on_its_second_day_too() -> None:
    """For a day is compared with all days before it, not with yesterday."""
    found = drift(["v1"], stream(12, 120, changed=10, likely=(0.6, 0.1, 0.1, 0.1, 0.1)))
    assert [shift.day.day for shift in found.shifts if shift.drifted] == [2, 3]


def test_what_is_certain_but_small_is_not_told() -> None:
    found = drift(["v1"], stream(2, 5000, changed=1, likely=(0.24, 0.19, 0.19, 0.19, 0.19)))
    [shift] = [shift for shift in found.shifts if shift.what == "v1 labels"]
    assert shift.p_value < ALPHA
    assert not shift.drifted


def test_a_day_is_told_in_shares() -> None:
    made = [
        case("a", {"v1": "memo", "v2": "memo"}, at=NOON, confidence=0.8),
        case("b", {"v1": "memo", "v2": "form"}, at=NOON, confidence=0.6),
        case("c", {"v1": "form"}, at=NOON, confidence=1.0),
    ]
    [day] = drift(["v1", "v2", "v3"], made).days
    assert day.documents == 3
    assert (day.unanimous.value, day.unanimous.n) == (0.5, 2)  # of the two that more than one version answered
    assert day.versions["v1"].labels == {"form": pytest.approx(1 / 3), "memo": pytest.approx(2 / 3)}
    assert day.versions["v1"].confidence == pytest.approx(0.8)
    assert day.versions["v3"].confidence is None


def test_the_order_of_documents_is_nothing() -> None:
    made = stream(4, 20)
    assert drift(["v1"], made[::-1]) == drift(["v1"], made)
