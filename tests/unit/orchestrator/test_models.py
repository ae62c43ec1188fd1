"""Protects: versions are called concurrently, and one that is down, slow or faulty affects only its own outcome."""

import socket
import threading
import time
from typing import Any

import pytest

from orchestrator.answers import MAX_ANSWER_BYTES
from orchestrator.models import ModelClient
from records.outcomes import ModelFailure, Outcome, Prediction
from tests.support.servers import Behaviour, Request, serving, valid_answer


def call(behaviour: Behaviour, *, seconds: float = 2.0) -> Outcome:
    with serving(behaviour) as server:
        models = ModelClient({"v1": server.url}, time.monotonic)
        return models.predict(b"%PDF-", versions=["v1"], deadline=time.monotonic() + seconds)["v1"]


def failure_of(behaviour: Behaviour, *, seconds: float = 2.0) -> ModelFailure:
    outcome = call(behaviour, seconds=seconds)
    assert isinstance(outcome, ModelFailure)
    return outcome


def test_valid_response_becomes_a_prediction() -> None:
    outcome = call(lambda request: request.answer(valid_answer()))
    assert isinstance(outcome, Prediction)
    assert (outcome.label, outcome.confidence, outcome.pages) == ("invoice", 0.9, 2)
    assert outcome.timings_ms["infer"] == 4.25
    assert outcome.latency_ms > 0


def test_request_contains_document_time_limit_and_trace() -> None:
    with serving(lambda request: request.answer(valid_answer())) as server:
        models = ModelClient({"v1": server.url}, time.monotonic)
        models.predict(b"\x00\xffbytes", versions=["v1"], deadline=time.monotonic() + 2.0, trace_id="Root=1-a")
    [request] = server.requests
    assert (request.path, request.body) == ("/predict", b"\x00\xffbytes")
    assert request.headers["X-Amzn-Trace-Id"] == "Root=1-a"
    assert 1000 < int(request.headers["X-Timeout-Ms"]) <= 2000


def test_versions_are_called_concurrently() -> None:
    barrier = threading.Barrier(3, timeout=5)

    def meet(request: Request) -> None:
        barrier.wait()  # breaks unless three requests arrive at once
        request.answer(valid_answer(request.path.split("/")[1]))

    with serving(meet) as server:
        endpoints = {version: f"{server.url}/{version}" for version in ("v1", "v2", "v3")}
        outcomes = ModelClient(endpoints, time.monotonic).predict(
            b"x", versions=endpoints, deadline=time.monotonic() + 5.0
        )
    assert all(isinstance(outcome, Prediction) for outcome in outcomes.values())


def test_connection_is_kept_between_documents() -> None:
    with serving(lambda request: request.answer(valid_answer())) as server:
        models = ModelClient({"v1": server.url}, time.monotonic)
        for _ in range(3):
            models.predict(b"x", versions=["v1"], deadline=time.monotonic() + 2.0)
        assert len({request.client_address for request in server.requests}) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "rejected"),
        (413, "rejected"),
        (415, "rejected"),
        (422, "rejected"),
        (404, "failed"),
        (408, "timeout"),
        (429, "overloaded"),
        (500, "failed"),
        (503, "overloaded"),
        (504, "timeout"),
        (302, "failed"),
    ],
)
def test_problem_becomes_a_failure_with_its_status_and_detail(status: int, kind: str) -> None:
    problem = {"type": "urn:triptych:problem:corrupt-document", "title": "Oh", "detail": "it has no pages"}
    outcome = failure_of(lambda request: request.answer(problem, status))
    assert (outcome.kind, outcome.status, outcome.detail) == (kind, status, "it has no pages")
    assert outcome.problem == "corrupt-document"


@pytest.mark.parametrize("body", [b"<html>Bad Gateway</html>", b"[]", b"{}", b""])
def test_response_without_a_problem_becomes_a_failure_with_its_status(body: bytes) -> None:
    outcome = failure_of(lambda request: request.answer(body, 502))
    assert (outcome.kind, outcome.status, outcome.detail) == ("unreachable", 502, "The service answered 502.")


@pytest.mark.parametrize("status", [429, 502, 503])
def test_transient_failure_is_retried_within_the_budget(status: int) -> None:
    def busy_at_first(request: Request) -> None:
        if len(request.server.requests) < 3:
            request.answer({"detail": "full"}, status)
        else:
            request.answer(valid_answer())

    assert isinstance(call(busy_at_first), Prediction)


@pytest.mark.parametrize("status", [400, 404, 408, 422, 500, 504])
def test_permanent_failure_is_not_retried(status: int) -> None:
    with serving(lambda request: request.answer({}, status)) as server:
        models = ModelClient({"v1": server.url}, time.monotonic)
        models.predict(b"x", versions=["v1"], deadline=time.monotonic() + 2.0)
        assert len(server.requests) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_obeyed_if_the_budget_allows(status: int) -> None:
    """Services of this release answer 429 if they are overloaded, earlier ones and the load balancer 503."""
    delays: list[float] = []

    def busy(request: Request) -> None:
        request.answer({"detail": "full"}, status, {"Retry-After": "1"})

    with serving(busy) as server:
        models = ModelClient({"v1": server.url}, time.monotonic, sleep=delays.append)
        models.predict(b"x", versions=["v1"], deadline=time.monotonic() + 2.0)
        assert set(delays) == {1.0}
        delays.clear()
        outcome = models.predict(b"x", versions=["v1"], deadline=time.monotonic() + 0.9)["v1"]
    assert delays == []
    assert isinstance(outcome, ModelFailure)
    assert (outcome.kind, outcome.detail) == ("overloaded", "full")


def test_service_that_hangs_affects_only_its_own_outcome() -> None:
    with serving(Request.hang) as hung, serving(lambda request: request.answer(valid_answer("v2"))) as healthy:
        models = ModelClient({"v1": hung.url, "v2": healthy.url}, time.monotonic)
        outcomes = models.predict(b"x", versions=["v1", "v2"], deadline=time.monotonic() + 0.5)
    assert isinstance(outcomes["v2"], Prediction)
    assert isinstance(outcomes["v1"], ModelFailure)
    assert outcomes["v1"].kind == "timeout"


def all_calls_end() -> bool:
    """Return whether every thread that calls a version ends within a few seconds."""
    for thread in threading.enumerate():
        if thread.name.startswith("model"):
            thread.join(timeout=5)
    return not any(thread.name.startswith("model") for thread in threading.enumerate())


def test_call_of_a_service_that_trickles_ends_at_the_deadline() -> None:
    with serving(lambda request: request.trickle(0.05)) as server:
        models = ModelClient({"v1": server.url}, time.monotonic)
        outcome = models.predict(b"x", versions=["v1"], deadline=time.monotonic() + 0.4)["v1"]
        assert all_calls_end()  # one thread per document would use up the memory of the function
    assert isinstance(outcome, ModelFailure)
    assert outcome.kind == "timeout"


LARGE = bytes(24 * 1024 * 1024)
"""More than fits into the buffers of the sockets."""


def test_document_that_is_slow_to_send_is_sent_once() -> None:
    """The service stops receiving three times, each for longer than the connect timeout; then again on the same
    connection."""
    with serving(lambda request: request.answer(valid_answer()), pause=0.7) as server:
        models = ModelClient({"v1": server.url}, time.monotonic)
        models.predict(LARGE, versions=["v1"], deadline=time.monotonic() + 60)
        outcome = models.predict(LARGE, versions=["v1"], deadline=time.monotonic() + 60)["v1"]
        first, second = server.requests
    assert isinstance(outcome, Prediction), outcome
    assert first.body == second.body == LARGE
    assert first.client_address == second.client_address


def test_sending_ends_at_the_deadline() -> None:
    with serving(lambda request: request.answer(valid_answer()), pause=0.5) as server:
        models = ModelClient({"v1": server.url}, time.monotonic)
        outcome = models.predict(LARGE, versions=["v1"], deadline=time.monotonic() + 0.8)["v1"]
        assert all_calls_end()
        assert len(server.requests) == 1
    assert isinstance(outcome, ModelFailure)
    assert outcome.kind == "timeout"


def test_service_that_hung_does_not_delay_the_next_document() -> None:
    with serving(Request.hang) as server:
        models = ModelClient({"v1": server.url}, time.monotonic)
        models.predict(b"x", versions=["v1"], deadline=time.monotonic() + 0.2)
        server.behaviour = lambda request: request.answer(valid_answer())
        outcome = models.predict(b"x", versions=["v1"], deadline=time.monotonic() + 2.0)["v1"]
    assert isinstance(outcome, Prediction)


def test_closed_port_is_unreachable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        models = ModelClient({"v1": url}, time.monotonic)
        outcome = models.predict(b"x", versions=["v1"], deadline=time.monotonic() + 2.0)["v1"]
    assert isinstance(outcome, ModelFailure)
    assert outcome.kind == "unreachable"
    assert "0x" not in outcome.detail


def test_kept_connection_that_the_server_closed_is_replaced() -> None:
    def close_after_first(request: Request) -> None:
        if len(request.server.requests) == 2:
            request.drop()
        else:
            request.answer(valid_answer())

    with serving(close_after_first) as server:
        models = ModelClient({"v1": server.url}, time.monotonic)
        models.predict(b"x", versions=["v1"], deadline=time.monotonic() + 2.0)
        outcome = models.predict(b"x", versions=["v1"], deadline=time.monotonic() + 2.0)["v1"]
    assert isinstance(outcome, Prediction)
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    "answer",
    [
        valid_answer(model="v2"),
        valid_answer(label="receipt", probabilities={"invoice": 0.9, "receipt": 0.1}),
        valid_answer(probabilities={"invoice": 0.9, "other": 0.3}),
        valid_answer(probabilities={}),
        valid_answer(probabilities={"invoice": float("nan"), "other": 0.1}),
        valid_answer(probabilities={"invoice": 1.4, "other": -0.4}, confidence=1.4),
        valid_answer(confidence=0.2),
        valid_answer(confidence="0.9"),
        valid_answer(confidence=True),
        valid_answer(pages=0),
        valid_answer(label=""),
        valid_answer(model_sha256=None),
        valid_answer(timings_ms=[1]),
        [],
        None,
        b"<html>",
        b"",
    ],
)
def test_invalid_response_becomes_a_failure(answer: Any) -> None:
    assert failure_of(lambda request: request.answer(answer)).kind == "invalid_answer"


def test_oversized_response_becomes_a_failure() -> None:
    assert failure_of(lambda request: request.answer(b" " * (MAX_ANSWER_BYTES + 1))).kind == "invalid_answer"


def test_no_version_is_called_after_the_deadline() -> None:
    with serving(lambda request: request.answer(valid_answer())) as server:
        models = ModelClient({"v1": server.url}, time.monotonic)
        outcome = models.predict(b"x", versions=["v1"], deadline=time.monotonic() - 1)["v1"]
        assert isinstance(outcome, ModelFailure)
        assert outcome.kind == "timeout"
        assert server.requests == []
