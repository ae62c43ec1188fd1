"""Who is let in, and for how long: a bounded queue before a bounded pool of threads.

    arrives ──► full? ──► 503 at once
                  │
                slot ──► body is read ──► waits for a thread ──► works, stage by stage ──► slot is free
                             │                   │                         │
                             └── deadline over, or the caller is gone ─────┴──► dropped before the next stage

A slot is held until its work has really ended, not until its caller has been answered: work that nobody
waits for still takes its thread to the next check_cancelled, and must count.
"""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, Self, TypeVar

from model_service.errors import DeadlineExceededError, OverloadedError

T = TypeVar("T")


class CallerGoneError(Exception):
    """The connection was closed: there is nobody left to answer."""


class Ticket:
    """One admitted request: its deadline, and whether anybody still waits for it."""

    def __init__(self, timeout_ms: int, release: Callable[[], None]) -> None:
        self.arrived: Final = time.perf_counter()
        self.timeout_ms: Final = timeout_ms
        self._abandoned = threading.Event()
        self._release = release
        self._working = False

    @property
    def seconds_left(self) -> float:
        """Until the deadline; negative when it is over."""
        return self.arrived + self.timeout_ms / 1000 - time.perf_counter()

    def check(self) -> None:
        """Between stages, in the working thread: go on only while somebody waits.

        Raises:
            DeadlineExceededError: If the deadline is over.
            CallerGoneError: If the caller hung up.
        """
        if self.seconds_left <= 0:
            raise self.too_late()
        if self._abandoned.is_set():
            raise CallerGoneError

    def too_late(self) -> DeadlineExceededError:
        """The error for a deadline that is over."""
        return DeadlineExceededError(f"No answer within {self.timeout_ms} ms.")

    def abandon(self) -> None:
        """Let the work stop at its next check_cancelled."""
        self._abandoned.set()

    def _ended(self, _: object) -> None:
        self._release()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if not self._working:
            self._release()

    async def run(self, pool: ThreadPoolExecutor, work: Callable[[], T], gone: Callable[[], Awaitable[None]]) -> T:
        """Do the work in the pool, while the deadline holds and the caller listens.

        Args:
            pool: Where CPU work is done.
            work: Should call `check` between its stages.
            gone: Returns when the caller has hung up.

        Raises:
            DeadlineExceededError: If the deadline passes first.
            CallerGoneError: If the caller hangs up first.
        """
        loop = asyncio.get_running_loop()

        def guarded() -> T:
            self.check()
            return work()

        job: Future[T] = pool.submit(guarded)
        self._working = True
        # Called from the thread that ends or cancels the job; the slots belong to the event loop.
        job.add_done_callback(lambda done: _call_soon(loop, self._ended, done))
        result: asyncio.Future[Any] = asyncio.wrap_future(job)
        hang_up: asyncio.Future[Any] = asyncio.ensure_future(gone())
        try:
            await asyncio.wait({result, hang_up}, timeout=self.seconds_left, return_when=asyncio.FIRST_COMPLETED)
            if result.done():
                outcome: T = result.result()
                return outcome
            raise CallerGoneError if hang_up.done() else self.too_late()
        finally:
            self.abandon()
            hang_up.cancel()
            result.cancel()


def _call_soon(loop: asyncio.AbstractEventLoop, callback: Callable[[object], None], argument: object) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(callback, argument)


class Admission:
    """Slots for requests in flight, and the threads that serve them. Belongs to one event loop.

    Args:
        slots: Requests accepted at a time, running and waiting.
        threads: Requests worked on at a time.
        max_timeout_ms: The longest deadline.
    """

    def __init__(self, *, slots: int, threads: int, max_timeout_ms: int) -> None:
        self.slots: Final = slots
        self.in_flight = 0
        self._max_timeout_ms: Final = max_timeout_ms
        self.pool: Final = ThreadPoolExecutor(threads, thread_name_prefix="predict")

    def admit(self, timeout_ms: int | None = None) -> Ticket:
        """Take a slot; hold it with `async with`.

        Args:
            timeout_ms: How long the caller waits; at most, and by default, `max_timeout_ms`.

        Raises:
            OverloadedError: If every slot is taken.
        """
        if self.in_flight >= self.slots:
            raise OverloadedError(f"All {self.slots} places are taken.", retry_after=1)
        self.in_flight += 1
        return Ticket(min(timeout_ms or self._max_timeout_ms, self._max_timeout_ms), self._free)

    def _free(self) -> None:
        self.in_flight -= 1

    def close(self) -> None:
        """Drop what has not begun, wait for what has."""
        self.pool.shutdown(wait=True, cancel_futures=True)
