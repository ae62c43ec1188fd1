"""Protects: rates are parsed as written, and invalid ones are rejected with examples."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.plan.rates import MAX_RATE, format_rate, per_second


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("0.33/s", 0.33),
        (" 20/min ", 20 / 60),
        ("20/m", 20 / 60),
        ("1200/h", 1 / 3),
        ("50k/d", 50_000 / 86_400),
        ("2M/month", 2_000_000 / 2_628_000),
        ("2M / mo", 2_000_000 / 2_628_000),
        (".5/s", 0.5),
    ],
)
def test_common_notations_are_parsed(text: str, rate: float) -> None:
    assert per_second(text) == pytest.approx(rate)


@pytest.mark.parametrize(
    "text", ["", "fast", "3", "3/", "/s", "3/y", "-1/s", "1e3/s", "1,000/s", "3 MB/s", "nan/s", "٣/s"]
)
def test_invalid_rates_are_rejected_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match="20/min"):
        per_second(text)


@pytest.mark.parametrize("text", ["0/s", "0.0/h", "1M/s", "100001/s"])
def test_rates_out_of_range_are_rejected_with_the_bounds(text: str) -> None:
    with pytest.raises(ValueError, match="100,000/s"):
        per_second(text)


@given(st.floats(min_value=1e-5, max_value=MAX_RATE))
def test_a_formatted_rate_can_be_parsed(rate: float) -> None:
    assert math.isclose(per_second(format_rate(rate)), rate, rel_tol=1e-3)
