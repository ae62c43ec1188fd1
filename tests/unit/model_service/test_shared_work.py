"""Protects: work that concurrent requests share is done once, and passes on if the request that does it ends early."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from model_service.shared_work import SharedWork
from tests.support.polling import wait_until


class CancelledError(Exception):
    """Raised by the cancel checks of these tests."""


def never() -> None:
    """Do not cancel."""


def cancel() -> None:
    raise CancelledError


class Others:
    """Requests in other threads, which wait for the result of a key."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(4)
        self.waiting = 0

    def request(self, shared: SharedWork[str], key: str, result: str) -> Future[tuple[str, bool]]:
        """Wait for the result, or do the work; return the result, and whether the request did the work."""

        def check() -> None:
            self.waiting += 1

        def take_part() -> tuple[str, bool]:
            with shared.join(key) as participant:
                found = participant.wait(check)
                if found is None:
                    participant.publish(result)
                return found or result, participant.does_it

        return self._pool.submit(take_part)

    def wait_until_one_waits(self) -> None:
        seen = self.waiting
        wait_until(lambda: self.waiting > seen)

    def close(self) -> None:
        self._pool.shutdown()


@pytest.fixture
def others() -> Iterator[Others]:
    requests = Others()
    yield requests
    requests.close()


def test_requests_for_one_key_get_one_result(others: Others) -> None:
    shared: SharedWork[str] = SharedWork()
    with shared.join("document") as first:
        assert first.wait(never) is None
        assert first.is_single
        futures = [others.request(shared, "document", "other") for _ in range(2)]
        others.wait_until_one_waits()
        assert not first.is_single
        first.publish("pages")

        assert [each.result(10) for each in futures] == [("pages", False)] * 2


def test_requests_for_other_keys_do_not_wait(others: Others) -> None:
    shared: SharedWork[str] = SharedWork()
    with shared.join("document") as first:
        assert first.wait(never) is None
        assert others.request(shared, "other", "its pages").result(10) == ("its pages", True)


def test_a_result_is_forgotten_with_its_last_request() -> None:
    shared: SharedWork[str] = SharedWork()
    with shared.join("document") as first:
        assert first.wait(never) is None
        first.publish("pages")
        with shared.join("document") as second:
            assert second.wait(never) == "pages"
        assert len(shared) == 1
    assert len(shared) == 0
    with shared.join("document") as later:
        assert later.wait(never) is None


def test_an_error_for_all_reaches_all(others: Others) -> None:
    shared: SharedWork[str] = SharedWork()
    with shared.join("document") as first:
        assert first.wait(never) is None
        waiting = others.request(shared, "document", "other")
        others.wait_until_one_waits()
        first.fail(ValueError("damaged"))

        with pytest.raises(ValueError, match="damaged"):
            waiting.result(10)


def test_another_request_goes_on_if_the_first_one_ends_early(others: Others) -> None:
    shared: SharedWork[str] = SharedWork()
    with shared.join("document") as first:
        assert first.wait(never) is None
        waiting = [others.request(shared, "document", "other") for _ in range(2)]
        others.wait_until_one_waits()

    results = [each.result(10) for each in waiting]
    assert {result for result, _ in results} == {"other"}
    assert len(shared) == 0


def test_a_cancelled_request_stops_waiting() -> None:
    shared: SharedWork[str] = SharedWork()
    with shared.join("document") as first:
        assert first.wait(never) is None
        with shared.join("document") as second, pytest.raises(CancelledError):
            second.wait(cancel)


def test_an_outcome_that_is_due_when_a_request_is_cancelled_is_preferred() -> None:
    """Two requests have the same deadline, and the one that decodes notices it a moment later."""
    shared: SharedWork[str] = SharedWork()
    with shared.join("document") as first:
        assert first.wait(never) is None

        def cancel_shortly_before_the_end() -> None:
            threading.Timer(0.01, first.fail, [TimeoutError("too slow")]).start()
            raise CancelledError

        with shared.join("document") as second, pytest.raises(TimeoutError, match="too slow"):
            second.wait(cancel_shortly_before_the_end, grace=True)


def test_a_request_that_comes_after_the_result_has_not_waited() -> None:
    shared: SharedWork[str] = SharedWork()
    with shared.join("document") as first:
        assert first.wait(never) is None
        first.publish("pages")
        with shared.join("document") as late:
            assert late.wait(never) == "pages"
            assert not late.has_waited


def test_an_uncertain_error_is_that_of_all_if_it_is_repeated(others: Others) -> None:
    shared: SharedWork[str] = SharedWork()
    with shared.join("document") as first, shared.join("document") as second:
        assert first.wait(never) is None
        first.fail(ValueError("crashed"), certain=False)
        waiting = others.request(shared, "document", "other")
        others.wait_until_one_waits()
        second.fail(ValueError("crashed"), certain=False)

        with pytest.raises(ValueError, match="crashed"):
            waiting.result(10)


def test_each_request_gets_an_error_of_its_own() -> None:
    """A traceback would otherwise grow in every thread."""
    shared: SharedWork[str] = SharedWork()
    error = ValueError("damaged")
    with shared.join("document") as first:
        assert first.wait(never) is None
        first.fail(error)
        with shared.join("document") as second, pytest.raises(ValueError, match="damaged") as raised:
            second.wait(never)
    assert raised.value is not error
