"""Protects: an upload's keys order as S3 orders its events, announced or found, and its draw is fair."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from records.uploads import SEQUENCER_WIDTH, audit_number, synthetic_sequencer
from tests.support.uploads import upload


def test_the_draw_is_the_same_everywhere_and_as_good_as_random() -> None:
    assert audit_number("documents/a.pdf", "00AA") == audit_number("documents/a.pdf", "00AA") == 0.45696286538379405
    drawn = [audit_number(f"documents/{n}.pdf", "00AA") for n in range(2000)]
    assert all(0 <= number < 1 for number in drawn)
    tenths = Counter(int(number * 10) for number in drawn)
    assert all(130 < tenths[n] < 270 for n in range(10))  # 200 each; five standard deviations are 67


hexadecimal = st.text("0123456789ABCDEF", min_size=1, max_size=SEQUENCER_WIDTH)


@given(hexadecimal, hexadecimal)
def test_sort_keys_order_as_s3_says_that_sequencers_do(one: str, other: str) -> None:
    width = max(len(one), len(other))
    expected = one.ljust(width, "0") < other.ljust(width, "0")
    assert (upload(sequencer=one).sort_key < upload(sequencer=other).sort_key) == expected


def test_a_sequencer_in_small_letters_is_the_same_one() -> None:
    assert upload(sequencer="00ab").sort_key == upload(sequencer="00AB").sort_key


@given(st.datetimes(datetime(2010, 1, 1), datetime(2080, 1, 1)), st.text(min_size=1, max_size=40))
def test_a_stand_in_sequencer_is_always_the_same_and_fits_the_key(moment: datetime, identity: str) -> None:
    at = moment.replace(tzinfo=UTC)
    made = synthetic_sequencer(at, identity)
    assert made == synthetic_sequencer(at, identity) == upload(sequencer=made).sort_key
    assert made != synthetic_sequencer(at, identity + "x")
    assert made < synthetic_sequencer(at + timedelta(seconds=1), identity)


def test_a_stand_in_sorts_among_the_sequencers_of_its_time() -> None:
    # The sequencer of AWS's own example event; its digits say 2015-07-21 23:33:48 UTC.
    example, moment = "0055AED6DCD90281E5", datetime(2015, 7, 21, 23, 33, 48, tzinfo=UTC)
    assert synthetic_sequencer(moment, "v") < example < synthetic_sequencer(moment + timedelta(seconds=1), "v")
