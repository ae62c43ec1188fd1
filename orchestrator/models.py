"""Ask every model version about one document, all at once, under one deadline."""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import requests
import urllib3

from orchestrator.records import ModelError, Outcome, Prediction

MAX_ANSWER_BYTES = 256 * 1024
"""No honest answer comes near this; a longer one is not read to its end."""

_CONNECT_TIMEOUT_S = 0.5
"""A task in the same VPC accepts in a millisecond; one that is gone must not cost the others their budget."""

_KINDS = {400: "rejected", 413: "rejected", 415: "rejected", 422: "rejected"}
_KINDS |= {429: "overloaded", 503: "overloaded", 504: "timeout"}

Clock = Callable[[], float]
"""Seconds that only go forward, as `time.monotonic`."""


class _Failure(Exception):
    """Carries what becomes a ModelError."""

    def __init__(self, kind: str, detail: str, status: int | None = None) -> None:
        super().__init__(detail)
        self.kind, self.detail, self.status = kind, detail, status


class Models:
    """The model versions behind their base URLs.

    Each version has an HTTP session of its own, kept between documents, so that a warm function opens no connection.
    """

    def __init__(self, endpoints: Mapping[str, str], clock: Clock) -> None:
        self._endpoints = dict(endpoints)
        self._clock = clock
        self._sessions = {version: requests.Session() for version in endpoints}
        for session in self._sessions.values():
            session.trust_env = False  # no proxy, no .netrc: the balancer is in our own network

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
        # A pool a document: a call that outlives its deadline keeps its own thread, not one the next document needs.
        pool = ThreadPoolExecutor(thread_name_prefix="model")
        calls: dict[str, Future[Outcome]] = {
            version: pool.submit(self._ask, version, document, deadline, trace_id) for version in versions
        }
        wait(calls.values(), timeout=max(0.0, deadline - self._clock()))
        pool.shutdown(wait=False, cancel_futures=True)
        late = ModelError("timeout", "no answer within the document's budget", (self._clock() - started) * 1000)
        return {version: call.result() if call.done() else late for version, call in calls.items()}

    def _ask(self, version: str, document: bytes, deadline: float, trace_id: str) -> Outcome:
        started = self._clock()
        try:
            try:
                answer = self._post(version, document, deadline, trace_id)
            except requests.ConnectionError:
                # A kept connection that the other side closed while the function slept fails at first use.
                answer = self._post(version, document, deadline, trace_id)
            return read_prediction(answer, version, latency_ms=(self._clock() - started) * 1000)
        except _Failure as failure:
            return self._error(started, failure.kind, failure.detail, failure.status)
        except (requests.Timeout, urllib3.exceptions.TimeoutError):
            return self._error(started, "timeout", "the service did not answer in time")
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            return self._error(started, "unreachable", f"the service could not be reached: {_cause(error)}")
        except Exception as error:  # one version must never cost the others
            return self._error(started, "failed", f"the call failed: {error!r}")

    def _error(self, started: float, kind: str, detail: str, status: int | None = None) -> ModelError:
        return ModelError(kind, detail, (self._clock() - started) * 1000, status)

    def _post(self, version: str, document: bytes, deadline: float, trace_id: str) -> bytes:
        left = self._left(deadline)
        headers = {"Content-Type": "application/octet-stream", "X-Timeout-Ms": str(math.ceil(left * 1000))}
        if trace_id:
            headers["X-Amzn-Trace-Id"] = trace_id
        with self._sessions[version].post(
            f"{self._endpoints[version]}/predict",
            data=document,
            headers=headers,
            timeout=(min(_CONNECT_TIMEOUT_S, left), left),
            stream=True,
            allow_redirects=False,
        ) as response:
            body = self._body(response, deadline)
        if response.status_code != 200:
            kind = _KINDS.get(response.status_code, "failed")
            raise _Failure(kind, _problem_detail(body, response.status_code), response.status_code)
        return body

    def _body(self, response: requests.Response, deadline: float) -> bytes:
        """The answer's body, read as it comes: a service that trickles must not hold its thread for ever."""
        body = bytearray()
        while chunk := response.raw.read1(64 * 1024, decode_content=True):
            body += chunk
            if len(body) > MAX_ANSWER_BYTES:
                raise _Failure("invalid_answer", f"the answer is longer than {MAX_ANSWER_BYTES:,} bytes")
            self._left(deadline)
        return bytes(body)

    def _left(self, deadline: float) -> float:
        left = deadline - self._clock()
        if left <= 0:
            raise _Failure("timeout", "no answer within the document's budget")
        return left


def read_prediction(body: bytes, version: str, *, latency_ms: float) -> Prediction:
    """Check an answer against the contract: a service that lies must not get its lie into a record.

    Raises:
        _Failure: `invalid_answer`, saying what is wrong.
    """
    try:
        answer = json.loads(body)
        prediction = Prediction(
            label=_text(answer, "label"),
            confidence=_probability(answer["confidence"]),
            probabilities={str(label): _probability(p) for label, p in answer["probabilities"].items()},
            abstained=answer.get("abstained") is True,
            pages=int(answer["pages"]),
            model_sha256=_text(answer, "model_sha256"),
            latency_ms=latency_ms,
            timings_ms={str(name): _finite(ms) for name, ms in answer.get("timings_ms", {}).items()},
        )
        _check(answer.get("model") == version, f"it is signed by {answer.get('model')!r}, not {version!r}")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _Failure("invalid_answer", f"the answer is not in the contract's form: {error!r}", 200) from error
    return _consistent(prediction)


def _consistent(prediction: Prediction) -> Prediction:
    total = math.fsum(prediction.probabilities.values())
    top = prediction.probabilities.get(prediction.label, -1.0)
    try:
        _check(abs(total - 1) < 1e-3, f"the probabilities sum to {total:.4f}")
        _check(top == max(prediction.probabilities.values()), "the label is not the most probable one")
        _check(abs(top - prediction.confidence) < 1e-3, "the confidence is not the label's probability")
        _check(prediction.pages > 0, "no page was scored")
    except ValueError as error:
        raise _Failure("invalid_answer", f"the answer contradicts itself: {error}", 200) from error
    return prediction


def _check(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)


def _text(answer: Mapping[str, Any], name: str) -> str:
    value = answer[name]
    _check(isinstance(value, str) and bool(value), f"{name} is no text")
    return str(value)


def _finite(value: Any) -> float:
    _check(isinstance(value, int | float) and math.isfinite(value), f"{value!r} is no number")
    return float(value)


def _probability(value: Any) -> float:
    number = _finite(value)
    _check(0 <= number <= 1, f"{value!r} is no probability")
    return number


def _problem_detail(body: bytes, status: int) -> str:
    """The sentence of a problem+json answer (RFC 9457), or the bare status."""
    try:
        problem = json.loads(body)
        detail = problem.get("detail") or problem.get("title")
    except (AttributeError, ValueError):
        detail = None
    return str(detail)[:500] if detail else f"the service answered {status}"


def _cause(error: BaseException) -> str:
    """The innermost reason, without the addresses and object ids that requests wraps around it."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return str(error) or type(error).__name__
