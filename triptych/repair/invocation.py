"""Invoke the orchestrator synchronously, and process many items concurrently."""

import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from triptych.errors import TriptychError
from triptych.storage.connection import StackConnection

ALIAS = "live"
"""The alias that S3 invokes (AutoPublishAlias in template.yaml)."""

MAX_CONCURRENT = 8
"""Maximum number of concurrent invocations if the stack sets none. It leaves most capacity to new documents."""

Event = Mapping[str, Any]
Invoke = Callable[[Event], Mapping[str, Any]]
"""Invokes the orchestrator with an event and returns its response, or raises `InvocationError`."""

T = TypeVar("T")


class InvocationError(TriptychError):
    """The orchestrator raised an error or could not be invoked.

    Args:
        kind: Name of the error, such as `IncompleteRecords`.
        detail: Its message.
    """

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind, self.detail = kind, detail


def orchestrator_invoker(connection: StackConnection) -> Invoke:
    """Return a thread-safe function that invokes the orchestrator of a stack and waits for its response."""
    lambdas = connection.lambdas

    def invoke(event: Event) -> Mapping[str, Any]:
        try:
            response = lambdas.invoke(FunctionName=connection.function, Qualifier=ALIAS, Payload=json.dumps(event))
            content = json.loads(response["Payload"].read())
        except ClientError as error:
            raise InvocationError(error.response.get("Error", {}).get("Code", "ClientError"), str(error)) from error
        except (BotoCoreError, OSError, ValueError) as error:
            raise InvocationError(type(error).__name__, str(error)) from error
        if "FunctionError" in response:
            error_content = content if isinstance(content, Mapping) else {}
            kind, detail = error_content.get("errorType", "Unknown"), error_content.get("errorMessage", content)
            raise InvocationError(str(kind), str(detail))
        if not isinstance(content, Mapping):
            raise InvocationError("InvalidAnswer", f"unexpected response of the orchestrator: {content!r}")
        return content

    return invoke


def run_concurrently(work: Callable[[T], None], items: Iterable[T], *, max_concurrent: int) -> None:
    """Call `work` for every item, with at most `max_concurrent` calls at a time. Items are consumed on demand.

    On Ctrl-C, or when `work` raises, no further call begins, running calls are waited for, and the error is raised.
    `work` must therefore keep its own results.
    """
    pool = ThreadPoolExecutor(max_concurrent)
    running: set[Future[None]] = set()
    try:
        for item in items:
            running.add(pool.submit(work, item))
            if len(running) >= max_concurrent:
                running = _collect(running, FIRST_COMPLETED)
        _collect(running)
    finally:
        pool.shutdown(cancel_futures=True)


def _collect(running: set[Future[None]], return_when: str = "ALL_COMPLETED") -> set[Future[None]]:
    """Wait for calls, raise the first error of those that ended, and return the others."""
    done, pending = wait(running, return_when=return_when)
    for future in done:
        future.result()
    return pending
