"""Protects: requests in flight are bounded, and cancelled work keeps its slot until it has ended."""

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest

from model_service.admission import Admission, ClientDisconnectedError
from model_service.errors import DeadlineExceededError, OverloadedError


@pytest.fixture
def admission() -> Iterator[Admission]:
    admission = Admission(slots=2, threads=1, max_timeout_ms=30_000)
    yield admission
    admission.close()


async def stay_connected() -> None:
    await asyncio.Event().wait()


async def disconnect() -> None:
    return


async def wait_for_in_flight(admission: Admission, count: int) -> None:
    """Wait until this many requests are in flight; bounded by pytest's time limit."""
    while admission.in_flight != count:  # noqa: ASYNC110 (the product has no event for it)  # noqa: ASYNC110 -- admission signals no event
        await asyncio.sleep(0.005)


def test_completed_work_releases_its_slot(admission: Admission) -> None:
    async def scenario() -> str:
        async with admission.admit() as request:
            assert admission.in_flight == 1
            answer = await request.run(admission.pool, lambda: "done", stay_connected)
        await wait_for_in_flight(admission, 0)
        return answer

    assert asyncio.run(scenario()) == "done"


def test_a_request_without_a_free_slot_is_rejected_at_once(admission: Admission) -> None:
    async def scenario() -> None:
        async with admission.admit(), admission.admit():
            with pytest.raises(OverloadedError) as caught:
                admission.admit()
            assert caught.value.retry_after >= 1
        async with admission.admit():
            assert admission.in_flight == 1

    asyncio.run(scenario())


def test_a_request_that_fails_before_its_work_releases_its_slot(admission: Admission) -> None:
    async def scenario() -> None:
        with pytest.raises(ValueError, match="bad body"):
            async with admission.admit():
                raise ValueError("bad body")
        assert admission.in_flight == 0

    asyncio.run(scenario())


def test_an_error_in_the_work_propagates(admission: Admission) -> None:
    def fail() -> None:
        raise ValueError("no page")

    async def scenario() -> None:
        async with admission.admit() as request:
            with pytest.raises(ValueError, match="no page"):
                await request.run(admission.pool, fail, stay_connected)
        await wait_for_in_flight(admission, 0)

    asyncio.run(scenario())


def test_waiting_work_is_cancelled_when_its_deadline_passes(admission: Admission) -> None:
    release, done = threading.Event(), []

    async def scenario() -> None:
        async with admission.admit() as first, admission.admit(timeout_ms=30) as second:
            busy = asyncio.create_task(first.run(admission.pool, lambda: release.wait(20), stay_connected))
            await asyncio.sleep(0)
            with pytest.raises(DeadlineExceededError, match="30 ms"):
                await second.run(admission.pool, lambda: done.append("late work"), stay_connected)
            await wait_for_in_flight(admission, 1)
            release.set()
            await busy
        await wait_for_in_flight(admission, 0)

    asyncio.run(scenario())
    admission.close()
    assert done == []


def test_cancelled_work_keeps_its_slot_until_it_has_ended(admission: Admission) -> None:
    started, release = threading.Event(), threading.Event()
    seen: list[type[BaseException]] = []

    async def scenario() -> None:
        async with admission.admit() as request:

            def work() -> None:
                started.set()
                release.wait(20)
                try:
                    request.check_cancelled()
                except ClientDisconnectedError as error:
                    seen.append(type(error))
                    raise

            async def disconnect_after_start() -> None:
                await asyncio.to_thread(started.wait)

            with pytest.raises(ClientDisconnectedError):
                await request.run(admission.pool, work, disconnect_after_start)
        assert admission.in_flight == 1, "the thread is still busy"
        release.set()
        await wait_for_in_flight(admission, 0)

    asyncio.run(scenario())
    assert seen == [ClientDisconnectedError]


def test_waiting_work_is_cancelled_when_the_client_disconnects(admission: Admission) -> None:
    done: list[str] = []
    release = threading.Event()

    async def scenario() -> None:
        async with admission.admit() as first, admission.admit() as second:
            busy = asyncio.create_task(first.run(admission.pool, lambda: release.wait(20), stay_connected))
            await asyncio.sleep(0)
            with pytest.raises(ClientDisconnectedError):
                await second.run(admission.pool, lambda: done.append("cancelled work"), disconnect)
            release.set()
            await busy
        await wait_for_in_flight(admission, 0)

    asyncio.run(scenario())
    admission.close()
    assert done == []


def test_the_longest_timeout_bounds_every_timeout(admission: Admission) -> None:
    async def scenario() -> None:
        async with admission.admit(timeout_ms=10**9) as request:
            assert request.timeout_ms == 30_000
        async with admission.admit(timeout_ms=5) as request:
            assert request.timeout_ms == 5

    asyncio.run(scenario())


def test_closing_cancels_running_work(admission: Admission) -> None:
    started, seen = threading.Event(), []

    async def scenario() -> None:
        async with admission.admit() as request:

            def work() -> None:
                started.set()
                deadline = time.monotonic() + 20
                while time.monotonic() < deadline:
                    try:
                        request.check_cancelled()
                    except ClientDisconnectedError:
                        seen.append("cancelled")
                        raise
                    time.sleep(0.005)

            running = asyncio.create_task(request.run(admission.pool, work, stay_connected))
            await asyncio.to_thread(started.wait)
            await asyncio.to_thread(admission.close)
            with pytest.raises(ClientDisconnectedError):
                await running

    asyncio.run(scenario())
    assert seen == ["cancelled"]


def test_work_with_a_reserve_is_cancelled_before_the_deadline(admission: Admission) -> None:
    """The rest of the time is for the response to a patient caller."""

    async def scenario() -> None:
        async with admission.admit(timeout_ms=20_000) as request:
            request.check_cancelled()
            with pytest.raises(DeadlineExceededError):
                request.check_cancelled(30.0)

    asyncio.run(scenario())
