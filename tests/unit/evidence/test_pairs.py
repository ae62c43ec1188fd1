"""Protects: the conclusion on two versions, and a sentence that agrees with the figures."""

from collections.abc import Sequence

import pytest
from hypothesis import assume, given, settings
from hypothesis import example as explicit
from hypothesis import strategies as st

from evidence.difference import ALPHA, estimate_difference, format_difference
from evidence.examples import Example
from evidence.intervals import Estimate
from evidence.pairs import Conclusion, PairEvidence, compare_pairs, swapped
from records.labels import NONE_OF_THESE
from records.reviews import Queue
from tests.support.evidence import example
from tests.support.examples import examples


def labelled(wins: int, ties: int, losses: int, both: int = 0) -> list[Example]:
    """Return labelled examples that only v2, neither, only v1 or both got right."""
    kinds = [("receipt", "invoice")] * wins + [("receipt", "memo")] * ties + [("invoice", "receipt")] * losses
    kinds += [("invoice", "invoice")] * both
    return [example(f"{n}", {"v1": one, "v2": two}, "invoice") for n, (one, two) in enumerate(kinds)]


def population(disagreeing: int, agreeing: int) -> list[Example]:
    different = [example(f"d{n}", {"v1": "invoice", "v2": "receipt"}) for n in range(disagreeing)]
    return [*different, *(example(f"a{n}", {"v1": "invoice", "v2": "invoice"}) for n in range(agreeing))]


def compare_two(sample: Sequence[Example], labels: Sequence[Example], *, complete: bool = True) -> PairEvidence:
    [pair] = compare_pairs(["v1", "v2"], sample, labels, complete=complete)
    return pair


def test_better_version_is_reported_with_the_difference() -> None:
    pair = compare_two(population(60, 940), labelled(45, 5, 10, both=40))
    assert pair.conclusion is Conclusion.BETTER
    assert pair.difference.value == pytest.approx(0.06 * 35 / 60)
    assert pair.sentence == f"v2 is better than v1: {format_difference(pair.difference)}."
    assert pair.more_labels is None
    assert (pair.both_right, pair.first_only, pair.second_only, pair.neither) == (40, 10, 45, 5)
    assert pair.disagreements == 60
    assert pair.p_value is not None
    assert pair.p_value < 0.05
    assert pair.mcnemar_p == pair.mcnemar_holm  # one pair needs no correction


def test_difference_is_formatted_in_percentage_points() -> None:
    assert format_difference(Estimate(0.028, 0.005, 0.061, 90)) == "+2.8 pp [0.5, 6.1]"
    assert format_difference(Estimate(None, None, None, 0)) == "unknown"


def test_pair_without_labels_forecasts_the_labels_needed() -> None:
    pair = compare_two(population(60, 940), [])
    assert pair.conclusion is Conclusion.OPEN
    assert pair.difference == Estimate(None, None, None, 0)
    assert (pair.p_value, pair.mcnemar_p, pair.mcnemar_holm) == (None, None, None)
    assert pair.more_labels
    assert "not enough evidence yet: about" in pair.sentence
    assert pair.agreement.value == pytest.approx(0.94)


def test_forecast_counts_documents_of_other_open_pairs() -> None:
    """The evidence queue deals them as well, but not doubtful documents on which all versions agree."""
    doubtful = [example(f"f{n}", {"v1": "invoice", "v2": "invoice"}, stratum=Queue.REVIEW) for n in range(120)]
    versions = {"v1": "invoice", "v2": "receipt"}
    with_third = [example(f"d{n}", {**versions, "v3": "receipt"}) for n in range(60)]
    with_third += [example(f"e{n}", {"v1": "memo", "v2": "memo", "v3": "receipt"}) for n in range(120)]
    alone = compare_two(population(60, 940), [])
    assert compare_two([*population(60, 820), *doubtful], []).more_labels == alone.more_labels
    first, *others = compare_pairs(["v1", "v2", "v3"], with_third, [])
    assert alone.more_labels
    assert first.more_labels
    assert first.more_labels >= 3 * alone.more_labels
    assert all(pair.asked for pair in (alone, first, *others))


def test_settled_pair_is_not_asked_and_does_not_lengthen_the_forecast() -> None:
    weak = [example(f"w{n}", {"v1": "memo", "v2": "invoice", "v3": "invoice"}, "invoice") for n in range(40)]
    close = [example(f"c{n}", {"v1": "memo", "v2": "memo", "v3": "form"}) for n in range(20)]
    pairs = compare_pairs(["v1", "v2", "v3"], [*weak, *close], weak)
    assert [pair.asked for pair in pairs] == [False, False, True]
    assert [pair.conclusion for pair in pairs] == [Conclusion.BETTER, Conclusion.BETTER, Conclusion.OPEN]
    alone = compare_pairs(["v2", "v3", "v4"], [example(f"c{n}", {"v2": "memo", "v3": "form"}) for n in range(20)], [])
    assert pairs[2].more_labels == alone[0].more_labels


def test_versions_that_rarely_disagree_are_equivalent() -> None:
    pair = compare_two(population(4, 1996), labelled(10, 0, 10))
    assert pair.conclusion is Conclusion.EQUIVALENT
    assert str(pair.conclusion) == "alike"  # the value in JSON
    assert "practically equivalent" in pair.sentence
    assert "less than 1 pp" in pair.sentence


def test_moving_window_needs_more_evidence_for_equivalence() -> None:
    few, many = labelled(10, 0, 10), labelled(60, 0, 60)
    assert compare_two(population(4, 1996), few, complete=False).conclusion is Conclusion.OPEN
    assert compare_two(population(4, 1996), many, complete=False).conclusion is Conclusion.EQUIVALENT


def test_versions_that_cannot_be_compared_say_why() -> None:
    assert "they agree on all 500 documents" in compare_two(population(0, 500), []).sentence
    separate = compare_two([example("a", {"v1": "invoice"}), example("b", {"v2": "invoice"})], [])
    assert "no document has predictions of both" in separate.sentence


def test_none_of_these_is_wrong_for_both_versions() -> None:
    pair = compare_two(population(5, 5), [example("a", {"v1": "invoice", "v2": "memo"}, NONE_OF_THESE)])
    assert (pair.neither, pair.first_only, pair.second_only) == (1, 0, 0)
    assert pair.difference.value == 0


def test_shared_mistakes_do_not_affect_the_difference() -> None:
    same = [example(f"same-{n}", {"v1": "memo", "v2": "memo"}, "invoice") for n in range(30)]
    pair = compare_two(population(10, 90), [*labelled(6, 2, 1), *same])
    without = compare_two(population(10, 90), labelled(6, 2, 1))
    assert (pair.neither, pair.disagreements) == (32, 9)
    assert pair.difference == without.difference
    assert pair.more_labels == without.more_labels


def test_p_values_are_adjusted_for_the_claims_tested_together() -> None:
    found = [example(f"{n}", {"v1": "memo", "v2": "invoice", "v3": "form"}, "invoice") for n in range(12)]
    pairs = compare_pairs(["v1", "v2", "v3"], found, found)
    assert [(pair.first, pair.second) for pair in pairs] == [("v1", "v2"), ("v1", "v3"), ("v2", "v3")]
    assert pairs[0].mcnemar_p is not None
    assert pairs[0].mcnemar_holm == pytest.approx(3 * pairs[0].mcnemar_p)
    alone, with_champion = compare_two(found, found), compare_pairs(["v1", "v2", "v3"], found, found, champion="v1")
    assert alone.p_value is not None
    assert pairs[0].p_value == pytest.approx(3 / 2 * alone.p_value)  # which of three, or of two versions is best
    assert with_champion[0].p_value == pytest.approx(alone.p_value, rel=0.1)  # one of two challengers is better


COUNT = st.integers(0, 60)


@settings(max_examples=examples(20))
@given(COUNT, COUNT, COUNT, st.integers(1, 100), st.integers(0, 900))
@explicit(10, 0, 0, 1, 784)  # a disagreement so rare that the lower bound of its rate rounds to 0
def test_exchanging_versions_negates_the_difference(
    wins: int, ties: int, losses: int, disagreeing: int, agreeing: int
) -> None:
    assume(wins + ties + losses)
    sample, labels = population(disagreeing, agreeing), labelled(wins, ties, losses)
    pair = compare_two(sample, labels)
    [other] = compare_pairs(["v2", "v1"], sample, labels, complete=True)
    back = swapped(other)
    assert back.difference.value == pytest.approx(pair.difference.value)
    assert back.difference.low == pytest.approx(pair.difference.low, abs=1e-9)
    assert back.difference.high == pytest.approx(pair.difference.high, abs=1e-9)
    assert (back.conclusion, back.mcnemar_p, back.more_labels) == (pair.conclusion, pair.mcnemar_p, pair.more_labels)
    assert back.p_value == pytest.approx(pair.p_value)
    assert pair.p_value is not None
    assert (pair.p_value <= ALPHA) == (pair.conclusion in (Conclusion.BETTER, Conclusion.WORSE))
    assert back.kappa.value == pytest.approx(pair.kappa.value)


@settings(max_examples=examples(20))
@given(st.permutations(labelled(12, 3, 5, both=4)))
def test_comparison_does_not_depend_on_label_order(labels: Sequence[Example]) -> None:
    sample = population(10, 90)
    assert compare_two(sample[::-1], labels) == compare_two(sample, labelled(12, 3, 5, both=4))


@settings(max_examples=examples(50))
@given(COUNT, COUNT, COUNT, st.integers(1, 300), st.integers(0, 2000), st.integers(1, 6), st.booleans())
def test_bounds_contain_the_estimate(
    wins: int, ties: int, losses: int, disagreeing: int, agreeing: int, pairs: int, complete: bool
) -> None:
    assume(wins + ties + losses)
    shared = disagreeing + agreeing
    found = estimate_difference(wins, ties, losses, disagreeing, shared, pairs, complete=complete)
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    assert -1 <= found.low <= found.value + 1e-6
    assert found.value - 1e-6 <= found.high <= 1
