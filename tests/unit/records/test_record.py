"""Protects: a record is stored and read without change, and has the keys that queries rely on."""

from dataclasses import replace
from datetime import timedelta

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from records.outcomes import Outcome
from records.record import Reason, Record, Status
from records.reviews import MAX_EARLIER_REVIEWS, Queue, Review
from tests.support.uploads import NOON, model_failure, prediction, record, upload

probabilities = st.integers(0, 10**6).map(lambda n: n / 10**6)
any_outcome: st.SearchStrategy[Outcome] = st.one_of(
    st.builds(
        prediction,
        st.sampled_from(["invoice", "form"]),
        probabilities,
        abstained=st.booleans(),
        rotated=st.sampled_from([(), (90,), (0, 180)]),
        familiarity=st.sampled_from([None, 0.0, 0.8123, 3.0]),
        cropped=st.sampled_from([(), (True,), (False, True)]),
    ),
    st.builds(
        model_failure,
        st.sampled_from(["timeout", "failed"]),
        st.text(max_size=20),
        st.none() | st.integers(400, 599),
        st.none() | st.just("corrupt-document"),
    ),
)


@given(st.dictionaries(st.sampled_from(["v1", "v2", "v3"]), any_outcome, min_size=1), st.none() | st.text(min_size=1))
def test_record_is_unchanged_by_dynamodb_encoding(outcomes: dict[str, Outcome], version_id: str | None) -> None:
    before = record(outcomes, of=upload(version_id=version_id))
    wire = TypeSerializer().serialize(before.to_item())
    after = Record.from_item(TypeDeserializer().deserialize(wire))
    assert after.as_dict() == before.as_dict()


def test_rejected_record_keeps_its_reason() -> None:
    before = record({}, status=Status.REJECTED, reason=Reason("empty", "The object has no bytes."))
    after = Record.from_item(before.to_item())
    assert after.reason == before.reason
    assert after.status is Status.REJECTED


def test_only_records_in_a_queue_are_in_the_review_index() -> None:
    unanimous = record({name: prediction() for name in ("v1", "v2", "v3")}).to_item()
    disputed = record({"v1": prediction("invoice"), "v2": prediction("receipt"), "v3": prediction("receipt")}).to_item()
    assert "review_shard" not in unanimous
    assert disputed["review_shard"].startswith("review#")


def test_only_records_with_a_verdict_are_in_the_label_index() -> None:
    item = record({"v1": model_failure()}).to_item()
    assert "label_shard" not in item
    assert item["status_shard"].startswith("FAILED#")
    assert item["time_shard"].startswith("all#")


reviews = st.builds(
    Review,
    label=st.sampled_from(["invoice", "none-of-these"]),
    by=st.text(min_size=1, max_size=10),
    at=st.integers(0, 10**6).map(lambda seconds: NOON + timedelta(seconds=seconds)),
    queue=st.sampled_from(Queue),
    seconds=st.none() | st.integers(0, 10**5).map(lambda n: n / 100),
)


@given(st.lists(reviews, max_size=4), st.booleans())
def test_reviews_are_unchanged_by_dynamodb_encoding(given: list[Review], audit: bool) -> None:
    before = record({"v1": prediction()}, policy="p7", audit=audit)
    for review in given:
        before = before.with_review(review)
    after = Record.from_item(TypeDeserializer().deserialize(TypeSerializer().serialize(before.to_item())))
    assert (after.review, after.earlier_reviews, after.policy, after.audit) == (
        before.review,
        before.earlier_reviews,
        "p7",
        audit,
    )
    assert [review.label for review in (*after.earlier_reviews, *filter(None, [after.review]))] == [
        review.label for review in given
    ]


@given(st.lists(reviews, min_size=1, max_size=4))
def test_removing_all_labels_restores_the_record(given: list[Review]) -> None:
    original = record({"v1": prediction()})
    labelled = original
    for review in given:
        labelled = labelled.with_review(review)
    for _ in given:
        labelled = labelled.without_review()
    assert labelled == original
    assert original.without_review() == original


def test_number_of_earlier_reviews_is_limited() -> None:
    labelled = record({"v1": prediction()})
    for number in range(2 * MAX_EARLIER_REVIEWS):
        labelled = labelled.with_review(Review("invoice", f"reviewer {number}", NOON, Queue.REVIEW))
    assert len(labelled.earlier_reviews) == MAX_EARLIER_REVIEWS
    assert labelled.earlier_reviews[-1].by == f"reviewer {2 * MAX_EARLIER_REVIEWS - 2}"


def test_record_written_before_policies_and_reviews_existed_is_read() -> None:
    item = record({"v1": prediction()}, policy="p1").to_item()
    del item["policy"]
    old = Record.from_item(item)
    assert (old.policy, old.audit, old.review, old.earlier_reviews) == ("", False, None, ())


def test_next_revision_follows_the_replaced_record() -> None:
    first = record({"v1": prediction()})
    assert first.next_revision(None).revision == 1
    assert first.next_revision(replace(first, revision=4)).revision == 5
