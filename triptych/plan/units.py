"""Rates as people write them."""

import math
import re

SECONDS_A_MONTH = 730 * 3600
"""A twelfth of a year of 365 days: the month by which AWS's own examples count."""

_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "mo": SECONDS_A_MONTH, "month": SECONDS_A_MONTH}
_THOUSANDS = {"": 1, "k": 1e3, "M": 1e6}

MOST = 100_000.0
"""Documents a second beyond which no statement here would be worth anything."""


def per_second(text: str) -> float:
    """Documents a second from `0.33/s`, `20/min`, `1200/h`, `50k/d`, `2M/month`.

    Raises:
        ValueError: says what is wrong, and what would be right.
    """
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?|\.[0-9]+)\s*([kM]?)\s*/\s*([a-z]+)", text.strip())
    if not found or found[3] not in _SECONDS:
        raise ValueError(
            f"{text!r} is no rate: give documents and time, as in 0.33/s, 20/min, 1200/h, 50k/d or 2M/month"
        )
    rate = float(found[1]) * _THOUSANDS[found[2]] / _SECONDS[found[3]]
    if not 0 < rate <= MOST or not math.isfinite(rate):
        raise ValueError(f"{text!r} is {rate:g} documents a second: plan knows rates above 0, up to {MOST:,.0f}/s")
    return rate


def rate_text(rate: float) -> str:
    """A rate as `per_second` reads it: `0.33/s`, `1,000/s` without the comma."""
    return f"{rate:.10g}/s" if rate >= 0.01 else f"{rate * 3600:.4g}/h"
