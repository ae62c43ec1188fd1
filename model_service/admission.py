"""Admission control: a bounded number of requests in flight, each with a thread.

    request ──► limit reached? ──► 429 at once
                  │
              admitted ──► body is read ──► waits for a decoder ──► stages of work ──► slot is released
                               │                   │                      │
                               └── deadline exceeded or client gone ──────┴──► cancelled before the next stage

A request keeps its slot until its work has ended, even if its client already has a response: cancelled work occupies a
thread until its next cancel check, and must count.
"""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, Self, TypeVar

from model_service.errors import DeadlineExceededError, OverloadedError

T = TypeVar("T")


class ClientDisconnectedError(Exception):
    """The client closed the connection before it got a response."""


class AdmittedRequest:
    """A request that holds a slot, as an async context manager.

    Args:
        timeout_ms: Time from now to the deadline.
        release: Releases the slot; called once, in the event loop.
    """

    def __init__(self, timeout_ms: int, release: Callable[["AdmittedRequest"], None]) -> None:
        self.arrived: Final = time.perf_counter()
        self.timeout_ms: Final = timeout_ms
        self._cancelled = threading.Event()
        self._release = release
        self._submitted = False

    @property
    def seconds_left(self) -> float:
        """Seconds until the deadline; negative after it."""
        return self.arrived + self.timeout_ms / 1000 - time.perf_counter()

    def check_cancelled(self, reserve: float = 0.0) -> None:
        """Return if the work is still wanted. Called by the working thread between stages.

        Args:
            reserve: Seconds before the deadline at which the work is cancelled.

        Raises:
            DeadlineExceededError: If the deadline has passed, or the reserve begins.
            ClientDisconnectedError: If the request was cancelled.
        """
        if self.seconds_left <= reserve:
            raise self.deadline_error()
        if self._cancelled.is_set():
            raise ClientDisconnectedError

    def deadline_error(self) -> DeadlineExceededError:
        """Return the error for a deadline that has passed."""
        return DeadlineExceededError(f"No response within {self.timeout_ms} ms.")

    def cancel(self) -> None:
        """Stop the work at its next cancel check."""
        self._cancelled.set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if not self._submitted:
            self._release(self)

    async def run(
        self, pool: ThreadPoolExecutor, work: Callable[[], T], wait_for_disconnect: Callable[[], Awaitable[None]]
    ) -> T:
        """Run the work in a thread until it ends, the deadline passes or the client disconnects.

        Args:
            pool: The threads.
            work: Calls `check_cancelled` between its stages.
            wait_for_disconnect: Returns when the client has disconnected.

        Raises:
            DeadlineExceededError: If the deadline passes first.
            ClientDisconnectedError: If the client disconnects first.
        """
        loop = asyncio.get_running_loop()

        def checked_work() -> T:
            self.check_cancelled()
            return work()

        future: Future[T] = pool.submit(checked_work)
        self._submitted = True
        # Called in the thread that ends or cancels the work; slots belong to the event loop.
        future.add_done_callback(lambda _: _call_in_loop(loop, lambda: self._release(self)))
        result: asyncio.Future[Any] = asyncio.wrap_future(future)
        disconnect: asyncio.Future[Any] = asyncio.ensure_future(wait_for_disconnect())
        try:
            await asyncio.wait({result, disconnect}, timeout=self.seconds_left, return_when=asyncio.FIRST_COMPLETED)
            if result.done():
                outcome: T = result.result()
                return outcome
            raise ClientDisconnectedError if disconnect.done() else self.deadline_error()
        finally:
            self.cancel()
            disconnect.cancel()
            result.cancel()


def _call_in_loop(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(callback)


class Admission:
    """Slots for requests in flight, and the threads that process them. Belongs to one event loop.

    Args:
        slots: Maximum number of requests in flight, running and waiting.
        threads: Maximum number of requests being processed or waiting for a decoder.
        max_timeout_ms: The longest time to a deadline.
    """

    def __init__(self, *, slots: int, threads: int, max_timeout_ms: int) -> None:
        self.slots: Final = slots
        self.pool: Final = ThreadPoolExecutor(threads, thread_name_prefix="predict")
        self._max_timeout_ms: Final = max_timeout_ms
        self._admitted: Final[set[AdmittedRequest]] = set()

    @property
    def in_flight(self) -> int:
        """Number of requests that hold a slot."""
        return len(self._admitted)

    def admit(self, timeout_ms: int | None = None) -> AdmittedRequest:
        """Take a slot for a request; use the result with `async with`.

        Args:
            timeout_ms: How long the client waits; `max_timeout_ms` by default and at most.

        Raises:
            OverloadedError: If no slot is free.
        """
        if self.in_flight >= self.slots:
            raise OverloadedError(f"{self.slots} requests are in flight, which is the limit.", retry_after=1)
        request = AdmittedRequest(min(timeout_ms or self._max_timeout_ms, self._max_timeout_ms), self._admitted.discard)
        self._admitted.add(request)
        return request

    def close(self) -> None:
        """Cancel all requests, and wait until the threads have reached their next cancel check."""
        for request in list(self._admitted):
            request.cancel()
        self.pool.shutdown(wait=True, cancel_futures=True)
