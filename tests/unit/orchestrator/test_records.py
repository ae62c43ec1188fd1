"""Protects: a record survives the table unchanged, and its keys and index keys are what queries rely on."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.records import (
    REVIEWS_KEPT,
    SEQUENCER_WIDTH,
    SHARDS,
    Outcome,
    Queue,
    Reason,
    Record,
    Review,
    Status,
    draw,
    shard_of,
    stand_in_sequencer,
    timestamp,
)
from tests.support.uploads import NOON, error, prediction, record, upload

sixths = st.integers(0, 10**6).map(lambda n: n / 10**6)
outcomes: st.SearchStrategy[Outcome] = st.one_of(
    st.builds(prediction, st.sampled_from(["invoice", "form"]), sixths, abstained=st.booleans()),
    st.builds(
        error,
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


def test_numbers_are_decimals_without_the_noise_of_binary_fractions() -> None:
    item = record({"v1": prediction(confidence=0.1 + 0.2)}).to_item()
    assert item["predictions"]["v1"]["confidence"] == Decimal("0.3")
    assert item["latency_ms"] == Decimal("40.0")


def test_no_record_holds_what_is_no_number() -> None:
    with pytest.raises(ValueError, match="nan"):
        record({"v1": prediction()}, latency_ms=float("nan")).to_item()


def test_only_what_waits_for_a_person_is_in_the_review_index() -> None:
    calm = record({name: prediction() for name in ("v1", "v2", "v3")}).to_item()
    torn = record({"v1": prediction("invoice"), "v2": prediction("receipt"), "v3": prediction("receipt")}).to_item()
    assert "review_shard" not in calm
    assert torn["review_shard"].startswith("review#")


def test_only_what_has_a_verdict_is_in_the_label_index() -> None:
    item = record({"v1": error()}).to_item()
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
        before = before.reviewed(review)
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
        labelled = labelled.reviewed(review)
    for _ in given:
        labelled = labelled.unreviewed()
    assert labelled == begun
    assert begun.unreviewed() == begun


def test_an_item_does_not_grow_without_end() -> None:
    labelled = record({"v1": prediction()})
    for number in range(2 * REVIEWS_KEPT):
        labelled = labelled.reviewed(Review("invoice", f"person {number}", NOON, Queue.REVIEW))
    assert len(labelled.earlier_reviews) == REVIEWS_KEPT
    assert labelled.earlier_reviews[-1].by == f"person {2 * REVIEWS_KEPT - 2}"


def test_a_record_of_before_there_were_policies_and_reviews_is_read() -> None:
    item = record({"v1": prediction()}, policy="p1").to_item()
    del item["policy"]
    old = Record.from_item(item)
    assert (old.policy, old.audit, old.review, old.earlier_reviews) == ("", False, None, ())


def test_the_draw_is_the_same_everywhere_and_as_good_as_random() -> None:
    assert draw("documents/a.pdf", "00AA") == draw("documents/a.pdf", "00AA") == 0.45696286538379405
    drawn = [draw(f"documents/{n}.pdf", "00AA") for n in range(2000)]
    assert all(0 <= number < 1 for number in drawn)
    tenths = Counter(int(number * 10) for number in drawn)
    assert all(130 < tenths[n] < 270 for n in range(10))  # 200 each; five standard deviations are 67


@given(st.text(max_size=40))
def test_a_document_s_shard_is_one_of_the_shards_and_stays_so(name: str) -> None:
    assert shard_of(name) == shard_of(name)
    assert 0 <= shard_of(name) < SHARDS


def test_documents_spread_over_all_shards() -> None:
    assert {shard_of(f"documents/scan-{number}.pdf") for number in range(200)} == set(range(SHARDS))


hexadecimal = st.text("0123456789ABCDEF", min_size=1, max_size=SEQUENCER_WIDTH)


@given(hexadecimal, hexadecimal)
def test_sort_keys_order_as_s3_says_that_sequencers_do(one: str, other: str) -> None:
    width = max(len(one), len(other))
    expected = one.ljust(width, "0") < other.ljust(width, "0")
    assert (upload(sequencer=one).sort_key < upload(sequencer=other).sort_key) == expected


def test_a_sequencer_in_small_letters_is_the_same_one() -> None:
    assert upload(sequencer="00ab").sort_key == upload(sequencer="00AB").sort_key


@given(st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)), st.timedeltas(timedelta(0), timedelta(days=400)))
def test_timestamps_sort_as_the_moments_they_name(moment: datetime, later: timedelta) -> None:
    first = moment.replace(tzinfo=UTC)
    assert timestamp(first) <= timestamp(first + later)
    assert timestamp(first).endswith("Z")


def test_a_timestamp_is_utc_whatever_the_zone() -> None:
    berlin = NOON.astimezone(timezone(timedelta(hours=1)))
    assert timestamp(berlin) == "2026-11-22T12:00:00.000Z"


def test_a_successor_counts_on_from_what_it_replaces() -> None:
    first = record({"v1": prediction()})
    assert first.next_revision(None).revision == 1
    assert first.next_revision(replace(first, revision=4)).revision == 5


@given(st.datetimes(datetime(2010, 1, 1), datetime(2080, 1, 1)), st.text(min_size=1, max_size=40))
def test_a_stand_in_sequencer_is_always_the_same_and_fits_the_key(moment: datetime, identity: str) -> None:
    at = moment.replace(tzinfo=UTC)
    made = stand_in_sequencer(at, identity)
    assert made == stand_in_sequencer(at, identity) == upload(sequencer=made).sort_key
    assert made != stand_in_sequencer(at, identity + "x")
    assert made < stand_in_sequencer(at + timedelta(seconds=1), identity)


def test_a_stand_in_sorts_among_the_sequencers_of_its_time() -> None:
    # The sequencer of AWS's own example event; its digits say 2015-07-21 23:33:48 UTC.
    example, moment = "0055AED6DCD90281E5", datetime(2015, 7, 21, 23, 33, 48, tzinfo=UTC)
    assert stand_in_sequencer(moment, "v") < example < stand_in_sequencer(moment + timedelta(seconds=1), "v")
