"""Send a document to a service, with retries, and under a deadline."""

import math
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import requests
import urllib3

from orchestrator.answers import read_problem
from orchestrator.errors import CallFailed
from orchestrator.transport import RequestBody, http_session
from records.outcomes import ModelFailure

Result = TypeVar("Result")

_CONNECT_TIMEOUT_S = 0.5
"""A task in the same VPC accepts connections within a millisecond; one that does not respond must not use up the
budget."""

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


class DocumentService:
    """A service that responds to a document.

    It has one HTTP session, which is kept between documents, so that a warm function reuses connections.

    Args:
        url: Where documents are posted.
        clock: The clock of all deadlines.
        max_answer_bytes: Longer responses are invalid.
        sleep: Waits before a retry; for tests.
    """

    def __init__(
        self, url: str, clock: Clock, *, max_answer_bytes: int, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._url = url
        self._clock = clock
        self._max_answer_bytes = max_answer_bytes
        self._sleep = sleep
        self._session = http_session()

    def call(
        self, document: bytes, read: Callable[[bytes, float], Result], *, deadline: float, trace_id: str
    ) -> Result | ModelFailure:
        """Return what `read` makes of the response, or the last failure. No exception is raised.

        Args:
            document: Content of the document.
            read: Gets the body of the response and the duration of the call in milliseconds. It raises `CallFailed` if
                the response is invalid.
            deadline: Time on the clock after which no response is awaited.
            trace_id: AWS trace to forward to the service.
        """
        started = self._clock()
        delays = iter(_RETRY_DELAYS_S)
        while True:
            try:
                answer = self._post(document, deadline, trace_id)
                return read(answer, (self._clock() - started) * 1000)
            except Exception as error:  # noqa: BLE001 -- no failure of one service may affect the others
                failure = _as_call_failed(error)
            if not self._may_retry(failure, delays, deadline):
                latency_ms = (self._clock() - started) * 1000
                return ModelFailure(failure.kind, failure.detail, latency_ms, failure.status, failure.problem)

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

    def _post(self, document: bytes, deadline: float, trace_id: str) -> bytes:
        timeout = self._time_left(deadline)
        headers = {"Content-Type": "application/octet-stream", "X-Timeout-Ms": str(math.ceil(timeout * 1000))}
        if trace_id:
            headers["X-Amzn-Trace-Id"] = trace_id
        with self._session.post(
            self._url,
            data=RequestBody(document, lambda: self._time_left(deadline)),
            headers=headers,
            timeout=(min(_CONNECT_TIMEOUT_S, timeout), timeout),
            stream=True,
            allow_redirects=False,
        ) as response:
            body = self._read_body(response, deadline)
        if response.status_code != 200:
            problem, detail = read_problem(body, response.status_code)
            raise CallFailed(
                _KINDS.get(response.status_code, "failed"),
                detail,
                response.status_code,
                problem,
                retryable=response.status_code in _RETRYABLE,
                retry_after_s=_retry_after_seconds(response.headers.get("Retry-After", "")),
            )
        return body

    def _read_body(self, response: requests.Response, deadline: float) -> bytes:
        """Return the body. The deadline is checked after each receive, so that a slow service cannot keep a thread."""
        body = bytearray()
        while chunk := response.raw.read1(64 * 1024, decode_content=True):
            body += chunk
            if len(body) > self._max_answer_bytes:
                raise CallFailed("invalid_answer", f"The answer is longer than {self._max_answer_bytes:,} bytes.")
            self._time_left(deadline)
        return bytes(body)

    def _time_left(self, deadline: float) -> float:
        """Return the seconds until the deadline.

        Raises:
            CallFailed: `timeout`: The deadline has passed.
        """
        seconds = deadline - self._clock()
        if seconds <= 0:
            raise CallFailed("timeout", "No answer within the document's budget.")
        return seconds


def _as_call_failed(error: Exception) -> CallFailed:
    if isinstance(error, CallFailed):
        return error
    if isinstance(error, requests.ConnectionError):  # includes connect timeouts
        return CallFailed("unreachable", f"The service could not be reached: {_root_cause(error)}", retryable=True)
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return CallFailed("timeout", "The service did not answer in time.")
    if isinstance(error, requests.RequestException | urllib3.exceptions.HTTPError):
        return CallFailed("unreachable", f"The connection broke: {_root_cause(error)}", retryable=True)
    return CallFailed("failed", f"The call failed: {error!r}")


def _retry_after_seconds(header: str) -> float:
    """Return a Retry-After header in seconds; 0 for a date, which is beyond any budget."""
    return float(header) if header.isascii() and header.isdigit() else 0.0


def _root_cause(error: BaseException) -> str:
    """Return the innermost error's message, without the addresses and object IDs that requests adds to it."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return str(error) or type(error).__name__
