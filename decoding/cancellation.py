"""Cooperative cancellation of long work."""

from collections.abc import Callable

CancelCheck = Callable[[], None]
"""A callback between steps of work. It raises to cancel the work; the exception propagates to the caller."""


def never_cancel() -> None:
    """Return without raising: the cancel check of work that always runs to its end."""
