"""Protects: a document that a request may not contain is read from S3 by the service, and classified like any other."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
import uvicorn
from moto import mock_aws

from decoding.isolation.pool import DecoderPool
from model_service.app import create_service_app, load_classifier
from model_service.settings import ServiceSettings
from orchestrator.aws_clients import AwsClients
from orchestrator.converter import Converted
from orchestrator.endpoints import (
    MAX_EVENT_BYTES,
    MAX_SAGEMAKER_BYTES,
    Endpoint,
    HttpEndpoint,
    LambdaEndpoint,
    SageMakerEndpoint,
)
from orchestrator.models import ModelClient
from orchestrator.pipeline import Budget
from orchestrator.preparation import Preparation
from records.addresses import ObjectAddress
from records.derived import DerivedObjects
from records.documents import DocumentStore
from records.outcomes import ModelFailure, Outcome, Prediction
from records.record import Record
from testkit.fault_proxy import running
from testkit.model_edges import LambdaEdge, SageMakerEdge
from tests.support.pages import encode, page
from tests.support.pipelines import FakeRecords, pipeline
from tests.support.tiny_model import write_tiny_model
from tests.support.uploads import upload

PASS_LOCAL: Any = {"core": {"passthrough": {"urls": [r"http://127\.0\.0\.1:.*"]}}}
BUDGET = Budget(30.0, 0.3)
LARGE = encode(page((1100, 1500)), "BMP")
OFFICE = b"PK\x03\x04 an office document"


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    """S3 in memory, for the store of the orchestrator and for the service, which run in this process."""
    with pytest.MonkeyPatch.context() as environment, mock_aws(config=PASS_LOCAL):
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            environment.setenv(name, "testing")
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        client = boto3.client("s3")
        client.create_bucket(Bucket="documents")
        client.put_bucket_versioning(Bucket="documents", VersioningConfiguration={"Status": "Enabled"})
        yield client


@pytest.fixture(scope="module")
def port(s3: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a service that may read the inbox."""
    models = tmp_path_factory.mktemp("models")
    for version in ("v1", "v2", "v3"):
        write_tiny_model(models, version)
    settings = ServiceSettings(models_dir=models, models=("v1", "v2", "v3"), workers=1, object_buckets=("documents",))
    with DecoderPool(1) as decoders:
        app = create_service_app(load_classifier(settings, decoders), settings, decoders)
        with serving(uvicorn.Config(app, port=0, log_config=None)) as port:
            yield port


@contextmanager
def serving(config: uvicorn.Config) -> Iterator[int]:
    """Run a server in a thread, and return its port."""
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def models(port: int) -> Iterator[ModelClient]:
    """The same version at three kinds of endpoints: the container serves v1, the function v2."""
    with (
        running(SageMakerEdge(port)) as container,
        running(LambdaEdge(port)) as function,
        pytest.MonkeyPatch.context() as environment,
    ):
        environment.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", f"http://127.0.0.1:{container.port}")
        environment.setenv("AWS_ENDPOINT_URL_LAMBDA", f"http://127.0.0.1:{function.port}")
        endpoints: dict[str, Endpoint] = {
            "v1": SageMakerEndpoint("documents"),
            "v2": LambdaEndpoint("triptych-v2:live", path="/v2/predict"),
            "v3": HttpEndpoint(f"http://127.0.0.1:{port}/v3"),
        }
        yield ModelClient(endpoints, time.monotonic, clients=AwsClients(boto3.Session()))


def classify(s3: Any, models: ModelClient, content: bytes, preparation: Preparation | None = None) -> Record:
    """Upload a document and return its record."""
    written = s3.put_object(Bucket="documents", Key="scan é.bmp", Body=content)
    uploaded = upload("scan é.bmp", size=len(content), version_id=written["VersionId"], etag=written["ETag"].strip('"'))
    documents = DocumentStore(s3, max_bytes=20 * 1024 * 1024)
    line = pipeline(documents, models, FakeRecords(), budget=BUDGET, clock=time.monotonic, preparation=preparation)
    return line.classify(uploaded).record


def test_large_document_has_the_same_prediction_at_every_endpoint(s3: Any, models: ModelClient) -> None:
    assert MAX_SAGEMAKER_BYTES < MAX_EVENT_BYTES < len(LARGE)
    predictions = classify(s3, models, LARGE).predictions
    assert all(isinstance(outcome, Prediction) for outcome in predictions.values()), predictions
    assert len({str(outcome_of(each)) for each in predictions.values()}) == 1


def outcome_of(outcome: Outcome) -> object:
    """Return what a version predicts, without times."""
    assert isinstance(outcome, Prediction)
    return outcome.label, outcome.probabilities, outcome.pages


def test_pages_of_a_converted_document_are_read_by_their_address(s3: Any, models: ModelClient) -> None:
    preparation = Preparation(FixedConverter(), DerivedObjects(s3), time.monotonic)
    record = classify(s3, models, OFFICE, preparation)
    assert record.conversion
    assert record.predictions.keys() == record.answered().keys()
    assert len({str(outcome_of(each)) for each in record.predictions.values()}) == 1


class FixedConverter:
    """A converter that makes the same pages of each document."""

    def convert(self, document: bytes, *, deadline: float, trace_id: str = "") -> Converted:
        return Converted("docx", LARGE, (), (), 1.0)


def test_object_that_is_replaced_before_the_service_reads_it_is_not_mistaken_for_another(
    s3: Any, models: ModelClient
) -> None:
    """Without its version, an address is that of whatever the key contains."""
    written = s3.put_object(Bucket="documents", Key="replaced.bmp", Body=LARGE)
    address = ObjectAddress("documents", "replaced.bmp", etag=written["ETag"].strip('"'))
    s3.put_object(Bucket="documents", Key="replaced.bmp", Body=b"another")

    outcomes = models.predict(LARGE, versions=("v1", "v2", "v3"), deadline=time.monotonic() + 30, address=address)

    assert isinstance(outcomes["v3"], Prediction)
    gone = [outcomes["v1"], outcomes["v2"]]
    assert [(each.kind, each.problem) for each in gone if isinstance(each, ModelFailure)] == [
        ("rejected", "object-gone")
    ] * 2
