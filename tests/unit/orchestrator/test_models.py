"""Protects: versions are asked all at once, and one that is down, slow or lying costs only its own answer."""

import socket
import threading
import time
from typing import Any

import pytest

from orchestrator.answers import MAX_ANSWER_BYTES
from orchestrator.models import ModelClient
from records.outcomes import ModelFailure, Outcome, Prediction
from tests.support.servers import Behaviour, Request, serving, truth


def ask(behaviour: Behaviour, *, seconds: float = 2.0) -> Outcome:
    with serving(behaviour) as server:
        models = ModelClient({"v1": server.url}, time.monotonic)
        return models.predict(b"%PDF-", versions=["v1"], deadline=time.monotonic() + seconds)["v1"]


def error_of(behaviour: Behaviour, *, seconds: float = 2.0) -> ModelFailure:
    said = ask(behaviour, seconds=seconds)
    assert isinstance(said, ModelFailure)
    return said


def test_an_answer_becomes_a_prediction() -> None:
    said = ask(lambda request: request.answer(truth()))
    assert isinstance(said, Prediction)
    assert (said.label, said.confidence, said.pages) == ("invoice", 0.9, 2)
    assert said.timings_ms["infer"] == 4.25
    assert said.latency_ms > 0


def test_the_document_its_budget_and_its_trace_reach_the_service() -> None:
    with serving(lambda request: request.answer(truth())) as server:
        models = ModelClient({"v1": server.url}, time.monotonic)
        models.predict(b"\x00\xffbytes", versions=["v1"], deadline=time.monotonic() + 2.0, trace_id="Root=1-a")
    [request] = server.requests
    assert (request.path, request.body) == ("/predict", b"\x00\xffbytes")
    assert request.headers["X-Amzn-Trace-Id"] == "Root=1-a"
    assert 1000 < int(request.headers["X-Timeout-Ms"]) <= 2000


def test_all_versions_are_asked_at_the_same_time() -> None:
    together = threading.Barrier(3, timeout=5)

    def meet(request: Request) -> None:
        together.wait()  # breaks unless three requests are here at once
        request.answer(truth(request.path.split("/")[1]))

    with serving(meet) as server:
        endpoints = {version: f"{server.url}/{version}" for version in ("v1", "v2", "v3")}
        said = ModelClient(endpoints, time.monotonic).predict(b"x", versions=endpoints, deadline=time.monotonic() + 5.0)
    assert all(isinstance(outcome, Prediction) for outcome in said.values())


def test_a_connection_is_kept_between_documents() -> None:
    with serving(lambda request: request.answer(truth())) as server:
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
        (429, "overloaded"),
        (500, "failed"),
        (503, "overloaded"),
        (504, "timeout"),
        (302, "failed"),
    ],
)
def test_a_problem_keeps_its_status_and_its_sentence(status: int, kind: str) -> None:
    problem = {"type": "urn:triptych:problem:corrupt-document", "title": "Oh", "detail": "it has no pages"}
    said = error_of(lambda request: request.answer(problem, status))
    assert (said.kind, said.status, said.detail) == (kind, status, "it has no pages")
    assert said.problem == "corrupt-document"


@pytest.mark.parametrize("body", [b"<html>Bad Gateway</html>", b"[]", b"{}", b""])
def test_a_problem_without_a_sentence_keeps_its_status(body: bytes) -> None:
    said = error_of(lambda request: request.answer(body, 502))
    assert (said.kind, said.status, said.detail) == ("unreachable", 502, "The service answered 502.")


@pytest.mark.parametrize("status", [429, 502, 503])
def test_what_may_pass_is_asked_again_within_the_budget(status: int) -> None:
    def busy_at_first(request: Request) -> None:
        if len(request.server.requests) < 3:
            request.answer({"detail": "full"}, status)
        else:
            request.answer(truth())

    assert isinstance(ask(busy_at_first), Prediction)


@pytest.mark.parametrize("status", [400, 404, 422, 500, 504])
def test_what_will_not_pass_is_asked_once(status: int) -> None:
    with serving(lambda request: request.answer({}, status)) as server:
        models = ModelClient({"v1": server.url}, time.monotonic)
        models.predict(b"x", versions=["v1"], deadline=time.monotonic() + 2.0)
        assert len(server.requests) == 1


def test_a_service_that_asks_for_patience_gets_it_if_the_budget_allows() -> None:
    pauses: list[float] = []

    def busy(request: Request) -> None:
        request.answer({"detail": "full"}, 503, {"Retry-After": "1"})

    with serving(busy) as server:
        models = ModelClient({"v1": server.url}, time.monotonic, sleep=pauses.append)
        models.predict(b"x", versions=["v1"], deadline=time.monotonic() + 2.0)
        assert set(pauses) == {1.0}
        pauses.clear()
        said = models.predict(b"x", versions=["v1"], deadline=time.monotonic() + 0.9)["v1"]
    assert pauses == []
    assert isinstance(said, ModelFailure)
    assert (said.kind, said.detail) == ("overloaded", "full")


def test_a_service_that_hangs_costs_its_own_prediction_only() -> None:
    with serving(Request.hang) as hung, serving(lambda request: request.answer(truth("v2"))) as well:
        models = ModelClient({"v1": hung.url, "v2": well.url}, time.monotonic)
        said = models.predict(b"x", versions=["v1", "v2"], deadline=time.monotonic() + 0.5)
    assert isinstance(said["v2"], Prediction)
    assert isinstance(said["v1"], ModelFailure)
    assert said["v1"].kind == "timeout"


def nobody_waits() -> bool:
    """Whether every thread that asked a version has ended, a few seconds after at the latest."""
    for thread in threading.enumerate():
        if thread.name.startswith("model"):
            thread.join(timeout=5)
    return not any(thread.name.startswith("model") for thread in threading.enumerate())


def test_a_service_that_trickles_is_given_up_at_the_deadline() -> None:
    with serving(lambda request: request.trickle(0.05)) as server:
        models = ModelClient({"v1": server.url}, time.monotonic)
        said = models.predict(b"x", versions=["v1"], deadline=time.monotonic() + 0.4)["v1"]
        assert nobody_waits()  # a thread a document would fill the function, which stays
    assert isinstance(said, ModelFailure)
    assert said.kind == "timeout"


LARGE = bytes(24 * 1024 * 1024)
"""More than the sockets' buffers take at once."""


def test_a_document_that_takes_long_to_send_is_sent_once() -> None:
    """Half a second is for connecting; here nothing of the document is taken for longer, three times, and then again
    by a connection that was kept."""
    with serving(lambda request: request.answer(truth()), pause=0.7) as server:
        models = ModelClient({"v1": server.url}, time.monotonic)
        models.predict(LARGE, versions=["v1"], deadline=time.monotonic() + 60)
        said = models.predict(LARGE, versions=["v1"], deadline=time.monotonic() + 60)["v1"]
        first, second = server.requests
    assert isinstance(said, Prediction), said
    assert first.body == second.body == LARGE
    assert first.client_address == second.client_address


def test_a_document_that_is_not_sent_by_the_deadline_is_given_up() -> None:
    with serving(lambda request: request.answer(truth()), pause=0.5) as server:
        models = ModelClient({"v1": server.url}, time.monotonic)
        said = models.predict(LARGE, versions=["v1"], deadline=time.monotonic() + 0.8)["v1"]
        assert nobody_waits()
        assert len(server.requests) == 1
    assert isinstance(said, ModelFailure)
    assert said.kind == "timeout"


def test_a_service_that_hung_does_not_hold_up_the_next_document() -> None:
    with serving(Request.hang) as server:
        models = ModelClient({"v1": server.url}, time.monotonic)
        models.predict(b"x", versions=["v1"], deadline=time.monotonic() + 0.2)
        server.behaviour = lambda request: request.answer(truth())
        said = models.predict(b"x", versions=["v1"], deadline=time.monotonic() + 2.0)["v1"]
    assert isinstance(said, Prediction)


def test_a_port_where_nobody_listens_is_unreachable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        models = ModelClient({"v1": url}, time.monotonic)
        said = models.predict(b"x", versions=["v1"], deadline=time.monotonic() + 2.0)["v1"]
    assert isinstance(said, ModelFailure)
    assert said.kind == "unreachable"
    assert "0x" not in said.detail


def test_a_kept_connection_that_was_closed_meanwhile_is_opened_again() -> None:
    def close_after_first(request: Request) -> None:
        if len(request.server.requests) == 2:
            request.drop()
        else:
            request.answer(truth())

    with serving(close_after_first) as server:
        models = ModelClient({"v1": server.url}, time.monotonic)
        models.predict(b"x", versions=["v1"], deadline=time.monotonic() + 2.0)
        said = models.predict(b"x", versions=["v1"], deadline=time.monotonic() + 2.0)["v1"]
    assert isinstance(said, Prediction)
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    "lie",
    [
        truth(model="v2"),
        truth(label="receipt", probabilities={"invoice": 0.9, "receipt": 0.1}),
        truth(probabilities={"invoice": 0.9, "other": 0.3}),
        truth(probabilities={}),
        truth(probabilities={"invoice": float("nan"), "other": 0.1}),
        truth(probabilities={"invoice": 1.4, "other": -0.4}, confidence=1.4),
        truth(confidence=0.2),
        truth(confidence="0.9"),
        truth(confidence=True),
        truth(pages=0),
        truth(label=""),
        truth(model_sha256=None),
        truth(timings_ms=[1]),
        [],
        None,
        b"<html>",
        b"",
    ],
)
def test_a_lie_never_gets_into_a_record(lie: Any) -> None:
    assert error_of(lambda request: request.answer(lie)).kind == "invalid_answer"


def test_an_endless_answer_is_not_read_to_its_end() -> None:
    assert error_of(lambda request: request.answer(b" " * (MAX_ANSWER_BYTES + 1))).kind == "invalid_answer"


def test_no_time_left_asks_nobody() -> None:
    with serving(lambda request: request.answer(truth())) as server:
        models = ModelClient({"v1": server.url}, time.monotonic)
        said = models.predict(b"x", versions=["v1"], deadline=time.monotonic() - 1)["v1"]
        assert isinstance(said, ModelFailure)
        assert said.kind == "timeout"
        assert server.requests == []
