"""Ask every model version about one document, all at once, under one deadline."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait

import requests
import urllib3

from orchestrator.answers import MAX_ANSWER_BYTES, read_prediction, read_problem
from orchestrator.errors import CallFailed
from orchestrator.transport import RequestBody, session
from records.outcomes import ModelFailure, Outcome

_CONNECT_TIMEOUT_S = 0.5
"""A task in the same VPC accepts in a millisecond; one that is gone must not cost the others their budget."""

_KINDS = {400: "rejected", 413: "rejected", 415: "rejected", 422: "rejected"}
_KINDS |= {429: "overloaded", 502: "unreachable", 503: "overloaded", 504: "timeout"}

_PASSING = {429, 502, 503}
"""What the next task behind the balancer, or the same one a moment later, may do better."""

_PAUSES_S = (0.0, 0.1, 0.3)
"""Before each retry. The first is at once: a kept connection that the other side closed while the function slept
fails at its first use, and a fresh one succeeds."""

_WORTH_ASKING_S = 0.05
"""With less of the budget left than this, no retry is begun."""

Clock = Callable[[], float]
"""Seconds that only go forward, as `time.monotonic`."""


class ModelClient:
    """The model versions behind their base URLs.

    Each version has an HTTP session of its own, kept between documents, so that a warm function opens no connection.
    """

    def __init__(
        self, endpoints: Mapping[str, str], clock: Clock, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._endpoints = dict(endpoints)
        self._clock = clock
        self._sleep = sleep
        self._sessions = {version: session() for version in endpoints}

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions in order."""
        return tuple(self._endpoints)

    def predict(
        self, document: bytes, *, versions: Iterable[str], deadline: float, trace_id: str = ""
    ) -> dict[str, Outcome]:
        """Ask `versions` at the same time; no answer is waited for past `deadline` (on this object's clock).

        Never raises for what a service does: each version's failure is its own ModelError.
        """
        started = self._clock()
        wanted = list(versions)
        # A pool a document: a call that outlives its deadline keeps its own thread, not one the next document needs.
        pool = ThreadPoolExecutor(max_workers=max(1, len(wanted)), thread_name_prefix="model")
        calls: dict[str, Future[Outcome]] = {
            version: pool.submit(self._ask, version, document, deadline, trace_id) for version in wanted
        }
        wait(calls.values(), timeout=max(0.0, deadline - self._clock()))
        pool.shutdown(wait=False)
        late = ModelFailure("timeout", "No answer within the document's budget.", (self._clock() - started) * 1000)
        return {version: call.result() if call.done() else late for version, call in calls.items()}

    def _ask(self, version: str, document: bytes, deadline: float, trace_id: str) -> Outcome:
        """One version's outcome: its answer, or what its last failure was."""
        started = self._clock()
        pauses = iter(_PAUSES_S)
        while True:
            try:
                answer = self._post(version, document, deadline, trace_id)
                return read_prediction(answer, version, latency_ms=(self._clock() - started) * 1000)
            except Exception as error:  # one version must never cost the others
                failure = _as_failure(error)
            if not self._worth_retrying(failure, pauses, deadline):
                latency_ms = (self._clock() - started) * 1000
                return ModelFailure(failure.kind, failure.detail, latency_ms, failure.status, failure.problem)

    def _worth_retrying(self, failure: CallFailed, pauses: Iterator[float], deadline: float) -> bool:
        """Whether to ask again; if so, after having slept as long as is due."""
        pause = next(pauses, None)
        if not failure.retryable or pause is None:
            return False
        pause = max(pause, failure.retry_after_s)
        if deadline - self._clock() - pause < _WORTH_ASKING_S:
            return False
        self._sleep(pause)
        return True

    def _post(self, version: str, document: bytes, deadline: float, trace_id: str) -> bytes:
        left = self._left(deadline)
        headers = {"Content-Type": "application/octet-stream", "X-Timeout-Ms": str(math.ceil(left * 1000))}
        if trace_id:
            headers["X-Amzn-Trace-Id"] = trace_id
        with self._sessions[version].post(
            f"{self._endpoints[version]}/predict",
            data=RequestBody(document, lambda: self._left(deadline)),
            headers=headers,
            timeout=(min(_CONNECT_TIMEOUT_S, left), left),
            stream=True,
            allow_redirects=False,
        ) as response:
            body = self._body(response, deadline)
        if response.status_code != 200:
            problem, detail = read_problem(body, response.status_code)
            raise CallFailed(
                _KINDS.get(response.status_code, "failed"),
                detail,
                response.status_code,
                problem,
                retryable=response.status_code in _PASSING,
                retry_after_s=_seconds(response.headers.get("Retry-After", "")),
            )
        return body

    def _body(self, response: requests.Response, deadline: float) -> bytes:
        """The answer's body, read as it comes: a service that trickles must not hold its thread for ever."""
        body = bytearray()
        while chunk := response.raw.read1(64 * 1024, decode_content=True):
            body += chunk
            if len(body) > MAX_ANSWER_BYTES:
                raise CallFailed("invalid_answer", f"The answer is longer than {MAX_ANSWER_BYTES:,} bytes.")
            self._left(deadline)
        return bytes(body)

    def _left(self, deadline: float) -> float:
        left = deadline - self._clock()
        if left <= 0:
            raise CallFailed("timeout", "No answer within the document's budget.")
        return left


def _as_failure(error: Exception) -> CallFailed:
    """What went wrong with a call, in the terms of a ModelError."""
    if isinstance(error, CallFailed):
        return error
    if isinstance(error, requests.ConnectionError):  # a time limit on connecting included
        return CallFailed("unreachable", f"The service could not be reached: {_cause(error)}", retryable=True)
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return CallFailed("timeout", "The service did not answer in time.")
    if isinstance(error, requests.RequestException | urllib3.exceptions.HTTPError):
        return CallFailed("unreachable", f"The connection broke: {_cause(error)}", retryable=True)
    return CallFailed("failed", f"The call failed: {error!r}")


def _seconds(retry_after: str) -> float:
    """The header in seconds; its other form, a date, counts as none: nobody waits for a date within three seconds."""
    return float(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0.0


def _cause(error: BaseException) -> str:
    """The innermost reason, without the addresses and object ids that requests wraps around it."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return str(error) or type(error).__name__
