"""Waiting for a condition."""

import time
from collections.abc import Callable


def wait_until(
    condition: Callable[[], bool], seconds: float = 30, *, interval: float = 0.01, reason: str = "the condition"
) -> None:
    """Wait until a condition holds.

    Args:
        condition: Is checked every `interval` seconds.
        seconds: Maximum time to wait.
        interval: Seconds between two checks.
        reason: What is waited for, for the error message.

    Raises:
        AssertionError: The condition did not hold in time.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{reason}: not within {seconds:g} s"
        time.sleep(interval)
