"""Protects: a record survives the table unchanged, and its keys and index keys are what queries rely on."""

from dataclasses import replace
from datetime import timedelta

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from records.outcomes import Outcome
from records.record import Reason, Record, Status
from records.reviews import REVIEWS_KEPT, Queue, Review
from tests.support.uploads import NOON, model_failure, prediction, record, upload

sixths = st.integers(0, 10**6).map(lambda n: n / 10**6)
outcomes: st.SearchStrategy[Outcome] = st.one_of(
    st.builds(prediction, st.sampled_from(["invoice", "form"]), sixths, abstained=st.booleans()),
    st.builds(
        model_failure,
        st.sampled_from(["timeout", "failed"]),
        st.text(max_size=20),
        st.none() | st.integers(400, 599),
        st.none() | st.just("corrupt-document"),
    ),
)


@given(st.dictionaries(st.sampled_from(["v1", "v2", "v3"]), outcomes, min_size=1), st.none() | st.text(min_size=1))
def test_a_record_survives_dynamodb_s_own_encoding(said: dict[str, Outcome], version_id: str | None) -> None:
    before = record(said, of=upload(version_id=version_id))
    wire = TypeSerializer().serialize(before.to_item())
    after = Record.from_item(TypeDeserializer().deserialize(wire))
    assert after.as_dict() == before.as_dict()


def test_a_rejected_record_keeps_its_reason() -> None:
    before = record({}, status=Status.REJECTED, reason=Reason("empty", "the object has no bytes"))
    after = Record.from_item(before.to_item())
    assert after.reason == before.reason
    assert after.status is Status.REJECTED


def test_only_what_waits_for_a_person_is_in_the_review_index() -> None:
    calm = record({name: prediction() for name in ("v1", "v2", "v3")}).to_item()
    torn = record({"v1": prediction("invoice"), "v2": prediction("receipt"), "v3": prediction("receipt")}).to_item()
    assert "review_shard" not in calm
    assert torn["review_shard"].startswith("review#")


def test_only_what_has_a_verdict_is_in_the_label_index() -> None:
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
def test_labels_survive_dynamodb_s_own_encoding_in_their_order(given: list[Review], audit: bool) -> None:
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
def test_taking_labels_back_one_by_one_ends_where_it_began(given: list[Review]) -> None:
    begun = record({"v1": prediction()})
    labelled = begun
    for review in given:
        labelled = labelled.with_review(review)
    for _ in given:
        labelled = labelled.without_review()
    assert labelled == begun
    assert begun.without_review() == begun


def test_an_item_does_not_grow_without_end() -> None:
    labelled = record({"v1": prediction()})
    for number in range(2 * REVIEWS_KEPT):
        labelled = labelled.with_review(Review("invoice", f"person {number}", NOON, Queue.REVIEW))
    assert len(labelled.earlier_reviews) == REVIEWS_KEPT
    assert labelled.earlier_reviews[-1].by == f"person {2 * REVIEWS_KEPT - 2}"


def test_a_record_of_before_there_were_policies_and_reviews_is_read() -> None:
    item = record({"v1": prediction()}, policy="p1").to_item()
    del item["policy"]
    old = Record.from_item(item)
    assert (old.policy, old.audit, old.review, old.earlier_reviews) == ("", False, None, ())


def test_a_successor_counts_on_from_what_it_replaces() -> None:
    first = record({"v1": prediction()})
    assert first.next_revision(None).revision == 1
    assert first.next_revision(replace(first, revision=4)).revision == 5
