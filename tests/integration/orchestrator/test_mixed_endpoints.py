"""Protects: versions at a URL, in a Lambda function and at an endpoint of SageMaker make the records of a single stack.

v1 is a service, v2 the function in AWS's runtime interface emulator, and v3 a container that is called as SageMaker
does. In front of each is a server with the interface of AWS, which injects faults.
"""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest

from orchestrator.aws_clients import AwsClients
from orchestrator.endpoints import Endpoint, HttpEndpoint, LambdaEndpoint, SageMakerEndpoint
from orchestrator.models import ModelClient
from orchestrator.pipeline import Budget
from records.outcomes import ModelFailure, Prediction
from records.record import Record, Status
from testkit import hosting_options
from testkit.fault_proxy import Fault, FaultProxy, Response, hang, running
from testkit.hosting_options import HostedVersions
from testkit.model_edges import FunctionEdge, SageMakerEdge, aws_error, function_error, model_error, refuse
from tests.support.pages import encode, every_format, page
from tests.support.pipelines import FakeDocuments, FakeRecords, pipeline
from tests.support.tiny_model import write_tiny_model
from tests.support.tools import require_tool
from tests.support.uploads import upload

pytestmark = pytest.mark.slow

VERSIONS = ("v1", "v2", "v3")
USUAL = Budget(30.0, 0.3)
"""Longer than the three services need on a busy machine."""
SHORT_S = 3.0
DOCUMENTS = {name: content for name, content in every_format((200, 280)).items() if name in ("jpeg", "png-16", "pdf")}
DOCUMENTS["not a document"] = b"\x00\x01\x02 neither text nor an image"
PAGE = encode(page((200, 280)), "JPEG")


@dataclass
class Mixture:
    """The versions at three kinds of endpoints, and a stack that has all of them.

    Attributes:
        edges: What is in front of each version.
        models: Calls the versions at their endpoints.
        stack: Calls the versions of the stack.
    """

    edges: Mapping[str, FaultProxy]
    models: ModelClient
    stack: ModelClient

    def classify(self, content: bytes, models: ModelClient | None = None, records: FakeRecords | None = None) -> Record:
        line = pipeline(
            FakeDocuments(content), models or self.models, records or FakeRecords(), budget=USUAL, clock=time.monotonic
        )
        return line.classify(upload()).record


HOSTING_OPTIONS = {
    "v1": hosting_options.separate_services,
    "v2": hosting_options.lambda_functions,
    "v3": hosting_options.sagemaker_containers,
}
EDGES: dict[str, type[FaultProxy]] = {"v1": FaultProxy, "v2": FunctionEdge, "v3": SageMakerEdge}
ENDPOINTS: dict[str, Endpoint] = {"v2": LambdaEndpoint("triptych-v2:live"), "v3": SageMakerEndpoint("documents", "v3")}


def start(version: str, models: Path) -> AbstractContextManager[HostedVersions]:
    return HOSTING_OPTIONS[version]([version], models)


def port_of(hosted: HostedVersions) -> int:
    return urlsplit(hosted.servers[0].url).port or 0


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for seed, version in enumerate(VERSIONS):
        write_tiny_model(folder, version, seed=seed)
    return folder


@pytest.fixture(scope="module")
def mixture(models: Path) -> Iterator[Mixture]:
    require_tool("sam")  # its package contains the runtime interface emulator
    with ExitStack() as stack:
        single = stack.enter_context(hosting_options.single_service(VERSIONS, models)).servers[0].url
        ports = {"v1": urlsplit(single).port or 0}
        ports |= {version: port_of(stack.enter_context(start(version, models))) for version in ("v2", "v3")}
        edges = {version: stack.enter_context(running(EDGES[version](ports[version]))) for version in VERSIONS}
        environment = stack.enter_context(pytest.MonkeyPatch.context())
        environment.setenv("AWS_ENDPOINT_URL_LAMBDA", f"http://127.0.0.1:{edges['v2'].port}")
        environment.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", f"http://127.0.0.1:{edges['v3'].port}")
        clients = AwsClients(boto3.Session("key-id", "secret-key", region_name="eu-west-1"))
        endpoints: dict[str, Endpoint] = {"v1": HttpEndpoint(f"http://127.0.0.1:{edges['v1'].port}/v1"), **ENDPOINTS}
        yield Mixture(
            edges,
            ModelClient(endpoints, time.monotonic, clients=clients),
            ModelClient({version: f"{single}/{version}" for version in VERSIONS}, time.monotonic),
        )


def what_matters(record: Record) -> object:
    """Return a record without its times."""
    outcomes = {
        version: (outcome.label, outcome.probabilities, outcome.abstained, outcome.pages, outcome.model_sha256)
        if isinstance(outcome, Prediction)
        else (outcome.kind, outcome.status, outcome.problem, outcome.detail)
        for version, outcome in record.predictions.items()
    }
    return outcomes, record.verdict, record.status, record.reason


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_records_equal_those_of_one_stack_to_the_last_bit(mixture: Mixture, name: str) -> None:
    mixed = mixture.classify(DOCUMENTS[name])
    assert what_matters(mixed) == what_matters(mixture.classify(DOCUMENTS[name], mixture.stack))
    assert mixed.status is (Status.REJECTED if name == "not a document" else Status.COMPLETE)


LIE = json.dumps({"label": "cat", "confidence": 1.0}).encode()

FAULTS: dict[str, tuple[str, Fault, str]] = {
    "v1 is down": ("v1", lambda _: None, "unreachable"),
    "v1 is overloaded": ("v1", lambda _: Response(429, b"{}"), "overloaded"),
    "v1 fails": ("v1", lambda _: Response(500, b"Traceback"), "failed"),
    "v1 lies": ("v1", lambda _: Response(200, LIE), "invalid_answer"),
    "v2 is down": ("v2", lambda _: None, "unreachable"),
    "v2 is throttled": ("v2", refuse(429, "TooManyRequestsException"), "overloaded"),
    "v2 was deleted": ("v2", refuse(404, "ResourceNotFoundException"), "failed"),
    "v2 may not be invoked": ("v2", refuse(403, "AccessDeniedException"), "failed"),
    "v2 is killed": ("v2", function_error("Runtime.ExitError", "signal: killed"), "failed"),
    "v2 is out of time": ("v2", function_error("Sandbox.Timedout", "Task timed out after 3.00 seconds"), "timeout"),
    "v2 lies": ("v2", lambda _: Response(200, b'{"statusCode": 200, "body": "{}"}'), "invalid_answer"),
    "v3 is down": ("v3", lambda _: None, "unreachable"),
    "v3 is throttled": ("v3", refuse(400, "ThrottlingException"), "overloaded"),
    "v3 is not ready": ("v3", refuse(429, "ModelNotReadyException"), "overloaded"),
    "v3 has a fault": ("v3", lambda _: model_error(500, "Traceback"), "failed"),
    "v3 does not exist": ("v3", lambda _: aws_error(400, "ValidationError"), "failed"),
    "v3 is out of time": ("v3", lambda _: model_error(0, "Your invocation timed out"), "timeout"),
    "v3 lies": ("v3", lambda _: Response(200, LIE), "invalid_answer"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_fault_of_an_endpoint_costs_its_own_prediction_until_the_retry(mixture: Mixture, name: str) -> None:
    version, fault, kind = FAULTS[name]
    records = FakeRecords()
    with mixture.edges[version].injecting(fault):
        partial = mixture.classify(PAGE, records=records)
    assert partial.status is Status.PARTIAL
    assert {failed: failure.kind for failed, failure in partial.failures().items()} == {version: kind}

    complete = mixture.classify(PAGE, records=records)

    assert complete.status is Status.COMPLETE
    assert complete.predictions == {**complete.predictions, **partial.answered()}  # only the missing one was called
    assert what_matters(complete) == what_matters(mixture.classify(PAGE, mixture.stack))


@pytest.mark.parametrize("version", VERSIONS)
def test_endpoint_that_hangs_does_not_delay_the_record(mixture: Mixture, version: str) -> None:
    line = pipeline(
        FakeDocuments(PAGE), mixture.models, FakeRecords(), budget=Budget(SHORT_S, 0.3), clock=time.monotonic
    )
    with mixture.edges[version].injecting(hang):
        record = line.classify(upload()).record
    failure = record.predictions[version]
    assert isinstance(failure, ModelFailure)
    assert failure.kind == "timeout"


@pytest.mark.parametrize("version", VERSIONS)
def test_killed_endpoint_is_called_again_once_it_has_been_replaced(
    mixture: Mixture, models: Path, version: str
) -> None:
    """The process itself ends, with its connections, and another one takes its place."""
    edge, records = mixture.edges[version], FakeRecords()
    usual = edge.upstream
    try:
        with start(version, models) as hosted:
            edge.upstream = port_of(hosted)
            mixture.classify(PAGE)
            hosted.servers[0].kill()
            partial = mixture.classify(PAGE, records=records)
            assert set(partial.failures()) == {version}
        with start(version, models) as hosted:
            edge.upstream = port_of(hosted)
            complete = mixture.classify(PAGE, records=records)
    finally:
        edge.upstream = usual
    assert complete.status is Status.COMPLETE
    assert what_matters(complete) == what_matters(mixture.classify(PAGE, mixture.stack))
