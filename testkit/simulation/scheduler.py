"""Virtual time and cooperative tasks.

Tasks are greenlets. A task runs until it waits: for a request, a timeout or another task. Then the task with the
earliest time continues, so that an interleaving of tasks follows from the durations of their requests alone, and each
run is reproducible.
"""

import heapq
import itertools
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from greenlet import GreenletExit, getcurrent, greenlet

START = datetime(2026, 3, 2, 12, 0, 0, tzinfo=UTC)
"""Wall-clock time at the start of each history."""


class Process:
    """A process: tasks that are killed and frozen together, and its clocks.

    Args:
        scheduler: The scheduler of its tasks.
        name: Name for messages.
        clock_error_s: Seconds by which its wall clock is fast.
    """

    def __init__(self, scheduler: "Scheduler", name: str, clock_error_s: float = 0.0) -> None:
        self.name = name
        self.alive = True
        self.tasks: set[Task] = set()
        self.deferred: list[tuple[Task, int]] = []
        self.on_kill: Callable[[], None] = lambda: None
        self._scheduler = scheduler
        self._clock_error_s = clock_error_s
        self._frozen_at: float | None = None
        self._frozen_s = 0.0
        scheduler.processes.append(self)

    @property
    def frozen(self) -> bool:
        """Whether no task of the process may run now, as between two invocations of a Lambda function."""
        return self._frozen_at is not None

    def freeze(self) -> None:
        """Stop all tasks and the monotonic clock."""
        self._frozen_at = self._scheduler.now

    def thaw(self) -> None:
        """Continue all tasks."""
        if self._frozen_at is not None:
            self._frozen_s += self._scheduler.now - self._frozen_at
            self._frozen_at = None
            for task, token in self.deferred:
                self._scheduler.wake(task, token)
            self.deferred.clear()

    def kill(self) -> None:
        """End the process at this moment, as SIGKILL does. A task may kill its own process."""
        self.alive = False
        self._scheduler.call_at(self._scheduler.now, self._end_tasks)
        if self._scheduler.current in self.tasks:
            raise GreenletExit

    def monotonic(self) -> float:
        """Return the process's monotonic clock, which pauses while the process is frozen."""
        return self._scheduler.now - self._frozen_s

    def now(self) -> datetime:
        """Return the process's wall clock."""
        return self._scheduler.wall_clock() + timedelta(seconds=self._clock_error_s)

    def _end_tasks(self) -> None:
        self._scheduler.end(self.tasks)
        self.on_kill()


class Task:
    """A call that runs cooperatively.

    Attributes:
        actor: Name of the invocation or command that the task belongs to. Tasks inherit it.
        process: The process that the task belongs to.
        body: The greenlet that runs the call.
        token: Number of the task's current wait. Wake-ups of earlier waits are ignored.
    """

    def __init__(self, actor: str, process: Process, body: greenlet) -> None:
        self.actor, self.process, self.body = actor, process, body
        self.token = 0


class Outcome:
    """The result of a task, with the interface of `concurrent.futures.Future` that the code under test uses."""

    def __init__(self, scheduler: "Scheduler") -> None:
        self._scheduler = scheduler
        self._finished = False
        self._result: Any = None
        self.error: BaseException | None = None
        self.waiting: list[tuple[Task, int]] = []
        self.on_done: Callable[[], None] = lambda: None

    def done(self) -> bool:
        """Return whether the call has ended."""
        return self._finished

    def cancel(self) -> bool:
        """Do nothing: calls that have been submitted run."""
        return False

    def result(self, timeout: float | None = None) -> Any:
        """Wait for the result.

        Raises:
            TimeoutError: The call did not end in time.
        """
        if not self._finished:
            self._scheduler.wait([self], timeout)
        if not self._finished:
            raise TimeoutError
        if self.error is not None:
            raise self.error
        return self._result

    def set(self, result: Any = None, error: BaseException | None = None) -> None:
        """Set the result, and wake the tasks that wait for it."""
        if self._finished:
            return
        self._finished, self._result, self.error = True, result, error
        for task, token in self.waiting:
            self._scheduler.wake(task, token)
        self.on_done()


class Scheduler:
    """Runs tasks in the order of virtual time.

    Attributes:
        now: Seconds since the start.
        current: The task that runs.
        processes: All processes that ever existed.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.current: Task | None = None
        self.processes: list[Process] = []
        self._hub = getcurrent()
        self._order = itertools.count()
        self._due: list[tuple[float, int, Task | Callable[[], object], int]] = []

    def wall_clock(self) -> datetime:
        """Return the true time."""
        return START + timedelta(seconds=self.now)

    def spawn(self, call: Callable[[], Any], process: Process, actor: str, outcome: Outcome | None = None) -> Outcome:
        """Start a task and return its outcome."""
        outcome = outcome or Outcome(self)

        def run() -> None:
            try:
                result = call()
            except GreenletExit:
                return  # the process was killed
            except Exception as error:  # noqa: BLE001 -- an outcome, as in a future
                outcome.set(error=error)
            else:
                outcome.set(result)
            finally:
                process.tasks.discard(task)

        task = Task(actor, process, greenlet(run, self._hub))
        process.tasks.add(task)
        self.wake(task, 0)
        return outcome

    def call_at(self, when: float, action: Callable[[], object]) -> None:
        """Call an action, which must not wait, at a time."""
        heapq.heappush(self._due, (when, next(self._order), action, 0))

    def wake(self, task: Task, token: int) -> None:
        """Continue a task as soon as possible, unless it has ended the wait with this token."""
        heapq.heappush(self._due, (self.now, next(self._order), task, token))

    def pause(self, seconds: float) -> None:
        """Let the current task wait."""
        task = self._start_waiting()
        heapq.heappush(self._due, (self.now + seconds, next(self._order), task, task.token))
        self._hub.switch()

    def wait(self, outcomes: Iterable[Outcome], timeout: float | None = None) -> None:
        """Let the current task wait until one of the outcomes is there, or until the timeout."""
        task = self._start_waiting()
        for outcome in outcomes:
            outcome.waiting.append((task, task.token))
        if timeout is not None:
            heapq.heappush(self._due, (self.now + timeout, next(self._order), task, task.token))
        self._hub.switch()

    def run(self, until: float) -> None:
        """Run all tasks and actions that are due at a time or before."""
        while self._due and self._due[0][0] <= until:
            self.now, _, what, token = heapq.heappop(self._due)
            if not isinstance(what, Task):
                what()
            elif what.process.frozen:
                what.process.deferred.append((what, token))
            elif token == what.token and what.process.alive and not what.body.dead:
                self.current = what
                what.body.switch()
                self.current = None
        self.now = max(self.now, until)

    def close(self) -> None:
        """End all tasks."""
        for process in self.processes:
            process.alive = False
            self.end(process.tasks)

    def end(self, tasks: Iterable[Task]) -> None:
        """End tasks at their current wait."""
        for task in list(tasks):
            self.current = task
            task.body.throw(GreenletExit)
        self.current = None

    def _start_waiting(self) -> Task:
        task = self.current
        if task is None:
            raise RuntimeError("only tasks can wait")
        if not task.process.alive:
            raise GreenletExit  # cleaning up must not do anything in a process that was killed
        task.token += 1
        return task
