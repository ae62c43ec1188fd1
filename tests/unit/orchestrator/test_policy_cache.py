"""Protects: the newest policy reaches documents soon, and reading it never delays or stops one."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from orchestrator.policy_cache import RETRY_AFTER, PolicyCache
from records.errors import RecordsUnavailable
from records.policy import DEFAULT_POLICY, Policy
from tests.support.uploads import NOON, policy

TIMEOUT_S = 5.0
MINUTE = timedelta(minutes=1)


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


def cache(read: Callable[[], Policy], clock: Clock) -> PolicyCache:
    return PolicyCache(read, now=clock, max_age=MINUTE)


def test_policy_is_read_once_per_max_age() -> None:
    clock, reads = Clock(), []

    def read() -> Policy:
        reads.append(clock.now)
        return policy(len(reads))

    current = cache(read, clock)
    seen = []
    for seconds in (0, 30, 59, 60, 90):
        clock.now = NOON + timedelta(seconds=seconds)
        current.refresh()
        seen.append(current.get(TIMEOUT_S).id)
    assert seen == ["p1", "p1", "p1", "p2", "p2"]


def test_policy_is_read_again_after_the_clock_was_set_back() -> None:
    """Otherwise a promotion would take effect as much later as the clock was fast."""
    clock, policies = Clock(), [policy(1), policy(2)]
    current = cache(lambda: policies.pop(0), clock)
    seen = []
    for hours in (1, 0):
        clock.now = NOON + timedelta(hours=hours)
        current.refresh()
        seen.append(current.get(TIMEOUT_S).id)
    assert seen == ["p1", "p2"]


def test_slow_read_delays_no_document_and_is_used_by_the_next() -> None:
    answer = threading.Event()

    def read() -> Policy:
        answer.wait(TIMEOUT_S)
        return policy(1)

    current = cache(read, Clock())
    current.refresh()
    assert current.get(0.0) == DEFAULT_POLICY
    answer.set()
    assert current.get(TIMEOUT_S) == policy(1)


def test_get_without_time_left_returns_the_known_policy() -> None:
    current = cache(lambda: policy(1), Clock())
    assert current.get(-1.0) == DEFAULT_POLICY


@pytest.mark.parametrize("failure", [RecordsUnavailable("throttled"), RuntimeError("whatever")])
def test_failed_read_keeps_the_known_policy_and_is_retried_soon(failure: Exception) -> None:
    clock = Clock()
    answers: list[Policy | Exception] = [policy(1), failure, policy(2)]

    def read() -> Policy:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    current = cache(read, clock)
    seen = []
    for passed in (timedelta(0), MINUTE, MINUTE, MINUTE + RETRY_AFTER):
        clock.now = NOON + passed
        current.refresh()
        seen.append(current.get(TIMEOUT_S).id)
    assert seen == ["p1", "p1", "p1", "p2"]
