"""Protects: a service that cannot read an object gets its content in the same attempt, if a request may contain it."""

import itertools
import logging
import time
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest

from orchestrator.aws_clients import AwsClients
from orchestrator.content_fallback import ContentFallback
from orchestrator.endpoints import MAX_EVENT_BYTES, Endpoint, HttpEndpoint, LambdaEndpoint
from orchestrator.errors import CallFailed
from orchestrator.models import ModelClient
from orchestrator.reading import Reading
from orchestrator.request_body import DOCUMENT_TYPE, OBJECT_TYPE, BodyFormat, Document
from records.addresses import ObjectAddress
from records.errors import DocumentRejected
from records.outcomes import ModelFailure, Outcome, Prediction
from tests.support.pipelines import FakeDocuments
from tests.support.servers import Behaviour, Request, serving, valid_answer
from tests.support.uploads import upload

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


def unread(content: bytes | Exception, readers: ThreadPoolExecutor) -> tuple[Reading, FakeDocuments]:
    """Return content that has not been read, and where it is read from."""
    documents = FakeDocuments(content)
    return Reading(upload(size=5), documents.read, readers, time.monotonic() + 5.0, time.monotonic), documents


def test_content_is_read_once_for_all_versions_that_could_not_read_the_object(
    caplog: pytest.LogCaptureFixture,
) -> None:
    received: list[bytes] = []

    def refuses_two(request: Request) -> None:
        version = request.path.split("/")[1]
        if request.headers["Content-Type"] == DOCUMENT_TYPE:
            received.append(request.body)
        if request.headers["Content-Type"] == DOCUMENT_TYPE or version == "v3":
            request.answer(valid_answer(version))
        else:
            request.answer({"type": "urn:triptych:problem:object-denied", "detail": "no"}, 403)

    with serving(refuses_two) as server, ThreadPoolExecutor() as readers:
        content, documents = unread(b"%PDF-", readers)
        endpoints = {
            version: HttpEndpoint(f"{server.url}/{version}", body=BY_ADDRESS) for version in ("v1", "v2", "v3")
        }
        models, deadline = ModelClient(endpoints, time.monotonic), time.monotonic() + 5.0
        models.predict(content, versions=["v3"], deadline=deadline, address=ADDRESS)
        assert documents.reads == 0
        with caplog.at_level(logging.WARNING):
            outcomes = models.predict(content, versions=["v1", "v2"], deadline=deadline, address=ADDRESS)
    assert (documents.reads, received) == (1, [b"%PDF-"] * 2)
    assert all(isinstance(outcome, Prediction) for outcome in outcomes.values())
    assert sum("by its address, so its content was sent" in line for line in caplog.messages) == 2


def test_failure_stays_if_the_orchestrator_cannot_read_the_object_either(caplog: pytest.LogCaptureFixture) -> None:
    with serving(refuses("object-denied", 403)) as server, ThreadPoolExecutor() as readers:
        content, _ = unread(DocumentRejected("archived", "restore it"), readers)
        models = ModelClient({"v1": HttpEndpoint(server.url, body=BY_ADDRESS)}, time.monotonic)
        deadline = time.monotonic() + 5.0
        outcome = models.predict(content, versions=["v1"], deadline=deadline, address=ADDRESS)["v1"]
    assert isinstance(outcome, ModelFailure)
    assert (outcome.problem, len(server.requests), caplog.messages) == ("object-denied", 1, [])


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


def test_unread_content_is_read_for_a_service_that_receives_no_address() -> None:
    with ThreadPoolExecutor() as readers:
        content, documents = unread(b"%PDF-", readers)
        assert BodyFormat().encode(Document(content, ADDRESS)) == (DOCUMENT_TYPE, b"%PDF-")
        assert documents.reads == 1
        gone, _ = unread(DocumentRejected("deleted", "gone"), readers)
        with pytest.raises(CallFailed, match="gone"):
            BodyFormat().encode(Document(gone, ADDRESS))


UNPINNED = ObjectAddress("inbox", "scan.tif")
MIXED: dict[str, tuple[dict[str, Endpoint], ObjectAddress, int, bool]] = {
    "every version": ({"v1": HttpEndpoint("http://a", body=BY_ADDRESS)}, ADDRESS, 5, True),
    "unpinned": ({"v1": HttpEndpoint("http://a", body=BY_ADDRESS)}, UNPINNED, 5, False),
    "another receives content": (
        {"v1": HttpEndpoint("http://a", body=BY_ADDRESS), "v2": HttpEndpoint("http://b")},
        ADDRESS,
        5,
        False,
    ),
    "small for a function": (
        {"v1": HttpEndpoint("http://a", body=BY_ADDRESS), "v2": LambdaEndpoint("v2")},
        ADDRESS,
        MAX_EVENT_BYTES,
        False,
    ),
    "large for a function": (
        {"v1": HttpEndpoint("http://a", body=BY_ADDRESS), "v2": LambdaEndpoint("v2")},
        ADDRESS,
        MAX_EVENT_BYTES + 1,
        True,
    ),
    "an endpoint that reads no objects": (
        {"v1": HttpEndpoint("http://a", body=BodyFormat(reads_objects=False, max_bytes=1))},
        ADDRESS,
        5,
        False,
    ),
}


@pytest.mark.parametrize("name", MIXED)
def test_content_is_needed_unless_every_version_receives_the_address(name: str) -> None:
    endpoints, address, size, expected = MIXED[name]
    clients = AwsClients(boto3.Session("key-id", "secret-key", region_name="eu-west-1"))
    assert ModelClient(endpoints, time.monotonic, clients=clients).read_themselves(address, size) is expected
