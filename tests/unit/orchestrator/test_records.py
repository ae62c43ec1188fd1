"""Protects: a record survives the table unchanged, and its keys and index keys are what queries rely on."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.records import (
    SEQUENCER_WIDTH,
    SHARDS,
    Outcome,
    Reason,
    Record,
    Status,
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
