"""Protects: a version behind Lambda or SageMaker fails, is retried and is recorded like one behind a URL.

The client of boto3 calls local servers that speak the interfaces of AWS (`testkit.model_edges`).
"""

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.answers import MAX_ANSWER_BYTES
from orchestrator.aws_clients import AwsClients
from orchestrator.endpoints import MAX_EVENT_BYTES, MAX_SAGEMAKER_BYTES, Endpoint, LambdaEndpoint, SageMakerEndpoint
from orchestrator.errors import CallFailed
from orchestrator.lambda_sender import LambdaSender, read_function_result
from orchestrator.models import ModelClient
from orchestrator.request_body import OBJECT_TYPE
from records.addresses import ObjectAddress
from records.outcomes import ModelFailure, Outcome, Prediction
from testkit.fault_proxy import Fault, FaultProxy, Response, hang, running
from testkit.model_edges import LambdaEdge, SageMakerEdge, aws_error, function_error, model_error, refuse
from tests.support.servers import Request, Server, serving, valid_answer

ADDRESS = ObjectAddress("inbox", "scan é.tif", "version-7")


class Line:
    """A service behind the edge of its kind of endpoint, and a client of it."""

    def __init__(self, edge: FaultProxy, service: Server, endpoint: Endpoint) -> None:
        self.edge, self.service, self.delays = edge, service, list[float]()
        session = boto3.Session("key-id", "secret-key", region_name="eu-west-1")
        self.client = ModelClient(
            {"v1": endpoint}, time.monotonic, clients=AwsClients(session), sleep=self.delays.append
        )

    def reset(self) -> "Line":
        """Remove what an earlier test left."""
        self.edge.fault, self.service.behaviour = None, works
        self.service.requests.clear()
        self.delays.clear()
        return self

    def call(self, document: bytes = b"%PDF-", *, seconds: float = 30.0, **options: Any) -> Outcome:
        return self.client.predict(document, versions=["v1"], deadline=time.monotonic() + seconds, **options)["v1"]

    def failure(self, fault: Fault | None = None, **options: Any) -> ModelFailure:
        self.edge.fault = fault
        outcome = self.call(**options)
        assert isinstance(outcome, ModelFailure), outcome
        return outcome


ENDPOINTS: dict[str, Endpoint] = {
    "lambda": LambdaEndpoint("triptych-v1:live"),
    "sagemaker": SageMakerEndpoint("documents", "v1"),
}
EDGES: dict[str, Callable[[int], FaultProxy]] = {"lambda": LambdaEdge, "sagemaker": SageMakerEdge}


@pytest.fixture(params=["lambda", "sagemaker"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def lines() -> Iterator[dict[str, Line]]:
    """A line of each kind, for all tests: creating a client takes longer than most tests."""
    variables = {"lambda": "AWS_ENDPOINT_URL_LAMBDA", "sagemaker": "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"}
    with ExitStack() as stack:
        environment = stack.enter_context(pytest.MonkeyPatch.context())
        lines = {}
        for kind, endpoint in ENDPOINTS.items():
            service = stack.enter_context(serving(works))
            edge = stack.enter_context(running(EDGES[kind](service.server_address[1])))
            environment.setenv(variables[kind], f"http://127.0.0.1:{edge.port}")
            lines[kind] = Line(edge, service, endpoint)
        yield lines


def works(request: Request) -> None:
    request.answer(valid_answer())


@pytest.fixture
def line(lines: dict[str, Line], kind: str) -> Line:
    return lines[kind].reset()


@pytest.fixture
def function(lines: dict[str, Line]) -> Line:
    return lines["lambda"].reset()


@pytest.fixture
def sagemaker(lines: dict[str, Line]) -> Line:
    return lines["sagemaker"].reset()


def test_prediction_is_that_of_the_service(line: Line) -> None:
    outcome = line.call(b"\x00\xffbytes", trace_id="Root=1-a")
    assert isinstance(outcome, Prediction), outcome
    assert (outcome.label, outcome.confidence, outcome.pages) == ("invoice", 0.9, 2)
    [request] = line.service.requests
    assert request.body == b"\x00\xffbytes"
    assert request.headers["Content-Type"] == "application/octet-stream"


def test_deadline_and_trace_reach_the_service(line: Line, kind: str) -> None:
    line.call(trace_id="Root=1-a;Sampled=1")
    [request] = line.service.requests
    if kind == "lambda":
        timeout, trace = request.headers["X-Timeout-Ms"], request.headers["X-Amzn-Trace-Id"]
    else:
        assert request.headers["X-Timeout-Ms"] is None
        first, trace = request.headers["X-Amzn-SageMaker-Custom-Attributes"].split(";", 1)
        timeout, trace = first.removeprefix("X-Timeout-Ms="), trace.removeprefix("X-Amzn-Trace-Id=")
        assert request.headers["X-Amzn-SageMaker-Target-Variant"] == "v1"
    assert 20_000 < int(timeout) <= 30_000
    assert trace == "Root=1-a;Sampled=1"


def test_connection_is_kept_between_documents(line: Line) -> None:
    used = set()

    def remember(forward: Callable[[], Response]) -> Response:
        used.add(threading.current_thread())  # the edge has one thread for each connection
        return forward()

    line.edge.fault = remember
    for _ in range(3):
        assert isinstance(line.call(), Prediction)
    assert len(used) == 1


@pytest.mark.parametrize(
    ("status", "expected"),
    [(400, "rejected"), (413, "rejected"), (422, "rejected"), (404, "failed"), (408, "timeout"), (500, "failed")],
)
def test_problem_of_the_service_is_the_failure(line: Line, status: int, expected: str) -> None:
    problem = {"type": "urn:triptych:problem:corrupt-document", "detail": "it has no pages"}
    line.service.behaviour = lambda request: request.answer(problem, status)
    outcome = line.failure()
    assert (outcome.kind, outcome.status, outcome.detail) == (expected, status, "it has no pages")
    assert outcome.problem == "corrupt-document"
    assert len(line.service.requests) == 1


@pytest.mark.parametrize("status", [429, 502, 503])
def test_transient_failure_of_the_service_is_retried(line: Line, status: int) -> None:
    attempts = []

    def busy_at_first(request: Request) -> None:
        attempts.append(1)
        if len(attempts) < 3:
            request.answer({"detail": "full"}, status)
        else:
            works(request)

    line.service.behaviour = busy_at_first
    assert isinstance(line.call(), Prediction)
    assert len(attempts) == 3


@pytest.mark.parametrize(
    ("status", "code", "expected", "retried"),
    [
        (429, "TooManyRequestsException", "overloaded", True),
        (429, "ModelNotReadyException", "overloaded", True),
        (400, "ThrottlingException", "overloaded", True),
        (503, "ServiceUnavailable", "overloaded", True),
        (500, "ServiceException", "unreachable", True),
        (502, "EC2ThrottledException", "unreachable", True),
        (530, "InternalDependencyException", "unreachable", True),
        (403, "AccessDeniedException", "failed", False),
        (404, "ResourceNotFoundException", "failed", False),
        (400, "ValidationError", "failed", False),
        (413, "RequestTooLargeException", "failed", False),
        (400, "InvalidRequestContentException", "failed", False),
    ],
)
def test_error_of_aws_is_a_failure_of_the_version_and_never_a_rejected_document(
    line: Line, status: int, code: str, expected: str, retried: bool
) -> None:
    outcome = line.failure(refuse(status, code))
    assert (outcome.kind, outcome.status) == (expected, status)
    assert code in outcome.detail
    assert line.delays == ([0.0, 0.1, 0.3] if retried else [])
    assert line.service.requests == []


def test_retry_after_of_aws_is_obeyed(line: Line) -> None:
    throttled = aws_error(429, "TooManyRequestsException")
    line.failure(lambda _: Response(429, throttled.body, {**throttled.headers, "Retry-After": "1"}))
    assert line.delays == [1.0, 1.0, 1.0]


def test_lost_connection_is_retried_and_unreachable_in_the_end(line: Line) -> None:
    outcome = line.failure(lambda _: None)
    assert outcome.kind == "unreachable"
    assert line.delays == [0.0, 0.1, 0.3]


def test_endpoint_that_hangs_costs_its_own_time_only(line: Line) -> None:
    outcome = line.failure(hang, seconds=0.3)
    assert outcome.kind == "timeout"


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b"null", b"", b" " * (MAX_ANSWER_BYTES + 1)])
def test_invalid_response_is_a_failure(line: Line, body: bytes) -> None:
    line.service.behaviour = lambda request: request.answer(body)
    assert line.failure().kind == "invalid_answer"


def test_large_document_is_sent_as_an_address(line: Line, kind: str) -> None:
    limit = {"lambda": MAX_EVENT_BYTES, "sagemaker": MAX_SAGEMAKER_BYTES}[kind]
    assert isinstance(line.call(bytes(limit), address=ADDRESS), Prediction)
    [request] = line.service.requests
    assert len(request.body) == limit

    assert isinstance(line.call(bytes(limit + 1), address=ADDRESS), Prediction)
    request = line.service.requests[-1]
    assert request.headers["Content-Type"] == OBJECT_TYPE
    assert json.loads(request.body) == {"bucket": "inbox", "key": "scan é.tif", "version_id": "version-7"}


@pytest.mark.parametrize("address", [None, ObjectAddress("inbox", "scan.tif")])
def test_large_document_without_an_address_of_its_content_is_rejected(
    line: Line, address: ObjectAddress | None
) -> None:
    outcome = line.failure(document=bytes(MAX_EVENT_BYTES + 1), address=address)
    assert (outcome.kind, outcome.status, outcome.problem) == ("rejected", 413, "document-too-large")
    assert line.service.requests == []


@pytest.mark.parametrize(
    ("error", "message", "expected"),
    [
        ("Runtime.ExitError", "RequestId: 1 Error: Runtime exited with error: signal: killed", "failed"),
        ("ImportError", "cannot import name", "failed"),
        ("Sandbox.Timedout", "RequestId: 1 Error: Task timed out after 3.00 seconds", "timeout"),
        ("", "2026-01-01T00:00:00Z 1 Task timed out after 3.00 seconds", "timeout"),
    ],
)
def test_function_that_ends_without_a_response_is_a_failure(
    function: Line, error: str, message: str, expected: str
) -> None:
    outcome = function.failure(function_error(error, message))
    assert outcome.kind == expected
    assert message in outcome.detail
    assert function.delays == []


@pytest.mark.parametrize("result", [b"not JSON", b'{"errorMessage": 7}', b"[" * 50_000, b"[1]"])
def test_error_of_a_function_in_any_form_is_a_failure(function: Line, result: bytes) -> None:
    outcome = function.failure(lambda _: Response(200, result, {"X-Amz-Function-Error": "Unhandled"}))
    assert outcome.kind == "failed"


def test_value_without_a_status_is_the_body_of_the_response(function: Line) -> None:
    function.edge.fault = lambda _: Response(200, json.dumps(valid_answer()).encode())
    assert isinstance(function.call(), Prediction)


def test_result_that_is_base64_is_decoded(function: Line) -> None:
    body = base64.b64encode(json.dumps(valid_answer()).encode()).decode()
    result = {"statusCode": 200, "body": body, "isBase64Encoded": True}
    function.edge.fault = lambda _: Response(200, json.dumps(result).encode())
    assert isinstance(function.call(), Prediction)


@given(
    st.dictionaries(
        st.sampled_from(["statusCode", "body", "headers", "isBase64Encoded"]),
        st.none()
        | st.booleans()
        | st.integers()
        | st.text()
        | st.lists(st.text(), max_size=2)
        | st.dictionaries(st.sampled_from(["Retry-After", "x"]), st.text() | st.integers(), max_size=2),
    )
)
def test_any_result_of_a_function_is_a_response_or_an_invalid_answer(result: dict[str, Any]) -> None:
    with suppress(CallFailed):
        response = read_function_result(json.dumps(result).encode(), 1000)
        assert 100 <= response.status < 600
        assert isinstance(response.body, bytes)


def test_container_that_does_not_respond_in_time_is_a_timeout(sagemaker: Line) -> None:
    outcome = sagemaker.failure(lambda _: model_error(0, "Your invocation timed out while waiting for a response"))
    assert (outcome.kind, outcome.status) == ("timeout", 424)


def test_error_of_the_container_without_a_problem_has_its_status(sagemaker: Line) -> None:
    outcome = sagemaker.failure(lambda _: model_error(500, "Traceback (most recent call last):"))
    assert (outcome.kind, outcome.status, outcome.detail) == ("failed", 500, "The service answered 500.")


def test_trace_that_is_too_long_for_the_attributes_is_left_out(sagemaker: Line) -> None:
    assert isinstance(sagemaker.call(trace_id="x" * 2000), Prediction)
    assert ";" not in sagemaker.service.requests[0].headers["X-Amzn-SageMaker-Custom-Attributes"]


def test_no_request_is_sent_after_the_deadline(line: Line) -> None:
    assert line.failure(seconds=-1).kind == "timeout"
    assert line.service.requests == []


def test_sender_creates_the_client_before_the_first_document() -> None:
    created = []

    class Clients(AwsClients):
        def get(self, service: str, region: str | None, seconds: float = 0.0) -> Any:
            created.append((service, region))

    LambdaSender(LambdaEndpoint("f", "eu-west-1"), Clients(), max_answer_bytes=1)
    assert created == [("lambda", "eu-west-1")]
