"""Protects: what counts as evidence, and of which weights; above all what the comparison of versions rests on."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.cases import cases, current_weights
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
        lambda label, sure, abstained: prediction(label, sure, abstained=abstained),
        st.sampled_from(["invoice", "receipt", "letter"]),
        st.floats(0.34, 1),
        st.booleans(),
    ),
    st.builds(model_failure),
)
POLICIES = st.sampled_from([DEFAULT_POLICY, policy(weights={"v1": 1.0}, champion="v1"), policy()])


@settings(max_examples=50)
@given(st.fixed_dictionaries(dict.fromkeys(("v1", "v2", "v3"), OUTCOMES)), POLICIES)
def test_where_versions_differ_the_document_is_always_flagged(outcomes: dict[str, Outcome], held: Policy) -> None:
    """So unflagged documents cannot tell versions apart, and labels from the review queue alone can."""
    made = record(outcomes)
    for case in cases([made], current_weights([made]), held):
        if len({answer.label for answer in case.answers.values()}) > 1:
            assert case.stratum is Queue.REVIEW


def test_the_newest_upload_tells_the_current_weights_not_the_newest_write() -> None:
    before, after = prediction(model_sha256="b" * 64), prediction(model_sha256="a" * 64)
    retried = record(
        {"v1": before, "v2": after}, upload("old", event_time=NOON - timedelta(days=1)), classified_at=NOON
    )
    fresh = record({"v1": after, "v2": after}, upload("new"), classified_at=NOON - timedelta(hours=1))
    assert current_weights([fresh, retried]) == current_weights([retried, fresh]) == {"v1": "a" * 64, "v2": "a" * 64}


def test_answers_of_earlier_weights_do_not_count() -> None:
    mixed = record({"v1": prediction(model_sha256="old"), "v2": prediction("receipt", model_sha256="new")})
    [case] = cases([mixed], {"v1": "new", "v2": "new"}, DEFAULT_POLICY)
    assert set(case.answers) == {"v2"}
    assert case.outdated == {"v1"}
    assert case.vote is None  # half of it would be the earlier weights'


def test_the_vote_is_taken_under_the_current_policy_whichever_made_the_verdict() -> None:
    outcomes = {"v1": prediction("invoice", 0.9), "v2": prediction("receipt", 0.8), "v3": prediction("receipt", 0.8)}
    made = record(outcomes)
    assert made.verdict is not None
    assert made.verdict.label == "receipt"
    [case] = cases([made], current_weights([made]), policy(weights={"v1": 1.0}, champion="v1"))
    assert case.vote is not None
    assert case.vote.label == "invoice"


def test_only_what_the_draw_chose_is_a_fair_sample() -> None:
    torn = record({**AGREED, "v3": prediction("receipt")})
    assert [case.by_chance for case in cases([reviewed(torn)], current_weights([torn]), DEFAULT_POLICY)] == [True]
    for queue in (Queue.OTHER, Queue.AUDIT):  # picked; or audited before a late answer made it doubtful
        [case] = cases([reviewed(torn, queue=queue)], current_weights([torn]), DEFAULT_POLICY)
        assert not case.by_chance
    [unlabelled] = cases([torn], current_weights([torn]), DEFAULT_POLICY)
    assert not unlabelled.by_chance
    assert unlabelled.truth is None


def test_answers_that_are_younger_than_the_first_label_are_no_evidence() -> None:
    """A retry asks whatever is deployed by then: perhaps a version that has learnt this very label."""
    torn = record({**AGREED, "v3": prediction("receipt")})
    relabelled = reviewed(torn).with_review(Review("receipt", "bob", NOON + timedelta(days=2), Queue.REVIEW))
    for labelled in (reviewed(torn), relabelled):
        retried = replace(labelled, classified_at=NOON + timedelta(days=1))
        assert [case.by_chance for case in cases([labelled], current_weights([torn]), DEFAULT_POLICY)] == [True]
        assert [case.by_chance for case in cases([retried], current_weights([torn]), DEFAULT_POLICY)] == [False]


def test_records_without_verdict_are_no_cases_and_each_upload_is_one() -> None:
    failed = record({"v1": model_failure(), "v2": model_failure()}, upload("failed"))
    seen = record(AGREED, upload("seen"))
    again = record(AGREED, upload("seen", sequencer="0055AED6DCD90281E6"))
    found = cases([seen, failed, again, seen], current_weights([seen]), DEFAULT_POLICY)
    assert len(found) == 2


def test_errors_are_kept_by_kind() -> None:
    outcomes: dict[str, Prediction | ModelFailure] = {"v1": prediction(), "v2": model_failure("timeout")}
    [case] = cases([record(outcomes)], {"v1": "ab" * 32}, DEFAULT_POLICY)
    assert case.errors == {"v2": "timeout"}
