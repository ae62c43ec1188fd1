"""Protects: responses and errors of the orchestrator reach the command, and concurrency stays within its limit."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import boto3
import pytest

from tests.support.servers import Request, Server, serving
from triptych.repair.invocation import InvocationError, Invoke, orchestrator_invoker, run_concurrently
from triptych.storage.connection import StackConnection


@pytest.fixture
def service() -> Iterator[Server]:
    """A server in place of Lambda's API."""
    with serving(lambda request: request.answer({"records": []})) as server:
        yield server


@pytest.fixture
def invoke(service: Server, session: boto3.Session) -> Invoke:
    return orchestrator_invoker(
        replace(StackConnection("x", "inbox", "records", "orchestrator", "", session), endpoint_url=service.url)
    )


def test_the_live_alias_is_invoked_and_its_response_returned(service: Server, invoke: Invoke) -> None:
    assert invoke({"Records": []}) == {"records": []}
    [request] = service.requests
    assert request.path == "/2015-03-31/functions/orchestrator/invocations?Qualifier=live"
    assert request.body == b'{"Records": []}'
    assert request.headers.get("X-Amz-Invocation-Type") in (None, "RequestResponse")


def test_an_error_of_the_function_is_raised_with_its_name(service: Server, invoke: Invoke) -> None:
    content = {"errorType": "IncompleteRecords", "errorMessage": "inbox/a.pdf is PARTIAL"}
    service.behaviour = lambda request: request.answer(content, headers={"X-Amz-Function-Error": "Unhandled"})
    with pytest.raises(InvocationError, match=r"IncompleteRecords: inbox/a.pdf is PARTIAL") as caught:
        invoke({})
    assert caught.value.kind == "IncompleteRecords"


def refuse(request: Request) -> None:
    request.answer({"message": "no such function"}, 404, {"X-Amzn-ErrorType": "ResourceNotFoundException"})


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (refuse, "ResourceNotFoundException"),
        (lambda request: request.answer(b"<html>"), "JSONDecodeError"),
        (lambda request: request.answer([1]), "InvalidAnswer"),
    ],
)
def test_an_invalid_response_raises_an_invocation_error(
    service: Server, invoke: Invoke, behaviour: object, kind: str
) -> None:
    service.behaviour = behaviour  # type: ignore[assignment]
    with pytest.raises(InvocationError) as caught:
        invoke({})
    assert caught.value.kind == kind


def test_work_runs_at_the_maximum_concurrency_and_consumes_items_on_demand() -> None:
    consumed = 0
    barrier = threading.Barrier(3, timeout=10)  # opens only when three run at the same time
    seen: list[int] = []

    def items() -> Iterator[int]:
        nonlocal consumed
        for number in range(9):
            consumed += 1
            assert consumed <= len(seen) + 3
            yield number

    def work(number: int) -> None:
        barrier.wait()
        seen.append(number)

    run_concurrently(work, items(), max_concurrent=3)
    assert sorted(seen) == list(range(9))


def test_an_interruption_starts_nothing_new_and_finishes_running_work() -> None:
    seen: list[int] = []

    def work(number: int) -> None:
        if number == 2:
            raise KeyboardInterrupt
        seen.append(number)

    with pytest.raises(KeyboardInterrupt):
        run_concurrently(work, range(1000), max_concurrent=1)
    assert seen == [0, 1]
