"""Threads that start the processes of a pool, so that no request waits for a start that others need as well."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

logger = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
"""After a failed start, how long to wait before the next."""


class StartThreads:
    """Threads that start processes, with a pause after a failed start. The pool's lock guards all methods.

    Args:
        start: Starts one process and calls `finish`. It runs in a thread.
        kind: What the processes are called, for logs and the names of threads.

    Attributes:
        failing_since: When the first of the failed starts failed, if the last one did; None otherwise.
    """

    def __init__(self, start: Callable[[], None], kind: str) -> None:
        self._start: Final = start
        self._kind: Final = kind
        self._running: Final[set[threading.Thread]] = set()
        self._failed_at = 0.0
        self.failing_since: float | None = None

    def __len__(self) -> int:
        """Return the number of starts in progress."""
        return len(self._running)

    @property
    def failed(self) -> bool:
        """Whether the last start failed."""
        return self.failing_since is not None

    @property
    def running(self) -> list[threading.Thread]:
        """The threads whose start is in progress."""
        return list(self._running)

    @property
    def pausing(self) -> bool:
        """Whether the last start has just failed, so that none is to be tried yet."""
        return self.failed and time.monotonic() < self._failed_at + RETRY_SECONDS

    def launch(self, count: int) -> None:
        """Start processes; fewer if the system has no more threads, which counts as a failed start."""
        for _ in range(count):
            thread = threading.Thread(target=self._start, name=f"{self._kind}-start", daemon=True)
            self._running.add(thread)
            try:
                thread.start()
            except RuntimeError:  # the system's limit of threads
                logger.exception("%s process not started", self._kind)
                self._finish(thread, succeeded=False)
                return

    def finish(self, *, succeeded: bool) -> None:
        """Note the result of a start. Called in its thread."""
        self._finish(threading.current_thread(), succeeded=succeeded)

    def _finish(self, thread: threading.Thread, *, succeeded: bool) -> None:
        self._running.discard(thread)
        if succeeded:
            self.failing_since = None
            return
        self._failed_at = time.monotonic()
        if self.failing_since is None:
            self.failing_since = self._failed_at
