"""Protects: labels that were drawn at different rates count with what they represent, at all times together.

Run with -s to print the measured rates.
"""

import numpy as np
import pytest

from evidence.difference import ALPHA
from evidence.sequential import log_wealth
from evidence.stratified import Cell, StratifiedWealth, weighted_outcomes

CLAIM = -np.log(ALPHA)


def random_cell(rng: np.random.Generator, share: float, mean: float, labels: int) -> Cell:
    """Return a cell with labels whose outcomes have this mean; a fifth of them are ties."""
    wins, ties, losses = rng.multinomial(labels, (0.4 + mean / 2, 0.2, 0.4 - mean / 2)).tolist()
    return Cell(share, wins, ties, losses)


def test_false_claims_are_rare_although_the_cell_that_favours_one_has_most_labels(full: bool) -> None:
    """Both are equally accurate, but the cell of which most documents are labelled favours the candidate by far."""
    rng = np.random.default_rng(1)
    runs, looks = (200, 12) if full else (30, 4)
    claimed = naive = 0
    for _ in range(runs):
        often = rarely = Cell(0.0, 0, 0, 0)
        found = []
        for _look in range(looks):
            more, few = random_cell(rng, 0.03, 0.4, 30), random_cell(rng, 0.06, -0.2, 5)
            often = Cell(0.03, often.wins + more.wins, often.ties + more.ties, often.losses + more.losses)
            rarely = Cell(0.06, rarely.wins + few.wins, rarely.ties + few.ties, rarely.losses + few.losses)
            pooled = [getattr(often, name) + getattr(rarely, name) for name in ("wins", "ties", "losses")]
            found.append((StratifiedWealth([often, rarely]).log_e(), float(log_wealth(*pooled))))
        claimed += any(stratified >= CLAIM for stratified, _ in found)
        naive += any(pooled >= CLAIM for _, pooled in found)
    print(f"false claims: {claimed / runs:.1%} of {runs} runs; {naive / runs:.0%} if all labels counted alike")
    assert claimed / runs <= ALPHA
    assert naive / runs > 0.9


def test_a_real_difference_is_found_with_few_more_labels_than_an_even_sample_needs() -> None:
    rng = np.random.default_rng(2)
    stratified = np.zeros((15, 8))
    even = np.zeros((15, 8))
    for run in range(15):
        for look in range(8):
            labels = 30 * (look + 1)
            cells = [random_cell(rng, 0.05, 0.3, labels * 2 // 3), random_cell(rng, 0.04, 0.3, labels // 3)]
            stratified[run, look] = StratifiedWealth(cells).log_e()
            even[run, look] = log_wealth(*(sum(getattr(c, n) for c in cells) for n in ("wins", "ties", "losses")))
    needed = [30 * (1 + int((np.median(each, axis=0) >= CLAIM).argmax())) for each in (stratified, even)]
    print(f"labels: {needed[0]} in two cells, {needed[1]} as one even sample")
    assert needed[1] <= needed[0] <= 2 * needed[1]


def test_evidence_is_bounded_by_the_exact_smallest_product() -> None:
    cells = [Cell(0.05, 30, 5, 15), Cell(0.02, 8, 1, 6)]
    means = np.linspace(-0.399, 0.399, 20_001)  # of the first cell; the second makes the sum zero
    products = log_wealth(30, 5, 15, means) + log_wealth(8, 1, 6, -0.05 * means / 0.02)
    found = StratifiedWealth(cells).log_e()
    assert products.min() - 0.2 <= found <= products.min()


def test_wealth_decreases_in_the_hypothesis() -> None:
    wealth = StratifiedWealth([Cell(0.05, 30, 5, 10), Cell(0.02, 3, 1, 6)])
    found = [wealth.log_e(theta) for theta in np.linspace(-0.06, 0.06, 13)]
    assert found == sorted(found, reverse=True)


def test_cell_without_labels_counts_against_the_claim() -> None:
    labelled = Cell(0.05, 60, 0, 10)
    alone = StratifiedWealth([labelled]).log_e()
    assert StratifiedWealth([labelled, Cell(0.005, 0, 0, 0)]).log_e() < alone
    assert StratifiedWealth([labelled, Cell(0.2, 0, 0, 0)]).log_e() <= 0


@pytest.mark.parametrize("labelled", [(40, 40), (60, 20), (8, 72)])
def test_estimate_is_unbiased_at_any_rate_of_labelling(labelled: tuple[int, int]) -> None:
    rng = np.random.default_rng(3)
    found = []
    for _ in range(400):
        cells = [random_cell(rng, 0.06, 0.5, labelled[0]), random_cell(rng, 0.02, -0.3, labelled[1])]
        (won, _, lost), effective = weighted_outcomes(cells)
        assert effective <= sum(labelled) + 1e-9
        found.append(won - lost)
    assert np.mean(found) == pytest.approx((0.06 * 0.5 - 0.02 * 0.3) / 0.08, abs=0.02)
