"""Protects: a wrong version is rarely ever named the best, however often one looks, and only open pairs are asked."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from evidence.contest import (
    CLAIM,
    adjusted_log_e,
    claims_per_pair,
    contenders,
    log_e_against,
    log_elimination_bar,
    log_final_bar,
    open_pairs,
)
from evidence.difference import ALPHA
from evidence.intervals import Floats
from evidence.sequential import log_wealth

BAR = CLAIM + float(np.log(3))
LABELS = 400


@pytest.fixture(scope="module")
def table() -> Floats:
    """Log wealth by numbers of wins and losses."""
    wins = np.arange(LABELS + 1)
    return log_wealth(wins[:, None], 0, wins[None, :])


def matrix(**values: float) -> Floats:
    """Return log e-values of three versions; `e01=5` is evidence that version 0 is better than version 1."""
    log_e = np.zeros((3, 3))
    for name, value in values.items():
        log_e[int(name[1]), int(name[2])] = value
    return log_e


def simulate(table: Floats, shares: Sequence[float], runs: int) -> Floats:
    """Return log e-values after each label of a document on which three versions differ, shape (3, 3, runs, labels).

    Args:
        table: Log wealth by numbers of wins and losses.
        shares: How often only the first, second or third version is right, and only the first, second or third wrong.
        runs: Number of runs.
    """
    kinds = np.random.default_rng(7).choice(6, p=shares, size=(runs, LABELS))
    right = np.stack([(kinds == version) | ((kinds >= 3) & (kinds != version + 3)) for version in range(3)])
    wins = np.cumsum(right[:, None] & ~right[None, :], axis=-1)
    found: Floats = table[wins, wins.transpose(1, 0, 2, 3)]
    return found


def named(log_e: Floats) -> NDArray[np.int64]:
    """Return the version that is first named the best in each run, -1 for none."""
    out = log_e_against(log_e) >= log_elimination_bar(3)
    decided = out.sum(axis=0) >= 2
    for version, (a, b) in enumerate(((1, 2), (0, 2), (0, 1))):
        decided |= out[version] & (np.maximum(log_e[a, b], log_e[b, a]) >= log_final_bar(3))
    found = np.full(len(decided), -1)
    for run, look in zip(*(each.tolist() for each in _first(decided)), strict=True):
        [found[run]] = contenders(log_e[:, :, run, look])
        assert look == 0 or len(contenders(log_e[:, :, run, look - 1])) > 1
    return found


def _first(decided: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the runs in which something is decided, and the first look at which it is."""
    runs = np.flatnonzero(decided.any(axis=1))
    return runs, decided[runs].argmax(axis=1)


@pytest.mark.parametrize(
    ("shares", "best"),
    [
        ([1 / 6] * 6, set[int]()),  # all are equally good
        ([0.25, 0.25, 0.05, 0.1, 0.1, 0.25], set[int]()),  # two are
        ([0.4, 0.25, 0.05, 0.05, 0.05, 0.2], {0}),
    ],
)
def test_wrong_version_is_rarely_named_with_a_look_after_every_label(
    table: Floats, shares: Sequence[float], best: set[int], full: bool
) -> None:
    runs = 2000 if full else 300
    found = named(simulate(table, shares, runs))
    wrong = np.mean([version >= 0 and version not in best for version in found.tolist()])
    print(f"{shares}: a wrong best version in {wrong:.1%} of {runs} runs")
    assert wrong <= ALPHA


def test_best_version_is_named_in_the_end(table: Floats) -> None:
    found = named(simulate(table, [0.4, 0.15, 0.05, 0.05, 0.1, 0.25], 20))
    assert (found == 0).all()


def test_challenger_is_rarely_called_better_than_an_equal_champion(table: Floats) -> None:
    log_e = simulate(table, [1 / 6] * 6, 300)
    false = []
    for run in range(log_e.shape[2]):
        looks = log_e[:, :, run].transpose(2, 0, 1)
        hot = looks[(looks[:, 1:, 0] >= CLAIM).any(axis=1)]  # closed testing never claims with less
        false.append(any((adjusted_log_e(each, 0)[1:, 0] >= CLAIM).any() for each in hot))
    print(f"equal challengers: one called better in {np.mean(false):.1%} of runs")
    assert np.mean(false) <= ALPHA


def test_weak_version_is_eliminated_and_the_others_are_asked() -> None:
    log_e = matrix(e02=log_elimination_bar(3), e12=log_elimination_bar(3), e01=1.0)
    assert contenders(log_e) == [0, 1]
    assert open_pairs(log_e, None) == [(0, 1)]
    assert contenders(log_e + matrix(e01=log_final_bar(3))) == [0]
    assert open_pairs(log_e + matrix(e01=log_final_bar(3)), None) == []


def test_every_pair_is_asked_at_first() -> None:
    assert contenders(matrix()) == [0, 1, 2]
    assert open_pairs(matrix(), None) == [(0, 1), (0, 2), (1, 2)]
    assert open_pairs(matrix(), 1) == [(0, 1), (1, 2)]


def test_settled_pairs_with_the_champion_are_not_asked() -> None:
    assert open_pairs(matrix(e20=CLAIM + 3), 0) == [(0, 1)]
    assert open_pairs(matrix(e02=CLAIM + 3), 0) == [(0, 1)]
    assert open_pairs(matrix(), 0, settled=[(0, 2)]) == [(0, 1)]


def test_better_challengers_are_compared_once_the_champion_is_beaten() -> None:
    beaten = matrix(e10=CLAIM + 3, e20=CLAIM + 3)
    assert open_pairs(beaten, 0) == [(1, 2)]
    assert open_pairs(beaten + matrix(e12=BAR + 0.01), 0) == []


def test_second_claim_about_a_champion_needs_no_correction() -> None:
    """Holm's procedure: once one of two hypotheses is rejected, the other is tested alone."""
    adjusted = adjusted_log_e(matrix(e10=CLAIM + 5, e20=CLAIM), 0)
    assert (adjusted[1:, 0] >= CLAIM).all()
    assert adjusted_log_e(matrix(e20=CLAIM), 0)[2, 0] < CLAIM
    assert [claims_per_pair(3, pair, 0) for pair in ((0, 1), (1, 2))] == [2, 3]


def test_one_version_stays_even_if_the_evidence_is_contradictory() -> None:
    assert contenders(matrix(e01=9.0, e12=9.0, e20=8.0)) == [0]
    assert contenders(np.zeros((1, 1))) == [0]


@pytest.mark.parametrize("versions", [2, 3, 4, 7])
def test_bars_satisfy_the_inequalities_of_the_proof(versions: int) -> None:
    final = np.exp(log_final_bar(versions) - CLAIM)
    if versions == 2:
        assert final == pytest.approx(2)
        return
    before = np.exp(log_elimination_bar(versions) - CLAIM)
    others = versions - 1
    assert min(final, others * before) >= others - 1e-9  # one is the best
    assert min(0.4 * final, others * before / (10 * (versions - 2))) >= 1 - 1e-9  # two are
    assert all(((k - 2) * others * before + final) / (k * others) >= 1 for k in range(3, versions + 1))
