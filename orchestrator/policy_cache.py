"""The policy in force, cached by each process and refreshed in the background."""

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from records.policy import DEFAULT_POLICY, Policy

log = logging.getLogger(__name__)

SOON = timedelta(seconds=5)
"""Delay before a policy that could not be read is read again."""


class PolicyCache:
    """The newest policy, as one process knows it: asked for now and then, beside the work and never in its way.

    What cannot be read changes nothing: the last one that was known holds on.

    Args:
        read: asks the table for the newest.
        now: the time of day. (Of a frozen process a clock of its own would know nothing.)
        fresh: how long an answer holds: a promotion takes effect within this time.
    """

    def __init__(self, read: Callable[[], Policy], *, now: Callable[[], datetime], fresh: timedelta) -> None:
        self._read = read
        self._now = now
        self._fresh = fresh
        self._known = DEFAULT_POLICY
        self._ask_after = datetime.min.replace(tzinfo=UTC)
        self._asked: Future[None] | None = None
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="policy")

    def begin(self) -> None:
        """Have the policy read in the background, if it is time to."""
        if self._now() >= self._ask_after and (self._asked is None or self._asked.done()):
            self._asked = self._pool.submit(self._ask)

    def get(self, patience: float) -> Policy:
        """The newest policy known, after waiting at most `patience` seconds for a reading under way."""
        if self._asked:
            try:
                self._asked.result(max(0.0, patience))
            except TimeoutError:
                log.warning("the policy is slow to come: %s holds on", self._known.id)
        return self._known

    def _ask(self) -> None:
        try:
            self._known, hold = self._read(), self._fresh
        except Exception:  # whatever it is, documents go on being classified
            log.exception("the policy cannot be read: %s holds on", self._known.id)
            hold = SOON
        self._ask_after = self._now() + hold
