"""Protects: which labels and which weights count as evidence."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.examples import Exclusion, current_weights, examples_from
from records.outcomes import ModelFailure, Outcome, Prediction
from records.policy import DEFAULT_POLICY, Policy
from records.record import Record
from records.reviews import Queue, Review
from tests.support.uploads import NOON, model_failure, policy, prediction, record, upload

AGREED = {version: prediction() for version in ("v1", "v2", "v3")}


def reviewed(made: Record, label: str = "invoice", queue: Queue = Queue.REVIEW) -> Record:
    return replace(made, review=Review(label, "ann", NOON, queue))


OUTCOMES: st.SearchStrategy[Outcome] = st.one_of(
    st.builds(
        lambda label, confidence, abstained: prediction(label, confidence, abstained=abstained),
        st.sampled_from(["invoice", "receipt", "letter"]),
        st.floats(0.34, 1),
        st.booleans(),
    ),
    st.builds(model_failure),
)
POLICIES = st.sampled_from([DEFAULT_POLICY, policy(weights={"v1": 1.0}, champion="v1"), policy()])


@settings(max_examples=50)
@given(st.fixed_dictionaries(dict.fromkeys(("v1", "v2", "v3"), OUTCOMES)), POLICIES)
def test_documents_on_which_versions_disagree_are_in_a_queue(outcomes: dict[str, Outcome], current: Policy) -> None:
    """The comparison of versions relies on it: labels of the doubt and evidence queues suffice."""
    made = record(outcomes)
    for example in examples_from([made], current_weights([made]), current):
        if len({each.label for each in example.predictions.values()}) > 1:
            assert example.stratum in {Queue.REVIEW, Queue.EVIDENCE}


def test_newest_upload_determines_current_weights() -> None:
    before, after = prediction(model_sha256="b" * 64), prediction(model_sha256="a" * 64)
    retried = record(
        {"v1": before, "v2": after}, upload("old", event_time=NOON - timedelta(days=1)), classified_at=NOON
    )
    fresh = record({"v1": after, "v2": after}, upload("new"), classified_at=NOON - timedelta(hours=1))
    assert current_weights([fresh, retried]) == current_weights([retried, fresh]) == {"v1": "a" * 64, "v2": "a" * 64}


def test_predictions_of_earlier_weights_do_not_count() -> None:
    mixed = record({"v1": prediction(model_sha256="old"), "v2": prediction("receipt", model_sha256="new")})
    [example] = examples_from([mixed], {"v1": "new", "v2": "new"}, DEFAULT_POLICY)
    assert set(example.predictions) == {"v2"}
    assert example.outdated == {"v1"}
    assert example.vote is None  # it would include the earlier weights of v1


def test_vote_is_taken_under_the_current_policy() -> None:
    outcomes = {"v1": prediction("invoice", 0.9), "v2": prediction("receipt", 0.8), "v3": prediction("receipt", 0.8)}
    made = record(outcomes)
    assert made.verdict is not None
    assert made.verdict.label == "receipt"
    [example] = examples_from([made], current_weights([made]), policy(weights={"v1": 1.0}, champion="v1"))
    assert example.vote is not None
    assert example.vote.label == "invoice"


def exclusion(made: Record) -> Exclusion | None:
    [example] = examples_from([made], current_weights([made]), DEFAULT_POLICY)
    return example.exclusion


def test_labels_outside_the_random_sample_are_excluded_with_the_reason() -> None:
    disagreed = record({**AGREED, "v3": prediction("receipt")})
    assert exclusion(reviewed(disagreed)) is None
    assert exclusion(reviewed(disagreed, queue=Queue.OTHER)) is Exclusion.SELECTED
    # Labelled as an audit, before a late prediction caused the disagreement.
    assert exclusion(reviewed(disagreed, queue=Queue.AUDIT)) is Exclusion.LATE_PREDICTION


def test_unlabelled_example_has_no_true_label_and_no_exclusion() -> None:
    disagreed = record({**AGREED, "v3": prediction("receipt")})
    [example] = examples_from([disagreed], current_weights([disagreed]), DEFAULT_POLICY)
    assert (example.true_label, example.exclusion) == (None, None)


def test_predictions_after_the_first_label_exclude_the_example() -> None:
    """A retry calls the deployed version, which may have been trained on this label."""
    disagreed = record({**AGREED, "v3": prediction("receipt")})
    relabelled = reviewed(disagreed).with_review(Review("receipt", "bob", NOON + timedelta(days=2), Queue.REVIEW))
    for labelled in (reviewed(disagreed), relabelled):
        retried = replace(labelled, classified_at=NOON + timedelta(days=1))
        assert exclusion(labelled) is None
        assert exclusion(retried) is Exclusion.LATE_PREDICTION


def test_records_without_verdict_are_skipped_and_duplicates_merged() -> None:
    failed = record({"v1": model_failure(), "v2": model_failure()}, upload("failed"))
    seen = record(AGREED, upload("seen"))
    again = record(AGREED, upload("seen", sequencer="0055AED6DCD90281E6"))
    found = examples_from([seen, failed, again, seen], current_weights([seen]), DEFAULT_POLICY)
    assert len(found) == 2


def test_failures_are_kept_by_kind() -> None:
    outcomes: dict[str, Prediction | ModelFailure] = {"v1": prediction(), "v2": model_failure("timeout")}
    [example] = examples_from([record(outcomes)], {"v1": "ab" * 32}, DEFAULT_POLICY)
    assert example.failures == {"v2": "timeout"}
