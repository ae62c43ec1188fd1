"""Send a document to a service, with retries, and under a deadline.

How a document is sent depends on where the service runs: `http_sender`, `lambda_sender` and `sagemaker_sender`. What a
status means, which failures are retried and when a call gives up is the same for all.
"""

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol, TypeVar

from orchestrator.answers import read_problem, storable_text
from orchestrator.content_fallback import ContentFallback
from orchestrator.errors import CallFailed
from orchestrator.request_body import Document
from records.outcomes import ModelFailure

Result = TypeVar("Result")

_KINDS = {400: "rejected", 413: "rejected", 415: "rejected", 422: "rejected"}
_KINDS |= {408: "timeout", 429: "overloaded", 502: "unreachable"}
_KINDS |= {503: "overloaded", 504: "timeout"}  # of the load balancer without tasks, and of services before 0.3

_RETRYABLE = {429, 502, 503}
"""Statuses of transient failures: another task behind the load balancer, or the same one later, may succeed."""

_RETRY_DELAYS_S = (0.0, 0.1, 0.3)
"""Delay before each retry. The first retry is immediate: a kept connection that the server closed while the function
was frozen fails at its first use, and a new connection succeeds."""

_MIN_RETRY_BUDGET_S = 0.05
"""No retry starts with less time left."""

Clock = Callable[[], float]
"""A monotonic clock in seconds, such as `time.monotonic`."""


class CallDeadline(NamedTuple):
    """The moment after which no response is awaited.

    Attributes:
        at: Time on the clock.
        clock: The clock.
    """

    at: float
    clock: Clock

    def seconds_left(self) -> float:
        """Return the seconds until the deadline.

        Raises:
            CallFailed: `timeout`: The deadline has passed.
        """
        seconds = self.at - self.clock()
        if seconds <= 0:
            raise CallFailed("timeout", "No answer within the document's budget.")
        return seconds


class ServiceResponse(NamedTuple):
    """The response of a service, wherever it runs.

    Attributes:
        status: HTTP status.
        body: Body, at most as long as the sender accepts.
        retry_after_s: Minimum delay before a retry.
    """

    status: int
    body: bytes
    retry_after_s: float = 0.0


class Sender(Protocol):
    """Sends documents to one service. It keeps its connections, so that a warm function reuses them."""

    def send(self, document: Document, deadline: CallDeadline, trace_id: str) -> ServiceResponse:
        """Send a document once and return the response, of any status.

        Raises:
            CallFailed: There is no response.
        """


class DocumentService:
    """A service that responds to a document.

    Args:
        sender: Sends documents to it.
        clock: The clock of all deadlines.
        fallback: Replaces an address that the service could not read; None if it receives no addresses.
        sleep: Waits before a retry; for tests.
    """

    def __init__(
        self,
        sender: Sender,
        clock: Clock,
        *,
        fallback: ContentFallback | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._sender = sender
        self._clock = clock
        self._fallback = fallback
        self._sleep = sleep

    def call(
        self, document: Document, read: Callable[[bytes, float], Result], *, deadline: float, trace_id: str
    ) -> Result | ModelFailure:
        """Return what `read` makes of the response, or the last failure. No exception is raised.

        Args:
            document: The document.
            read: Gets the body of the response and the duration of the call in milliseconds. It raises `CallFailed` if
                the response is invalid.
            deadline: Time on the clock after which no response is awaited.
            trace_id: AWS trace to forward to the service.
        """
        started = self._clock()
        limit = CallDeadline(deadline, self._clock)
        delays = iter(_RETRY_DELAYS_S)
        while True:
            try:
                answer = _successful(self._sender.send(document, limit, trace_id))
                return read(answer, (self._clock() - started) * 1000)
            except CallFailed as error:
                failure = error
            except Exception as error:  # noqa: BLE001 -- no failure of one service may affect the others
                failure = CallFailed("failed", f"The call failed: {error!r}")
            if self._fallback and (content := self._fallback.instead_of(document, failure)):
                document = content
                continue
            if not self._may_retry(failure, delays, deadline):
                latency_ms = (self._clock() - started) * 1000
                return ModelFailure(
                    failure.kind, storable_text(failure.detail), latency_ms, failure.status, failure.problem
                )

    def _may_retry(self, failure: CallFailed, delays: Iterator[float], deadline: float) -> bool:
        """Return whether to call again, after sleeping for the delay of the retry."""
        delay = next(delays, None)
        if not failure.retryable or delay is None:
            return False
        delay = max(delay, failure.retry_after_s)
        if deadline - self._clock() - delay < _MIN_RETRY_BUDGET_S:
            return False
        self._sleep(delay)
        return True


def retry_after_seconds(header: str) -> float:
    """Return a Retry-After header in seconds; 0 for a date, which is beyond any budget."""
    return float(header) if header.isascii() and header.isdigit() else 0.0


def _successful(response: ServiceResponse) -> bytes:
    """Return the body of a response.

    Raises:
        CallFailed: Its status is not 200.
    """
    if response.status == 200:
        return response.body
    problem, detail = read_problem(response.body, response.status)
    raise CallFailed(
        _KINDS.get(response.status, "failed"),
        detail,
        response.status,
        problem,
        retryable=response.status in _RETRYABLE,
        retry_after_s=response.retry_after_s,
    )
