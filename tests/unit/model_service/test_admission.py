"""A bounded queue: who is let in, when a place is free again, and what is never done."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from model_service.admission import Admission, CallerGoneError
from model_service.errors import DeadlineExceededError, OverloadedError


@pytest.fixture
def admission() -> Iterator[Admission]:
    made = Admission(slots=2, threads=1, max_timeout_ms=30_000)
    yield made
    made.close()


async def never() -> None:
    await asyncio.Event().wait()


async def at_once() -> None:
    return


async def settled(admission: Admission, in_flight: int) -> None:
    """Wait until so many are in flight; pytest's own time limit ends a wait in vain."""
    while admission.in_flight != in_flight:  # noqa: ASYNC110 -- admission signals no event
        await asyncio.sleep(0.005)


def test_work_is_done_and_its_place_is_free_again(admission: Admission) -> None:
    async def scenario() -> str:
        async with admission.admit() as ticket:
            assert admission.in_flight == 1
            answer = await ticket.run(admission.pool, lambda: "done", never)
        await settled(admission, 0)
        return answer

    assert asyncio.run(scenario()) == "done"


def test_beyond_the_last_place_a_caller_is_refused_at_once(admission: Admission) -> None:
    async def scenario() -> None:
        async with admission.admit(), admission.admit():
            with pytest.raises(OverloadedError) as refusal:
                admission.admit()
            assert refusal.value.retry_after >= 1
        async with admission.admit():
            assert admission.in_flight == 1

    asyncio.run(scenario())


def test_a_request_that_fails_before_its_work_gives_its_place_back(admission: Admission) -> None:
    async def scenario() -> None:
        with pytest.raises(ValueError, match="bad body"):
            async with admission.admit():
                raise ValueError("bad body")
        assert admission.in_flight == 0

    asyncio.run(scenario())


def test_an_error_in_the_work_reaches_the_caller(admission: Admission) -> None:
    def fail() -> None:
        raise ValueError("no page")

    async def scenario() -> None:
        async with admission.admit() as ticket:
            with pytest.raises(ValueError, match="no page"):
                await ticket.run(admission.pool, fail, never)
        await settled(admission, 0)

    asyncio.run(scenario())


def test_waiting_work_is_dropped_when_its_deadline_passes(admission: Admission) -> None:
    release, done = threading.Event(), []

    async def scenario() -> None:
        async with admission.admit() as first, admission.admit(timeout_ms=30) as second:
            busy = asyncio.create_task(first.run(admission.pool, lambda: release.wait(20), never))
            await asyncio.sleep(0)
            with pytest.raises(DeadlineExceededError, match="30 ms"):
                await second.run(admission.pool, lambda: done.append("late work"), never)
            await settled(admission, 1)
            release.set()
            await busy
        await settled(admission, 0)

    asyncio.run(scenario())
    admission.close()
    assert done == []


def test_running_work_holds_its_place_until_it_really_ends(admission: Admission) -> None:
    started, release = threading.Event(), threading.Event()
    seen: list[type[BaseException]] = []

    async def scenario() -> None:
        async with admission.admit() as ticket:

            def work() -> None:
                started.set()
                release.wait(20)
                try:
                    ticket.check()
                except CallerGoneError as gone:
                    seen.append(type(gone))
                    raise

            async def gone() -> None:
                await asyncio.to_thread(started.wait)

            with pytest.raises(CallerGoneError):
                await ticket.run(admission.pool, work, gone)
        assert admission.in_flight == 1, "its thread is still busy"
        release.set()
        await settled(admission, 0)

    asyncio.run(scenario())
    assert seen == [CallerGoneError]


def test_a_caller_that_has_gone_is_not_served(admission: Admission) -> None:
    done: list[str] = []
    release = threading.Event()

    async def scenario() -> None:
        async with admission.admit() as first, admission.admit() as second:
            busy = asyncio.create_task(first.run(admission.pool, lambda: release.wait(20), never))
            await asyncio.sleep(0)
            with pytest.raises(CallerGoneError):
                await second.run(admission.pool, lambda: done.append("for nobody"), at_once)
            release.set()
            await busy
        await settled(admission, 0)

    asyncio.run(scenario())
    admission.close()
    assert done == []


def test_nobody_may_wait_longer_than_the_longest_deadline(admission: Admission) -> None:
    async def scenario() -> None:
        async with admission.admit(timeout_ms=10**9) as ticket:
            assert ticket.timeout_ms == 30_000
        async with admission.admit(timeout_ms=5) as ticket:
            assert ticket.timeout_ms == 5

    asyncio.run(scenario())
