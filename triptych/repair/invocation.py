"""Invoke the orchestrator, wait for its answer, and do so for many events at once."""

import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from triptych.errors import TriptychError
from triptych.storage.connection import StackConnection

ALIAS = "live"
"""The version that S3 invokes: see AutoPublishAlias in template.yaml."""

MAX_CONCURRENT = 8
"""Events under way at the same time, where the stack sets no bound: new documents are to keep most of the capacity."""

Event = Mapping[str, Any]
Invoke = Callable[[Event], Mapping[str, Any]]
"""Gives an event to the orchestrator and returns its answer, or raises `InvocationError`."""

T = TypeVar("T")


class InvocationError(TriptychError):
    """The orchestrator raised, or could not be asked. `kind` is the error's name, such as `IncompleteRecords`."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind, self.detail = kind, detail


def orchestrator_invoker(to: StackConnection) -> Invoke:
    """What invokes the orchestrator of a stack, and waits for it. May be used by several threads at once."""
    lambdas = to.lambdas

    def invoke(event: Event) -> Mapping[str, Any]:
        try:
            answer = lambdas.invoke(FunctionName=to.function, Qualifier=ALIAS, Payload=json.dumps(event))
            content = json.loads(answer["Payload"].read())
        except ClientError as error:
            raise InvocationError(error.response.get("Error", {}).get("Code", "ClientError"), str(error)) from error
        except (BotoCoreError, OSError, ValueError) as error:
            raise InvocationError(type(error).__name__, str(error)) from error
        if "FunctionError" in answer:
            said = content if isinstance(content, Mapping) else {}
            raise InvocationError(str(said.get("errorType", "Unknown")), str(said.get("errorMessage", content)))
        if not isinstance(content, Mapping):
            raise InvocationError("InvalidAnswer", f"the orchestrator answered {content!r}")
        return content

    return invoke


def run_concurrently(work: Callable[[T], None], items: Iterable[T], *, at_once: int) -> None:
    """Do `work` on every item, `at_once` at a time; items are drawn as there is room for them.

    On Ctrl-C, or when `work` raises, nothing new begins, and what has begun is waited for. So `work` itself must keep
    what it learns.
    """
    pool = ThreadPoolExecutor(at_once)
    running: set[Future[None]] = set()
    try:
        for item in items:
            running.add(pool.submit(work, item))
            if len(running) >= at_once:
                running = _settle(running, FIRST_COMPLETED)
        _settle(running)
    finally:
        pool.shutdown(cancel_futures=True)


def _settle(running: set[Future[None]], until: str = "ALL_COMPLETED") -> set[Future[None]]:
    done, rest = wait(running, return_when=until)
    for future in done:
        future.result()  # an error of the work is an error of whoever asked for it
    return rest
