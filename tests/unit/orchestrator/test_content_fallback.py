"""Protects: a service that cannot read an object gets its content in the same attempt, if a request may contain it."""

import itertools
import logging
import time

import pytest

from orchestrator.content_fallback import ContentFallback
from orchestrator.endpoints import HttpEndpoint
from orchestrator.errors import CallFailed
from orchestrator.models import ModelClient
from orchestrator.request_body import DOCUMENT_TYPE, OBJECT_TYPE, BodyFormat, Document
from records.addresses import ObjectAddress
from records.outcomes import ModelFailure, Outcome, Prediction
from tests.support.servers import Behaviour, Request, serving, valid_answer

ADDRESS = ObjectAddress("inbox", "scan.tif", "version-7")
BY_ADDRESS = BodyFormat(by_address=True)
DENIED = CallFailed("failed", "This service reads no objects.", 403, "object-denied")


def refuses(problem: str, status: int) -> Behaviour:
    """Return a service that reads no object."""

    def behaviour(request: Request) -> None:
        if request.headers["Content-Type"] == OBJECT_TYPE:
            request.answer({"type": f"urn:triptych:problem:{problem}", "detail": "no"}, status, {"Retry-After": "1"})
        else:
            request.answer(valid_answer())

    return behaviour


def call(behaviour: Behaviour, body: BodyFormat = BY_ADDRESS, content: bytes = b"%PDF-") -> tuple[Outcome, list[str]]:
    """Return the outcome of a document, and the media type of each request."""
    sent: list[str] = []

    def remembered(request: Request) -> None:
        sent.append(request.headers["Content-Type"])
        behaviour(request)

    with serving(remembered) as server:
        models = ModelClient({"v1": HttpEndpoint(server.url, body=body)}, time.monotonic)
        deadline = time.monotonic() + 5.0
        outcome = models.predict(content, versions=["v1"], deadline=deadline, address=ADDRESS)["v1"]
    return outcome, sent


@pytest.mark.parametrize(("problem", "status"), [("object-denied", 403), ("object-gone", 422), ("unavailable", 503)])
def test_content_is_sent_if_the_object_could_not_be_read(problem: str, status: int) -> None:
    outcome, sent = call(refuses(problem, status))
    assert isinstance(outcome, Prediction)
    assert sent == [OBJECT_TYPE, DOCUMENT_TYPE]


@pytest.mark.parametrize(("problem", "status"), [("corrupt-document", 422), ("overloaded", 429), ("forbidden", 403)])
def test_other_failures_do_not_depend_on_the_content(problem: str, status: int) -> None:
    outcome, sent = call(refuses(problem, status))
    assert isinstance(outcome, ModelFailure)
    assert (outcome.status, set(sent)) == (status, {OBJECT_TYPE})


def test_content_that_no_request_may_contain_is_not_sent() -> None:
    """The failure stays that of the permission, which a retry may find corrected; it rejects no document."""
    outcome, sent = call(refuses("object-denied", 403), BodyFormat(max_bytes=3), b"%PDF-")
    assert isinstance(outcome, ModelFailure)
    assert (outcome.kind, outcome.problem) == ("failed", "object-denied")
    assert sent == [OBJECT_TYPE]


def test_failure_of_the_content_is_the_outcome() -> None:
    """Content is sent once, so that a service that answers everything alike ends the call."""
    outcome, sent = call(lambda request: request.answer({"type": "urn:triptych:problem:object-denied"}, 403))
    assert isinstance(outcome, ModelFailure)
    assert sent == [OBJECT_TYPE, DOCUMENT_TYPE]


def test_operator_learns_of_it_without_a_line_for_each_document(caplog: pytest.LogCaptureFixture) -> None:
    times = itertools.chain([0.0, 30.0, 61.0])
    fallback = ContentFallback(BY_ADDRESS, "v2", lambda: next(times))
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert fallback.instead_of(Document(b"%PDF-", ADDRESS), DENIED) == Document(b"%PDF-")
    assert len(caplog.messages) == 2
    assert caplog.messages[0].startswith("v2 could not read a document by its address")
    assert "This service reads no objects. (object-denied)" in caplog.messages[0]


@pytest.mark.parametrize("address", [None, ObjectAddress("inbox", "scan.tif")])
def test_document_without_an_address_of_its_content_is_sent_itself(address: ObjectAddress | None) -> None:
    """An address that is not pinned could be that of another content by now."""
    assert BY_ADDRESS.encode(Document(b"%PDF-", address)) == (DOCUMENT_TYPE, b"%PDF-")
