"""Work that concurrent requests need alike, done by one of them.

    request for v1 ──► first: does the work ──► result ──► goes on
    request for v2 ──► waits for the result ──────┴──────► goes on
    request for v3 ──► as above

A result is kept only while a request for it is under way.
"""

import copy
import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Final, Generic, TypeVar

Result = TypeVar("Result")

# How often a waiting request calls its cancel check.
_CHECK_SECONDS: Final = 0.05
GRACE_SECONDS: Final = 0.25
"""How long a cancelled request waits for an outcome that is due at the same time."""


class _Work(Generic[Result]):
    """The state of one piece of work; guarded by the condition of its `SharedWork`."""

    def __init__(self) -> None:
        self.participants = 0
        self.is_done_by_someone = False
        self.failures = 0
        self.result: Result | None = None
        self.error: Exception | None = None

    @property
    def is_over(self) -> bool:
        return self.result is not None or self.error is not None


class Participant(Generic[Result]):
    """A request that takes part in a piece of work."""

    def __init__(self, work: _Work[Result], changed: threading.Condition) -> None:
        self._work: Final = work
        self._changed: Final = changed
        self.does_it = False
        """Whether this request must do the work."""
        self.has_waited = False
        """Whether this request has waited for another one that did the work."""

    @property
    def is_single(self) -> bool:
        """Whether no other request takes part at the moment."""
        return self._work.participants == 1

    def wait(self, check_cancelled: Callable[[], None], *, grace: bool = False) -> Result | None:
        """Wait for the result.

        Args:
            check_cancelled: Called several times a second; what it raises propagates.
            grace: Whether to wait for `GRACE_SECONDS` more once it raises, and then to prefer an outcome.

        Returns:
            The result; None if this request must do the work, and then call `publish` or `fail`.

        Raises:
            Exception: A copy of what another request passed to `fail`; a traceback belongs to one thread.
        """
        work = self._work
        with self._changed:
            while work.is_done_by_someone and not work.is_over:
                self.has_waited = True
                self._changed.wait(_CHECK_SECONDS)
                try:
                    check_cancelled()
                except Exception:
                    if not (grace and self._changed.wait_for(lambda: work.is_over, GRACE_SECONDS)):
                        raise
            if work.error is not None:
                raise copy.copy(work.error)
            if work.result is None:
                work.is_done_by_someone = self.does_it = True
            return work.result

    def publish(self, result: Result) -> None:
        """Give the result to all requests that take part."""
        with self._changed:
            self._work.result = result
            self._changed.notify_all()

    def fail(self, error: Exception, *, certain: bool = True) -> None:
        """Let the work fail for all requests that take part.

        Args:
            error: Why it failed.
            certain: Whether another request would fail as well. If not, one of them does the work again first.
        """
        with self._changed:
            self._work.failures += 1
            if certain or self._work.failures > 1:
                self._work.error = error
            self._changed.notify_all()


class SharedWork(Generic[Result]):
    """The work under way, by its key. Safe to use from several threads."""

    def __init__(self) -> None:
        self._works: Final[dict[Hashable, _Work[Result]]] = {}
        # Guards the works and is notified of their changes.
        self._changed: Final = threading.Condition()

    def __len__(self) -> int:
        """Return the number of pieces of work under way."""
        return len(self._works)

    @contextmanager
    def join(self, key: Hashable) -> Iterator[Participant[Result]]:
        """Take part in the work with a key until the end of the `with` statement."""
        hash(key)  # bytes keep their hash, which takes a while for a large document
        with self._changed:
            work = self._works.setdefault(key, _Work())
            work.participants += 1
        participant = Participant(work, self._changed)
        try:
            yield participant
        finally:
            self._leave(key, work, participant)

    def _leave(self, key: Hashable, work: _Work[Result], participant: Participant[Result]) -> None:
        """End a participation. Work that was begun and is not over passes to another request."""
        with self._changed:
            work.participants -= 1
            if not work.participants:
                del self._works[key]
                # Its traceback refers to this request, and with it to the document: a cycle that would keep both.
                work.error = None
            elif participant.does_it and not work.is_over:
                work.is_done_by_someone = False
                self._changed.notify_all()
