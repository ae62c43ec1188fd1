"""Protects: tasks run in the order of virtual time, and die and freeze with their process."""

from collections.abc import Callable
from typing import Any

import pytest

from testkit.simulation.cooperation import CooperativeExecutor, Current, wait_for
from testkit.simulation.scheduler import Process, Scheduler


@pytest.fixture
def scheduler(monkeypatch: pytest.MonkeyPatch) -> Scheduler:
    scheduler = Scheduler()
    monkeypatch.setattr(Current, "scheduler", scheduler, raising=False)
    return scheduler


def in_task(scheduler: Scheduler, call: Callable[[], Any], until: float = 100.0) -> Any:
    outcome = scheduler.spawn(call, Process(scheduler, "main"), "main")
    scheduler.run(until)
    return outcome.result()


def test_tasks_interleave_in_order_of_time(scheduler: Scheduler) -> None:
    seen: list[str] = []

    def steps(name: str, seconds: float) -> None:
        for step in range(2):
            scheduler.pause(seconds)
            seen.append(f"{name}{step}")

    process = Process(scheduler, "main")
    scheduler.spawn(lambda: steps("a", 2.0), process, "a")
    scheduler.spawn(lambda: steps("b", 1.5), process, "b")
    scheduler.run(10)
    assert seen == ["b0", "a0", "b1", "a1"]


def test_result_that_is_late_raises_a_timeout_at_the_right_time(scheduler: Scheduler) -> None:
    def call() -> float:
        pool = CooperativeExecutor()
        with pytest.raises(TimeoutError):
            pool.submit(scheduler.pause, 5.0).result(2.0)
        return scheduler.now

    assert in_task(scheduler, call) == 2.0


def test_executor_limits_calls_at_a_time_and_returns_errors(scheduler: Scheduler) -> None:
    def call() -> float:
        with CooperativeExecutor(max_workers=2) as pool:
            for _ in range(4):
                pool.submit(scheduler.pause, 1.0)
            failing = pool.submit(int, "x")
        with pytest.raises(ValueError, match="invalid literal"):
            failing.result()
        return scheduler.now

    assert in_task(scheduler, call) == 2.0


def test_wait_returns_what_is_done_at_the_timeout(scheduler: Scheduler) -> None:
    def call() -> tuple[int, int]:
        pool = CooperativeExecutor()
        calls = [pool.submit(scheduler.pause, seconds) for seconds in (1.0, 2.0, 9.0)]
        done, pending = wait_for(calls, 3.0)
        return len(done), len(pending)

    assert in_task(scheduler, call) == (2, 1)


def test_killed_process_does_nothing_more_not_even_cleaning_up(scheduler: Scheduler) -> None:
    seen: list[str] = []
    process = Process(scheduler, "worker")

    def call() -> None:
        try:
            scheduler.pause(5.0)
            seen.append("continued")
        finally:
            scheduler.pause(0.0)
            seen.append("cleaned up")

    outcome = scheduler.spawn(call, process, "worker")
    scheduler.call_at(1.0, process.kill)
    scheduler.run(10)
    assert seen == []
    assert not outcome.done()


def test_frozen_process_continues_later_and_its_clock_pauses(scheduler: Scheduler) -> None:
    process = Process(scheduler, "worker", clock_error_s=3.0)
    times: list[tuple[float, float]] = []

    def call() -> None:
        scheduler.pause(2.0)
        times.append((scheduler.now, process.monotonic()))

    scheduler.spawn(call, process, "worker")
    scheduler.call_at(1.0, process.freeze)
    scheduler.call_at(11.0, process.thaw)
    scheduler.run(20)
    assert times == [(11.0, 1.0)]
    assert (process.now() - scheduler.wall_clock()).total_seconds() == 3.0
