"""Protects: sort keys order like the events of S3, with or without an event, and audit numbers are uniform."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.uploads import SEQUENCER_WIDTH, audit_number, synthetic_sequencer
from tests.support.uploads import upload


def test_audit_number_is_stable_and_uniform() -> None:
    assert audit_number("documents/a.pdf", "00AA") == audit_number("documents/a.pdf", "00AA") == 0.45696286538379405
    numbers = [audit_number(f"documents/{n}.pdf", "00AA") for n in range(2000)]
    assert all(0 <= number < 1 for number in numbers)
    tenths = Counter(int(number * 10) for number in numbers)
    assert all(130 < tenths[n] < 270 for n in range(10))  # 200 each; five standard deviations are 67


hexadecimal = st.text("0123456789ABCDEF", min_size=1, max_size=SEQUENCER_WIDTH)


@given(hexadecimal, hexadecimal)
def test_sort_keys_order_as_s3_defines_for_sequencers(one: str, other: str) -> None:
    width = max(len(one), len(other))
    expected = one.ljust(width, "0") < other.ljust(width, "0")
    assert (upload(sequencer=one).sort_key < upload(sequencer=other).sort_key) == expected


def test_sequencer_is_case_insensitive() -> None:
    assert upload(sequencer="00ab").sort_key == upload(sequencer="00AB").sort_key


@given(st.datetimes(datetime(2010, 1, 1), datetime(2080, 1, 1)), st.text(min_size=1, max_size=40))
def test_synthetic_sequencer_is_stable_and_a_valid_sort_key(moment: datetime, identity: str) -> None:
    at = moment.replace(tzinfo=UTC)
    made = synthetic_sequencer(at, identity)
    assert made == synthetic_sequencer(at, identity) == upload(sequencer=made).sort_key
    assert made != synthetic_sequencer(at, identity + "x")
    assert made < synthetic_sequencer(at + timedelta(seconds=1), identity)


def test_synthetic_sequencer_sorts_among_the_sequencers_of_its_second() -> None:
    # The sequencer of AWS's own example event; its digits mean 2015-07-21 23:33:48 UTC.
    example, moment = "0055AED6DCD90281E5", datetime(2015, 7, 21, 23, 33, 48, tzinfo=UTC)
    assert synthetic_sequencer(moment, "v") < example < synthetic_sequencer(moment + timedelta(seconds=1), "v")


@pytest.mark.parametrize("version_id", ["null", "", None])
def test_null_version_is_not_a_version(version_id: str | None) -> None:
    assert upload(version_id=version_id).version_id is None


def test_upload_in_a_bucket_with_suspended_versions_is_the_same_for_event_and_backfill() -> None:
    """S3 reports the version `null` in one of them and no version in the other."""
    announced = upload(version_id="null", etag="same")
    found = upload(version_id=None, etag="same", sequencer="00BF", backfilled=True)
    assert announced.same_object(found)
    assert found.same_object(announced)
    assert not announced.same_object(upload(version_id="null", etag="other"))


@pytest.mark.parametrize(("size", "marker"), [(0, True), (1, False), (None, False)])
def test_only_an_object_known_to_be_empty_is_a_folder_marker(size: int | None, marker: bool) -> None:
    assert upload("folder/", size=size).is_document is not marker
