"""Protects: the combined verdict, its agreement and its status say what the versions said, whatever failed."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.outcomes import ModelFailure, Outcome, Prediction
from records.policy import DEFAULT_POLICY
from records.record import Agreement, Status
from records.verdict import DISAGREEMENT, UNCORROBORATED, UNSURE, UNTRUSTED, combine, soft_vote, status_of
from tests.support.uploads import model_failure, policy, prediction


def sharpened(mean: float, ballots: float) -> float:
    """What the vote makes of two labels with the mean probabilities `mean` and 1 - `mean`."""
    power = math.sqrt(ballots)
    odds: float = (mean / (1 - mean)) ** power
    return odds / (1 + odds)


REFUSED = model_failure("rejected", "the PDF is encrypted", 422, "encrypted-document")


def test_versions_that_agree_are_unanimous_and_need_nobody() -> None:
    verdict = combine({name: prediction("invoice", 0.9) for name in ("v1", "v2", "v3")})
    assert verdict is not None
    assert (verdict.label, verdict.agreement, verdict.needs_review) == ("invoice", Agreement.UNANIMOUS, False)
    assert verdict.confidence == pytest.approx(sharpened(0.9, ballots=3))


def test_the_soft_vote_lets_one_sure_version_overrule_two_that_waver() -> None:
    verdict = combine(
        {"v1": prediction("invoice", 0.51), "v2": prediction("invoice", 0.52), "v3": prediction("receipt", 0.99)}
    )
    assert verdict is not None
    assert verdict.label == "receipt"
    assert verdict.confidence == pytest.approx(sharpened((0.49 + 0.48 + 0.99) / 3, ballots=3))
    assert verdict.agreement is Agreement.MAJORITY
    assert verdict.review_reasons == (DISAGREEMENT,)


def test_three_labels_are_a_split() -> None:
    third = prediction("form", 0.8, probabilities={"form": 0.8, "invoice": 0.2})
    verdict = combine({"v1": prediction("invoice"), "v2": prediction("receipt"), "v3": third})
    assert verdict is not None
    assert verdict.agreement is Agreement.SPLIT


def test_a_missing_version_makes_two_that_agree_a_majority_only() -> None:
    verdict = combine({"v1": prediction(), "v2": model_failure(), "v3": prediction()})
    assert verdict is not None
    assert verdict.agreement is Agreement.MAJORITY
    assert not verdict.needs_review


def test_one_version_alone_is_checked_by_a_person() -> None:
    verdict = combine({"v1": model_failure(), "v2": model_failure(), "v3": prediction()})
    assert verdict is not None
    assert verdict.agreement is Agreement.SPLIT
    assert verdict.review_reasons == (UNCORROBORATED,)


@pytest.mark.parametrize(("abstaining", "flagged"), [(0, False), (1, False), (2, True), (3, True)])
def test_doubt_of_most_versions_asks_for_review(abstaining: int, flagged: bool) -> None:
    outcomes: dict[str, Outcome] = {f"v{number + 1}": prediction(abstained=number < abstaining) for number in range(3)}
    verdict = combine(outcomes)
    assert verdict is not None
    assert (UNSURE in verdict.review_reasons) is flagged


def test_a_label_that_one_version_does_not_know_counts_as_zero_there() -> None:
    verdict = combine({"v1": prediction("invoice", 0.6), "v2": prediction("form", 1.0, probabilities={"form": 1.0})})
    assert verdict is not None
    assert verdict.label == "form"
    assert verdict.confidence == pytest.approx(1 / (1 + 2 ** (1 - math.sqrt(2))))  # even means, two others


def test_nothing_answered_gives_no_verdict() -> None:
    assert combine({"v1": model_failure(), "v2": model_failure()}) is None


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [
        ((prediction(), prediction(), prediction()), Status.COMPLETE),
        ((prediction(), model_failure(), prediction()), Status.PARTIAL),
        ((model_failure(), model_failure(), prediction()), Status.PARTIAL),
        ((model_failure(), model_failure(), model_failure()), Status.FAILED),
        ((REFUSED, REFUSED, REFUSED), Status.REJECTED),
        ((REFUSED, REFUSED, model_failure()), Status.REJECTED),
        ((REFUSED, model_failure(), model_failure()), Status.FAILED),
        ((REFUSED, REFUSED, prediction()), Status.PARTIAL),
    ],
)
def test_the_status_follows_from_the_outcomes(outcomes: tuple[Outcome, ...], status: Status) -> None:
    found, reason = status_of({f"v{number}": said for number, said in enumerate(outcomes, start=1)})
    assert found is status
    assert (reason is None) == (status is Status.COMPLETE)


def test_the_reason_of_a_rejection_is_the_service_s_own() -> None:
    _, reason = status_of({"v1": REFUSED, "v2": REFUSED, "v3": REFUSED})
    assert reason is not None
    assert (reason.kind, reason.detail) == ("encrypted-document", "the PDF is encrypted")


def test_the_reason_of_a_partial_names_the_missing_versions() -> None:
    _, reason = status_of({"v1": prediction(), "v2": model_failure("unreachable"), "v3": model_failure("timeout")})
    assert reason is not None
    assert "v2 (unreachable), v3 (timeout)" in reason.detail


LABELS = ("form", "invoice", "receipt", "slides")


@st.composite
def predictions(draw: st.DrawFn) -> Prediction:
    weights = draw(st.lists(st.integers(1, 1000), min_size=len(LABELS), max_size=len(LABELS)))
    probabilities = {label: weight / sum(weights) for label, weight in zip(LABELS, weights, strict=True)}
    label = max(probabilities, key=probabilities.__getitem__)
    return prediction(label, probabilities[label], probabilities=probabilities)


outcomes_of_three = st.lists(st.one_of(predictions(), st.builds(model_failure)), min_size=3, max_size=3).map(
    lambda said: dict(zip(("v1", "v2", "v3"), said, strict=True))
)


@given(outcomes_of_three)
def test_a_verdict_is_a_probability_and_never_below_chance(outcomes: dict[str, Outcome]) -> None:
    verdict = combine(outcomes)
    if all(isinstance(said, ModelFailure) for said in outcomes.values()):
        assert verdict is None
    else:
        assert verdict is not None
        assert 1 / len(LABELS) - 1e-9 <= verdict.confidence <= 1
        assert verdict.label in LABELS


@given(outcomes_of_three, st.permutations(("v1", "v2", "v3")))
def test_which_version_said_it_does_not_change_the_verdict(outcomes: dict[str, Outcome], order: list[str]) -> None:
    shuffled = dict(zip(order, outcomes.values(), strict=True))
    one, other = combine(outcomes), combine(dict(sorted(shuffled.items())))
    if one is None or other is None:
        assert one is other
    else:
        assert one.agreement is other.agreement
        assert one.review_reasons == other.review_reasons
        assert one.confidence == pytest.approx(other.confidence)


DIVIDED = {"v1": prediction("invoice", 0.9), "v2": prediction("invoice", 0.9), "v3": prediction("receipt", 0.8)}


@pytest.mark.parametrize(
    ("weights", "label", "confidence"),
    [
        ({}, "invoice", sharpened((0.9 + 0.9 + 0.2) / 3, ballots=3)),
        ({"v1": 1.0, "v2": 1.0, "v3": 4.0}, "receipt", sharpened((0.1 + 0.1 + 4 * 0.8) / 6, ballots=2)),
        ({"v3": 1.0}, "receipt", 0.8),
        ({"v3": 0.25}, "receipt", 0.8),
        ({"v2": 1.0, "v3": 0.0}, "invoice", 0.9),
        ({"v3": 5e-324}, "receipt", 0.8),
    ],
)
def test_the_policy_says_whose_answers_count(weights: dict[str, float], label: str, confidence: float) -> None:
    verdict = combine(DIVIDED, policy(weights=weights, champion=""))
    assert verdict is not None
    assert verdict.label == label
    assert verdict.confidence == pytest.approx(confidence)


@given(predictions(), st.floats(0.001, 1000))
def test_one_ballot_is_taken_at_its_word(said: Prediction, weight: float) -> None:
    """It is calibrated already: only a mean of several needs to be sharpened."""
    assert soft_vote([(weight, said.probabilities)]) == pytest.approx(dict(said.probabilities))


@given(st.lists(st.tuples(st.floats(0.01, 10), predictions()), min_size=1, max_size=5))
def test_sharpening_changes_how_sure_the_vote_is_and_never_what_it_says(
    ballots: list[tuple[float, Prediction]],
) -> None:
    pooled = soft_vote([(weight, said.probabilities) for weight, said in ballots])
    mean = {label: sum(weight * said.probabilities[label] for weight, said in ballots) for label in LABELS}
    assert sum(pooled.values()) == pytest.approx(1)
    assert mean[max(pooled, key=pooled.__getitem__)] == pytest.approx(max(mean.values()))
    assert max(pooled.values()) >= max(mean.values()) / sum(mean.values()) - 1e-9


def test_of_two_documents_the_vote_is_surer_of_that_with_the_higher_mean() -> None:
    """However the rest is spread: a page of an unknown kind has a bit of everything."""
    spread = {"a": 0.5, "b": 0.1, "c": 0.1, "d": 0.1, "e": 0.1, "f": 0.1}
    between = {"a": 0.52, "b": 0.48, "c": 0.0, "d": 0.0, "e": 0.0, "f": 0.0}
    stranger, dilemma = (soft_vote([(1.0, said)] * 3)["a"] for said in (spread, between))
    assert 0.5 < stranger < dilemma < 1


def test_a_vote_without_any_doubt_stays_without_it() -> None:
    assert soft_vote([(1.0, {"a": 1.0, "b": 0.0})] * 3) == {"a": 1.0, "b": 0.0}
    assert soft_vote([(1.0, {"only": 1.0})] * 2) == {"only": 1.0}


def test_a_version_without_a_vote_is_watched_all_the_same() -> None:
    verdict = combine(DIVIDED, policy(weights={"v1": 1.0, "v2": 1.0}, champion=""))
    assert verdict is not None
    assert (verdict.label, verdict.agreement) == ("invoice", Agreement.MAJORITY)
    assert verdict.review_reasons == (DISAGREEMENT,)


def test_without_an_answer_that_counts_the_others_decide_and_a_person_is_asked() -> None:
    only_v3 = policy(weights={"v3": 1.0}, champion="v3")
    verdict = combine({"v1": prediction(), "v2": prediction(), "v3": model_failure()}, only_v3)
    assert verdict is not None
    assert verdict.label == "invoice"
    assert verdict.confidence == pytest.approx(sharpened(0.9, ballots=2))
    assert verdict.review_reasons == (UNTRUSTED,)


def test_a_policy_of_versions_that_are_gone_costs_no_verdict() -> None:
    verdict = combine(DIVIDED, policy(weights={"v8": 1.0}, champion="v8"))
    assert verdict is not None
    assert verdict.label == "invoice"
    assert UNTRUSTED in verdict.review_reasons


@given(outcomes_of_three, st.floats(0.001, 1000))
def test_only_the_ratio_of_weights_counts(outcomes: dict[str, Outcome], weight: float) -> None:
    one = combine(outcomes, DEFAULT_POLICY)
    other = combine(outcomes, policy(weights=dict.fromkeys(outcomes, weight), champion=""))
    if one is None or other is None:
        assert one is other
    else:
        assert other.confidence == pytest.approx(one.confidence)
        assert other.agreement is one.agreement
