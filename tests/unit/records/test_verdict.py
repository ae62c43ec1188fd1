"""Protects: verdict, agreement and status follow from the outcomes, whatever failed."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.outcomes import ModelFailure, Outcome, Prediction
from records.policy import DEFAULT_POLICY
from records.record import Agreement, Status
from records.reviews import Queue
from records.verdict import DOUBTFUL, UNCORROBORATED, UNSURE, UNTRUSTED, combine, soft_vote, soften, status_of
from tests.support.uploads import model_failure, policy, prediction, record


def pooled(*ballots: tuple[float, float]) -> float:
    """Return the confidence in one of two labels from the weight and the probability of each ballot."""
    total = sum(weight for weight, _ in ballots)
    votes = total**2 / sum(weight**2 for weight, _ in ballots)
    soft = [(weight / total, p ** (1 / math.sqrt(votes)), (1 - p) ** (1 / math.sqrt(votes))) for weight, p in ballots]
    mean = sum(share * one / (one + other) for share, one, other in soft)
    odds: float = (mean / (1 - mean)) ** (votes**0.7)
    return odds / (1 + odds)


REJECTED = model_failure("rejected", "the PDF is encrypted", 422, "encrypted-document")


def test_versions_that_agree_are_unanimous_and_need_no_review() -> None:
    verdict = combine({name: prediction("invoice", 0.9) for name in ("v1", "v2", "v3")})
    assert verdict is not None
    assert (verdict.label, verdict.agreement, verdict.needs_review) == ("invoice", Agreement.UNANIMOUS, False)
    assert verdict.confidence == pytest.approx(pooled(*[(1, 0.9)] * 3))
    assert verdict.confidence == pytest.approx(0.939, abs=0.001)


def test_one_confident_version_can_outvote_two_others() -> None:
    verdict = combine(
        {"v1": prediction("invoice", 0.51), "v2": prediction("invoice", 0.52), "v3": prediction("receipt", 0.99)}
    )
    assert verdict is not None
    assert verdict.label == "receipt"
    assert verdict.confidence == pytest.approx(pooled((1, 0.49), (1, 0.48), (1, 0.99)))
    assert verdict.agreement is Agreement.MAJORITY
    assert verdict.review_reasons == (DOUBTFUL,)


def test_three_labels_are_a_split() -> None:
    third = prediction("form", 0.8, probabilities={"form": 0.8, "invoice": 0.2})
    verdict = combine({"v1": prediction("invoice"), "v2": prediction("receipt"), "v3": third})
    assert verdict is not None
    assert verdict.agreement is Agreement.SPLIT


def test_two_versions_that_agree_are_a_majority_if_one_failed() -> None:
    verdict = combine({"v1": prediction(), "v2": model_failure(), "v3": prediction()})
    assert verdict is not None
    assert verdict.agreement is Agreement.MAJORITY
    assert not verdict.needs_review


def test_single_prediction_needs_review() -> None:
    verdict = combine({"v1": model_failure(), "v2": model_failure(), "v3": prediction()})
    assert verdict is not None
    assert verdict.agreement is Agreement.SPLIT
    assert verdict.review_reasons == (UNCORROBORATED,)


@pytest.mark.parametrize(("abstaining", "flagged"), [(0, False), (1, False), (2, True), (3, True)])
def test_abstention_of_half_of_the_versions_needs_review(abstaining: int, flagged: bool) -> None:
    outcomes: dict[str, Outcome] = {f"v{number + 1}": prediction(abstained=number < abstaining) for number in range(3)}
    verdict = combine(outcomes)
    assert verdict is not None
    assert (UNSURE in verdict.review_reasons) is flagged


def test_label_unknown_to_a_version_counts_as_zero() -> None:
    verdict = combine({"v1": prediction("invoice", 0.6), "v2": prediction("form", 1.0, probabilities={"form": 1.0})})
    assert verdict is not None
    assert verdict.label == "form"
    assert verdict.confidence == pytest.approx(1 / (1 + 2 ** (1 - 2**0.7)))  # even means, two others


def test_no_prediction_gives_no_verdict() -> None:
    assert combine({"v1": model_failure(), "v2": model_failure()}) is None


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [
        ((prediction(), prediction(), prediction()), Status.COMPLETE),
        ((prediction(), model_failure(), prediction()), Status.PARTIAL),
        ((model_failure(), model_failure(), prediction()), Status.PARTIAL),
        ((model_failure(), model_failure(), model_failure()), Status.FAILED),
        ((REJECTED, REJECTED, REJECTED), Status.REJECTED),
        ((REJECTED, REJECTED, model_failure()), Status.REJECTED),
        ((REJECTED, model_failure(), model_failure()), Status.FAILED),
        ((REJECTED, REJECTED, prediction()), Status.PARTIAL),
    ],
)
def test_status_follows_from_the_outcomes(outcomes: tuple[Outcome, ...], status: Status) -> None:
    found, reason = status_of({f"v{number}": outcome for number, outcome in enumerate(outcomes, start=1)})
    assert found is status
    assert (reason is None) == (status is Status.COMPLETE)


def test_reason_of_a_rejection_is_the_problem_of_the_service() -> None:
    _, reason = status_of({"v1": REJECTED, "v2": REJECTED, "v3": REJECTED})
    assert reason is not None
    assert (reason.kind, reason.detail) == ("encrypted-document", "the PDF is encrypted")


DECODER_TIMEOUT = model_failure("rejected", "The document was not decoded within 20 s.", 422, "decoder-timeout")
SLOW = prediction(timings_ms={"decode": 15_000.0, "infer": 4.0})


@pytest.mark.parametrize(
    ("outcomes", "status", "kind"),
    [
        ((DECODER_TIMEOUT,) * 3, Status.REJECTED, "too-slow"),
        ((DECODER_TIMEOUT, DECODER_TIMEOUT, model_failure("unreachable")), Status.REJECTED, "too-slow"),
        ((DECODER_TIMEOUT, DECODER_TIMEOUT, SLOW), Status.PARTIAL, "too-slow"),
        ((DECODER_TIMEOUT, SLOW, SLOW), Status.PARTIAL, "too-slow"),
        ((DECODER_TIMEOUT, prediction(), prediction()), Status.PARTIAL, "versions-missing"),
        ((DECODER_TIMEOUT, model_failure("unreachable"), SLOW), Status.PARTIAL, "versions-missing"),
        ((DECODER_TIMEOUT, model_failure("timeout"), model_failure("timeout")), Status.FAILED, "versions-missing"),
        ((model_failure("timeout"),) * 3, Status.FAILED, "versions-missing"),
        ((model_failure("timeout", status=504, problem="deadline-exceeded"),) * 3, Status.FAILED, "versions-missing"),
        ((model_failure("unreachable"),) * 3, Status.FAILED, "versions-missing"),
    ],
)
def test_document_is_too_slow_only_if_most_versions_confirm_it(
    outcomes: tuple[Outcome, ...], status: Status, kind: str
) -> None:
    """A version that is down or hangs does not end the processing of a document."""
    found = record(dict(zip(("v1", "v2", "v3"), outcomes, strict=True)))
    assert found.reason
    assert (found.status, found.reason.kind) == (status, kind)
    assert found.final is (kind == "too-slow")


def test_reason_of_most_rejections_is_recorded() -> None:
    crashed = model_failure("rejected", "crashed", 422, "decoder-crashed")
    _, reason = status_of({"v1": crashed, "v2": REJECTED, "v3": REJECTED})
    assert reason is not None
    assert reason.kind == "encrypted-document"


def test_reason_of_a_partial_record_names_the_missing_versions() -> None:
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
    lambda outcomes: dict(zip(("v1", "v2", "v3"), outcomes, strict=True))
)


@given(outcomes_of_three)
def test_confidence_is_a_probability_of_at_least_chance_level(outcomes: dict[str, Outcome]) -> None:
    verdict = combine(outcomes)
    if all(isinstance(outcome, ModelFailure) for outcome in outcomes.values()):
        assert verdict is None
    else:
        assert verdict is not None
        assert 1 / len(LABELS) - 1e-9 <= verdict.confidence <= 1
        assert verdict.label in LABELS


@given(outcomes_of_three, st.permutations(("v1", "v2", "v3")))
def test_verdict_does_not_depend_on_the_order_of_versions(outcomes: dict[str, Outcome], order: list[str]) -> None:
    shuffled = dict(zip(order, outcomes.values(), strict=True))
    one, other = combine(outcomes), combine(dict(sorted(shuffled.items())))
    if one is None or other is None:
        assert one is other
    else:
        assert one.agreement is other.agreement
        assert one.review_reasons == other.review_reasons
        assert one.confidence == pytest.approx(other.confidence)


DISPUTED = {"v1": prediction("invoice", 0.9), "v2": prediction("invoice", 0.9), "v3": prediction("receipt", 0.8)}


@pytest.mark.parametrize(
    ("weights", "label", "confidence"),
    [
        ({}, "invoice", pooled((1, 0.9), (1, 0.9), (1, 0.2))),
        ({"v1": 1.0, "v2": 1.0, "v3": 4.0}, "receipt", pooled((1, 0.1), (1, 0.1), (4, 0.8))),
        ({"v3": 1.0}, "receipt", 0.8),
        ({"v3": 0.25}, "receipt", 0.8),
        ({"v2": 1.0, "v3": 0.0}, "invoice", 0.9),
        ({"v3": 5e-324}, "receipt", 0.8),
    ],
)
def test_policy_weights_the_versions(weights: dict[str, float], label: str, confidence: float) -> None:
    verdict = combine(DISPUTED, policy(weights=weights, champion=""))
    assert verdict is not None
    assert verdict.label == label
    assert verdict.confidence == pytest.approx(confidence)


@given(predictions(), st.floats(0.001, 1000))
def test_single_ballot_is_unchanged(ballot: Prediction, weight: float) -> None:
    """A single version is calibrated already; only a mean of several needs sharpening."""
    assert soft_vote([(weight, ballot.probabilities)]) == pytest.approx(dict(ballot.probabilities))


@given(st.lists(st.tuples(st.floats(0.01, 10), predictions()), min_size=1, max_size=5))
def test_vote_is_a_distribution_with_the_verdict_as_its_maximum(ballots: list[tuple[float, Prediction]]) -> None:
    vote = soft_vote([(weight, ballot.probabilities) for weight, ballot in ballots])
    assert sum(vote.values()) == pytest.approx(1)
    assert all(0 <= probability <= 1 for probability in vote.values())
    if all(ballot.label == ballots[0][1].label for _, ballot in ballots):
        assert vote[ballots[0][1].label] == pytest.approx(max(vote.values()))


@given(st.lists(predictions(), min_size=2, max_size=3))
def test_vote_of_a_record_is_that_of_its_predictions(ballots: list[Prediction]) -> None:
    """Records contain rounded probabilities."""
    rest = {label: 1.4e-7 * number for number, label in enumerate(("a", "b", "c", "d", "e"), start=1)}
    exact = [{**ballot.probabilities, **rest} for ballot in ballots]
    stored = [{label: round(p, 6) for label, p in ballot.items()} for ballot in exact]
    one, other = (soft_vote([(1.0, ballot) for ballot in each]) for each in (exact, stored))
    assert one == pytest.approx(other, abs=1e-6)


@given(predictions(), st.floats(0.05, 1))
def test_softened_distribution_keeps_the_order_of_its_labels(ballot: Prediction, exponent: float) -> None:
    softened = soften(ballot.probabilities, exponent)
    assert sum(softened.values()) == pytest.approx(1, abs=1e-5)  # probabilities have six digits
    assert max(softened.values()) <= ballot.confidence + 1e-5  # records have six digits
    by_probability = sorted(softened, key=softened.__getitem__)
    assert [ballot.probabilities[label] for label in by_probability] == pytest.approx(
        sorted(ballot.probabilities.values()), abs=1e-5
    )


def test_confidence_grows_with_the_probability_of_the_winner() -> None:
    steps = [soft_vote([(1.0, {"a": p, "b": 1 - p})] * 3)["a"] for p in (0.55, 0.7, 0.9, 0.99)]
    assert steps == sorted(steps)
    assert 0.5 < steps[0] < steps[-1] < 1


def test_rest_that_is_spread_over_many_labels_lowers_the_confidence() -> None:
    """A page of an unknown kind resembles many labels a little, a page of a known kind at most one other."""
    spread = {"a": 0.7, "b": 0.06, "c": 0.06, "d": 0.06, "e": 0.06, "f": 0.06}
    between = {"a": 0.7, "b": 0.3, "c": 0.0, "d": 0.0, "e": 0.0, "f": 0.0}
    lower, higher = (soft_vote([(1.0, probabilities)] * 3)["a"] for probabilities in (spread, between))
    assert lower < higher


def test_certain_vote_stays_certain() -> None:
    assert soft_vote([(1.0, {"a": 1.0, "b": 0.0})] * 3) == {"a": 1.0, "b": 0.0}
    assert soft_vote([(1.0, {"only": 1.0})] * 2) == {"only": 1.0}


def test_disagreement_of_a_version_without_a_vote_needs_no_review() -> None:
    """Its label would be evidence, but the verdict does not depend on that version."""
    verdict = combine(DISPUTED, policy(weights={"v1": 1.0, "v2": 1.0}, champion=""))
    assert verdict is not None
    assert (verdict.label, verdict.agreement) == ("invoice", Agreement.MAJORITY)
    assert verdict.review_reasons == ()
    assert record(DISPUTED, verdict=verdict).queue is Queue.EVIDENCE


@pytest.mark.parametrize(("threshold", "reasons"), [(0.85, ()), (0.99, (DOUBTFUL,))])
def test_confidence_below_the_threshold_of_the_policy_needs_review(threshold: float, reasons: tuple[str, ...]) -> None:
    verdict = combine({"v1": prediction("invoice", 0.9)}, policy(weights={}, champion="", doubt_below=threshold))
    assert verdict is not None
    assert verdict.review_reasons == reasons


def test_failure_or_abstention_of_a_version_without_a_vote_needs_no_review() -> None:
    only_v3 = policy(weights={"v3": 1.0}, champion="v3")
    verdict = combine(
        {"v1": prediction(abstained=True), "v2": model_failure(), "v3": prediction("invoice", 0.95)}, only_v3
    )
    assert verdict is not None
    assert verdict.review_reasons == ()


def test_versions_without_a_vote_decide_if_no_other_predicted() -> None:
    only_v3 = policy(weights={"v3": 1.0}, champion="v3")
    verdict = combine({"v1": prediction(), "v2": prediction(), "v3": model_failure()}, only_v3)
    assert verdict is not None
    assert verdict.label == "invoice"
    assert verdict.confidence == pytest.approx(pooled((1, 0.9), (1, 0.9)))
    assert verdict.review_reasons == (UNTRUSTED,)


def test_policy_that_names_only_removed_versions_still_gives_a_verdict() -> None:
    verdict = combine(DISPUTED, policy(weights={"v8": 1.0}, champion="v8"))
    assert verdict is not None
    assert verdict.label == "invoice"
    assert UNTRUSTED in verdict.review_reasons


@given(outcomes_of_three, st.floats(0.001, 1000))
def test_only_the_ratio_of_weights_matters(outcomes: dict[str, Outcome], weight: float) -> None:
    one = combine(outcomes, DEFAULT_POLICY)
    other = combine(outcomes, policy(weights=dict.fromkeys(outcomes, weight), champion=""))
    if one is None or other is None:
        assert one is other
    else:
        assert other.confidence == pytest.approx(one.confidence)
        assert other.agreement is one.agreement
