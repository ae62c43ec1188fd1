"""Rates of documents as users write them."""

import math
import re

SECONDS_PER_MONTH = 730 * 3600
"""A twelfth of a year of 365 days, as in AWS's own examples."""

_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "mo": SECONDS_PER_MONTH, "month": SECONDS_PER_MONTH}
_MULTIPLIERS = {"": 1, "k": 1e3, "M": 1e6}

MAX_RATE = 100_000.0
"""Maximum rate in documents per second; the estimates are not meaningful above it."""


def per_second(text: str) -> float:
    """Return the documents per second that `0.33/s`, `20/min`, `1200/h`, `50k/d` or `2M/month` means.

    Raises:
        ValueError: The text is not a rate, or the rate is out of range.
    """
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?|\.[0-9]+)\s*([kM]?)\s*/\s*([a-z]+)", text.strip())
    if not match or match[3] not in _SECONDS:
        raise ValueError(
            f"invalid rate {text!r}: use documents per time, as in 0.33/s, 20/min, 1200/h, 50k/d or 2M/month"
        )
    rate = float(match[1]) * _MULTIPLIERS[match[2]] / _SECONDS[match[3]]
    if not 0 < rate <= MAX_RATE or not math.isfinite(rate):
        raise ValueError(f"invalid rate {text!r} ({rate:g}/s): it must be above 0 and at most {MAX_RATE:,.0f}/s")
    return rate


def format_rate(rate: float) -> str:
    """Format a rate so that `per_second` can read it: `0.33/s`, `1000/s`."""
    return f"{rate:.10g}/s" if rate >= 0.01 else f"{rate * 3600:.4g}/h"
