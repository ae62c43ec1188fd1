"""Protects: index keys are stable and evenly spread, times sort as text, numbers are stored exactly."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.keys import SHARDS, shard_of, timestamp
from tests.support.uploads import NOON, prediction, record


def test_numbers_are_decimals_without_binary_noise() -> None:
    item = record({"v1": prediction(confidence=0.1 + 0.2)}).to_item()
    assert item["predictions"]["v1"]["confidence"] == Decimal("0.3")
    assert item["latency_ms"] == Decimal("40.0")


def test_number_that_is_not_finite_is_refused() -> None:
    with pytest.raises(ValueError, match="nan"):
        record({"v1": prediction()}, latency_ms=float("nan")).to_item()


@given(st.text(max_size=40))
def test_shard_of_a_document_is_valid_and_stable(name: str) -> None:
    assert shard_of(name) == shard_of(name)
    assert 0 <= shard_of(name) < SHARDS


def test_documents_are_spread_over_all_shards() -> None:
    assert {shard_of(f"documents/scan-{number}.pdf") for number in range(200)} == set(range(SHARDS))


@given(st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)), st.timedeltas(timedelta(0), timedelta(days=400)))
def test_timestamps_sort_like_the_times_they_represent(moment: datetime, later: timedelta) -> None:
    first = moment.replace(tzinfo=UTC)
    assert timestamp(first) <= timestamp(first + later)
    assert timestamp(first).endswith("Z")


def test_timestamp_is_utc_for_any_time_zone() -> None:
    berlin = NOON.astimezone(timezone(timedelta(hours=1)))
    assert timestamp(berlin) == "2026-11-22T12:00:00.000Z"
