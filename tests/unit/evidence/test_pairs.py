"""Protects: which version is called better, and that the sentence says what the figures say."""

from collections.abc import Sequence

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from evidence.cases import Case
from evidence.intervals import Estimate
from evidence.pairs import ALPHA, Conclusion, compare, difference_of, points, turned
from records.reviews import NONE_OF_THESE, Queue
from tests.support.evidence import case


def labelled(wins: int, ties: int, losses: int, both: int = 0) -> list[Case]:
    """Documents that only v2, none, only v1 or both got right."""
    kinds = [("receipt", "invoice")] * wins + [("receipt", "memo")] * ties + [("invoice", "receipt")] * losses
    kinds += [("invoice", "invoice")] * both
    return [case(f"{n}", {"v1": one, "v2": two}, "invoice") for n, (one, two) in enumerate(kinds)]


def population(apart: int, alike: int) -> list[Case]:
    torn = [case(f"t{n}", {"v1": "invoice", "v2": "receipt"}) for n in range(apart)]
    return [*torn, *(case(f"a{n}", {"v1": "invoice", "v2": "invoice"}) for n in range(alike))]


def test_a_clear_difference_is_told_with_its_size() -> None:
    [pair] = compare(["v1", "v2"], population(60, 940), labelled(45, 5, 10, both=40))
    assert pair.conclusion is Conclusion.BETTER
    assert pair.difference.value == pytest.approx(0.06 * 35 / 60)
    assert pair.sentence == f"v2 is better than v1: {points(pair.difference)}."
    assert pair.more_labels is None
    assert (pair.both_right, pair.first_only, pair.second_only, pair.neither) == (40, 10, 45, 5)
    assert pair.disagreements == 60
    assert pair.p_value is not None
    assert pair.p_value < 0.05
    assert pair.mcnemar_p == pair.mcnemar_holm  # one pair needs no correction


def test_without_labels_it_is_said_how_many_are_wanted() -> None:
    [pair] = compare(["v1", "v2"], population(60, 940), [])
    assert pair.conclusion is Conclusion.OPEN
    assert pair.difference == Estimate(None, None, None, 0)
    assert (pair.p_value, pair.mcnemar_p, pair.mcnemar_holm) == (None, None, None)
    assert pair.more_labels
    assert "not enough evidence yet: about" in pair.sentence
    assert pair.agreement.value == pytest.approx(0.94)


def test_only_a_part_of_the_review_queue_tells_two_versions_apart_so_more_labels_are_wanted() -> None:
    doubts = [case(f"d{n}", {"v1": "invoice", "v2": "invoice"}, stratum=Queue.REVIEW) for n in range(120)]
    [alone] = compare(["v1", "v2"], population(60, 940), [])
    [diluted] = compare(["v1", "v2"], [*population(60, 820), *doubts], [])
    assert alone.more_labels
    assert diluted.more_labels
    assert diluted.more_labels == pytest.approx(3 * alone.more_labels, abs=3)


def test_versions_that_hardly_ever_disagree_are_as_good_as_equal() -> None:
    [pair] = compare(["v1", "v2"], population(4, 1996), labelled(10, 0, 10))
    assert pair.conclusion is Conclusion.ALIKE
    assert "as good as equal" in pair.sentence


def test_versions_that_cannot_be_told_apart_are_said_to_be_so() -> None:
    [never] = compare(["v1", "v2"], population(0, 500), [])
    assert "they agree on all of the newest 500 documents" in never.sentence
    [apart] = compare(["v1", "v2"], [case("a", {"v1": "invoice"}), case("b", {"v2": "invoice"})], [])
    assert "no document was answered by both" in apart.sentence


def test_none_of_these_is_wrong_for_both() -> None:
    [pair] = compare(["v1", "v2"], population(5, 5), [case("a", {"v1": "invoice", "v2": "memo"}, NONE_OF_THESE)])
    assert (pair.neither, pair.first_only, pair.second_only) == (1, 0, 0)
    assert pair.difference.value == 0


def test_where_both_make_the_same_mistake_nothing_tells_them_apart() -> None:
    same = [case(f"same-{n}", {"v1": "memo", "v2": "memo"}, "invoice") for n in range(30)]
    [pair] = compare(["v1", "v2"], population(10, 90), [*labelled(6, 2, 1), *same])
    [without] = compare(["v1", "v2"], population(10, 90), labelled(6, 2, 1))
    assert (pair.neither, pair.disagreements) == (32, 9)
    assert pair.difference == without.difference
    assert pair.more_labels == without.more_labels


def test_p_values_are_corrected_for_all_pairs() -> None:
    found = [case(f"{n}", {"v1": "memo", "v2": "invoice", "v3": "invoice"}, "invoice") for n in range(12)]
    pairs = compare(["v1", "v2", "v3"], found, found)
    assert [(pair.first, pair.second) for pair in pairs] == [("v1", "v2"), ("v1", "v3"), ("v2", "v3")]
    assert pairs[0].mcnemar_p is not None
    assert pairs[0].mcnemar_holm == pytest.approx(3 * pairs[0].mcnemar_p)
    [alone] = compare(["v1", "v2"], found, found)
    assert alone.p_value is not None
    assert pairs[0].p_value == pytest.approx(3 * alone.p_value)


COUNT = st.integers(0, 60)


@settings(max_examples=20)
@given(COUNT, COUNT, COUNT, st.integers(1, 100), st.integers(0, 900))
@example(10, 0, 0, 1, 784)  # so rare a disagreement that its rate may be next to nothing
def test_changing_two_versions_over_changes_the_sign(wins: int, ties: int, losses: int, apart: int, alike: int) -> None:
    assume(wins + ties + losses)
    sample, labels = population(apart, alike), labelled(wins, ties, losses)
    [pair] = compare(["v1", "v2"], sample, labels)
    [other] = compare(["v2", "v1"], sample, labels)
    back = turned(other)
    assert back.difference.value == pytest.approx(pair.difference.value)
    assert back.difference.low == pytest.approx(pair.difference.low, abs=1e-9)
    assert back.difference.high == pytest.approx(pair.difference.high, abs=1e-9)
    assert (back.conclusion, back.mcnemar_p, back.more_labels) == (pair.conclusion, pair.mcnemar_p, pair.more_labels)
    assert back.p_value == pytest.approx(pair.p_value)
    assert pair.p_value is not None
    assert (pair.p_value <= ALPHA) == (pair.conclusion in (Conclusion.BETTER, Conclusion.WORSE))
    assert back.kappa.value == pytest.approx(pair.kappa.value)


@settings(max_examples=20)
@given(st.permutations(labelled(12, 3, 5, both=4)))
def test_the_order_of_labels_is_nothing(labels: Sequence[Case]) -> None:
    sample = population(10, 90)
    assert compare(["v1", "v2"], sample[::-1], labels) == compare(["v1", "v2"], sample, labelled(12, 3, 5, both=4))


@settings(max_examples=50)
@given(COUNT, COUNT, COUNT, st.integers(1, 300), st.integers(0, 2000), st.integers(1, 6))
def test_the_bounds_hold_the_estimate(wins: int, ties: int, losses: int, apart: int, alike: int, pairs: int) -> None:
    assume(wins + ties + losses)
    found = difference_of(wins, ties, losses, apart, apart + alike, pairs)
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    assert -1 <= found.low <= found.value + 1e-6
    assert found.value - 1e-6 <= found.high <= 1
