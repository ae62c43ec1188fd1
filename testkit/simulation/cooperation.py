"""Replaces threads, sleeps and HTTP sessions of the code under test by tasks of the simulation.

The code under test is unchanged: only the names that its modules import are replaced, while `cooperative` is active.
"""

import collections
import logging
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import orchestrator.handler
import orchestrator.http_sender
import orchestrator.models
import orchestrator.pipeline
import orchestrator.policy_cache
import triptych.repair.invocation
import triptych.review.reviews
import triptych.storage.results
from testkit.simulation.scheduler import Outcome, Scheduler

_THREADED = (
    orchestrator.models,
    orchestrator.pipeline,
    orchestrator.policy_cache,
    triptych.repair.invocation,
    triptych.review.reviews,
    triptych.storage.results,
)
"""The modules that start threads."""

_WAITING = (orchestrator.models, triptych.repair.invocation)
"""The modules that call `concurrent.futures.wait`."""


class Current:
    """The scheduler of the history that runs, its HTTP session, and the worker of the task that runs."""

    scheduler: Scheduler
    session: Any
    worker: Callable[[], Any]


class CooperativeExecutor:
    """An executor that runs calls as tasks, with the interface of `ThreadPoolExecutor`."""

    def __init__(self, max_workers: int = 8, thread_name_prefix: str = "") -> None:  # noqa: ARG002 -- as for threads
        self._free = max_workers
        self._queue: collections.deque[Callable[[], object]] = collections.deque()
        self._outcomes: list[Outcome] = []

    def submit(self, call: Callable[..., Any], *arguments: Any) -> Outcome:
        """Run a call as soon as a worker is free."""
        scheduler = Current.scheduler
        task = scheduler.current
        assert task is not None, "only tasks submit calls"
        outcome = Outcome(scheduler)
        outcome.on_done = self._continue
        self._outcomes.append(outcome)
        self._queue.append(lambda: scheduler.spawn(lambda: call(*arguments), task.process, task.actor, outcome))
        self._start()
        return outcome

    def _continue(self) -> None:
        self._free += 1
        self._start()

    def _start(self) -> None:
        while self._free and self._queue:
            self._free -= 1
            self._queue.popleft()()

    def map(self, call: Callable[..., Any], *arguments: Iterable[Any]) -> Iterator[Any]:
        """Call a function for each item and yield the results in order."""
        outcomes = [self.submit(call, *each) for each in zip(*arguments, strict=False)]
        return (outcome.result() for outcome in outcomes)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait for all calls, unless `wait` is false."""
        if cancel_futures:
            self._queue.clear()
        if wait:
            wait_for(self._outcomes)

    def __enter__(self) -> "CooperativeExecutor":
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()


def wait_for(
    outcomes: Iterable[Outcome], timeout: float | None = None, return_when: str = "ALL_COMPLETED"
) -> tuple[set[Outcome], set[Outcome]]:
    """Wait as `concurrent.futures.wait` does. Return what is done and what is not."""
    scheduler = Current.scheduler
    deadline = math.inf if timeout is None else scheduler.now + timeout
    pending = set(outcomes)
    while True:
        done = {outcome for outcome in pending if outcome.done()}
        enough = bool(done) if return_when == "FIRST_COMPLETED" else len(done) == len(pending)
        if enough or scheduler.now >= deadline:
            return done, pending - done
        scheduler.wait(pending - done, None if timeout is None else deadline - scheduler.now)


def _current_session(_: str) -> Any:
    return Current.session


def _current_worker() -> Any:
    return Current.worker()


@contextmanager
def cooperative() -> Iterator[None]:
    """Run the code under test as cooperative tasks within the block."""
    with ExitStack() as stack:
        for module in _THREADED:
            stack.enter_context(patch.object(module, "ThreadPoolExecutor", CooperativeExecutor))
        for module in _WAITING:
            stack.enter_context(patch.object(module, "wait", wait_for))
        stack.enter_context(patch.object(orchestrator.http_sender, "http_connections", _current_session))
        stack.enter_context(patch.object(orchestrator.handler, "orchestrator", _current_worker))
        stack.enter_context(patch.object(orchestrator.handler, "count_unfinished", lambda _: None))
        stack.callback(logging.disable, logging.root.manager.disable)
        logging.disable(logging.CRITICAL)
        yield
