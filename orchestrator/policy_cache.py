"""The policy in force, cached by each process and refreshed in the background."""

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from records.policy import DEFAULT_POLICY, Policy

logger = logging.getLogger(__name__)

RETRY_AFTER = timedelta(seconds=5)
"""Delay before a policy that could not be read is read again."""


class PolicyCache:
    """The newest policy that this process has read. If a read fails, the cached policy stays in use.

    Args:
        read: Reads the newest policy from the table.
        now: Current time with a time zone. Wall-clock time, because a frozen Lambda process pauses monotonic clocks.
        max_age: Age from which the policy is read again. A promotion takes effect within this time.
    """

    def __init__(self, read: Callable[[], Policy], *, now: Callable[[], datetime], max_age: timedelta) -> None:
        self._read = read
        self._now = now
        self._max_age = max_age
        self._policy = DEFAULT_POLICY
        self._last_read = self._next_read = datetime.min.replace(tzinfo=UTC)
        self._pending: Future[None] | None = None
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="policy")

    def refresh(self) -> None:
        """Start reading the policy in the background if the cached one is too old, or if the clock was set back."""
        fresh = self._last_read <= self._now() < self._next_read
        if not fresh and (self._pending is None or self._pending.done()):
            self._pending = self._pool.submit(self._update)

    def get(self, timeout: float) -> Policy:
        """Return the newest policy known, after waiting at most `timeout` seconds for a read in progress."""
        if self._pending:
            try:
                self._pending.result(max(0.0, timeout))
            except TimeoutError:
                logger.warning("reading the policy takes long: continuing with %s", self._policy.id)
        return self._policy

    def _update(self) -> None:
        try:
            self._policy, delay = self._read(), self._max_age
        except Exception:  # no failure to read the policy may stop classification
            logger.exception("the policy cannot be read: continuing with %s", self._policy.id)
            delay = RETRY_AFTER
        self._last_read = self._now()
        self._next_read = self._last_read + delay
