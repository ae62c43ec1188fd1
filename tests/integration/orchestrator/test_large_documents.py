"""Protects: a document that a request does not contain is read from S3 by the service, and classified like any other.

Functions and SageMaker get the addresses of large documents, services behind the load balancer those of all documents
if so chosen, and their content after all if they may not read them.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
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
from orchestrator.request_body import DOCUMENT_TYPE, OBJECT_TYPE, BodyFormat
from records.addresses import ObjectAddress
from records.derived import DerivedObjects
from records.documents import DocumentStore
from records.outcomes import ModelFailure, Outcome, Prediction
from records.record import Record, Status
from records.uploads import Upload
from testkit.fault_proxy import running
from testkit.model_edges import LambdaEdge, SageMakerEdge
from tests.support.pages import encode, page
from tests.support.pipelines import FakeRecords, pipeline
from tests.support.tiny_model import write_tiny_model
from tests.support.uploads import upload

PASS_LOCAL: Any = {"core": {"passthrough": {"urls": [r"http://127\.0\.0\.1:.*"]}}}
BUDGET = Budget(30.0, 0.3)
VERSIONS = ("v1", "v2", "v3")
SMALL = encode(page((300, 400)), "JPEG")
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


class Service:
    """A running model service that remembers the media type of each request."""

    def __init__(self, app: Any) -> None:
        self.port, self.received = 0, list[str]()
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            self.received.append(dict(scope["headers"])[b"content-type"].decode())
        await self._app(scope, receive, send)


@contextmanager
def service(models: Path, *buckets: str) -> Iterator[Service]:
    """Run a service that may read the objects of some buckets."""
    settings = ServiceSettings(models_dir=models, models=VERSIONS, workers=1, object_buckets=buckets)
    with DecoderPool(1) as decoders:
        running_app = Service(create_service_app(load_classifier(settings, decoders), settings, decoders))
        with serving(uvicorn.Config(running_app, port=0, log_config=None)) as running_app.port:
            yield running_app


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three versions."""
    models = tmp_path_factory.mktemp("models")
    for version in VERSIONS:
        write_tiny_model(models, version)
    return models


@pytest.fixture(scope="module")
def reader(s3: Any, weights: Path) -> Iterator[Service]:
    """A service that may read the inbox."""
    with service(weights, "documents") as running_service:
        yield running_service


@pytest.fixture(scope="module")
def port(reader: Service) -> int:
    """The port of a service that may read the inbox."""
    return reader.port


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


class CountedReads(DocumentStore):
    """The objects of the inbox, with the number of objects that the orchestrator read."""

    def __init__(self, s3: Any) -> None:
        super().__init__(s3, max_bytes=20 * 1024 * 1024)
        self.reads = 0

    def read(self, upload: Upload) -> bytes:
        self.reads += 1
        return super().read(upload)


def classify(
    s3: Any,
    models: ModelClient,
    content: bytes,
    preparation: Preparation | None = None,
    documents: DocumentStore | None = None,
) -> Record:
    """Upload a document and return its record."""
    written = s3.put_object(Bucket="documents", Key="scan é.bmp", Body=content)
    uploaded = upload("scan é.bmp", size=len(content), version_id=written["VersionId"], etag=written["ETag"].strip('"'))
    documents = documents or CountedReads(s3)
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


def client_of(port: int, *, by_address: bool) -> ModelClient:
    """Return a client of all versions at one service, as behind the load balancer."""
    body = BodyFormat(by_address=by_address)
    endpoints = {version: HttpEndpoint(f"http://127.0.0.1:{port}/{version}", body=body) for version in VERSIONS}
    return ModelClient(endpoints, time.monotonic)


def test_record_is_the_same_by_address_and_by_content(s3: Any, reader: Service) -> None:
    reader.received.clear()
    by_content = classify(s3, client_of(reader.port, by_address=False), SMALL)
    assert reader.received == [DOCUMENT_TYPE] * 3

    reader.received.clear()
    documents = CountedReads(s3)
    by_address = classify(s3, client_of(reader.port, by_address=True), SMALL, documents=documents)
    assert reader.received == [OBJECT_TYPE] * 3
    assert documents.reads == 0, "the orchestrator does not read what the versions read"
    assert by_address.status is Status.COMPLETE
    assert what_matters(by_address) == what_matters(by_content)


UNREADABLE = {"damaged": SMALL[:200], "an unknown format": b"\x00\x01 neither text nor an image", "office": OFFICE}


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable_document_is_rejected_for_the_same_reason_by_address(s3: Any, reader: Service, name: str) -> None:
    documents = CountedReads(s3)
    by_address = classify(s3, client_of(reader.port, by_address=True), UNREADABLE[name], documents=documents)
    assert (by_address.status, documents.reads) == (Status.REJECTED, 0)
    by_content = classify(s3, client_of(reader.port, by_address=False), UNREADABLE[name])
    assert what_matters(by_address) == what_matters(by_content)


def what_matters(record: Record) -> object:
    """Return what a record says about its document, without times and the identity of the object."""
    outcomes = {
        version: outcome_of(outcome)
        if isinstance(outcome, Prediction)
        else (outcome.kind, outcome.status, outcome.problem, outcome.detail)
        for version, outcome in record.predictions.items()
    }
    return outcomes, record.verdict, record.status, record.reason, record.upload.size, record.conversion, record.parent


def predictions(record: Record) -> dict[str, object]:
    return {version: outcome_of(outcome) for version, outcome in record.predictions.items()}


def test_service_that_may_not_read_the_inbox_gets_the_content_in_the_same_attempt(
    s3: Any, reader: Service, weights: Path
) -> None:
    """As during an update, in which services change before the orchestrator, and without a permission."""
    documents = CountedReads(s3)
    with service(weights) as without_permission:
        record = classify(s3, client_of(without_permission.port, by_address=True), SMALL, documents=documents)
    assert documents.reads == 1
    assert sorted(without_permission.received) == sorted([OBJECT_TYPE, DOCUMENT_TYPE] * 3)
    assert record.status is Status.COMPLETE
    assert predictions(record) == predictions(classify(s3, client_of(reader.port, by_address=False), SMALL))


def test_document_that_is_deleted_before_it_is_read_is_rejected(s3: Any, reader: Service) -> None:
    written = s3.put_object(Bucket="documents", Key="deleted.jpg", Body=SMALL)
    s3.delete_object(Bucket="documents", Key="deleted.jpg", VersionId=written["VersionId"])
    models, of = client_of(reader.port, by_address=True), upload("deleted.jpg", version_id=written["VersionId"])
    record = pipeline(CountedReads(s3), models, budget=BUDGET, clock=time.monotonic).classify(of).record
    assert (record.status, record.reason and record.reason.kind) == (Status.REJECTED, "deleted")
    assert record.predictions == {}


def test_mail_of_a_pdf_is_converted_although_a_decoder_would_read_it(s3: Any, reader: Service) -> None:
    """The services classify it, because a PDF may have other bytes before it. Their predictions do not count."""
    content = b"MIME-Version: 1.0\r\nContent-Type: application/pdf\r\n\r\n" + encode(page((300, 400)), "PDF")
    by_address, by_content = (client_of(reader.port, by_address=choice) for choice in (True, False))
    assert classify(s3, by_address, content).status is Status.COMPLETE, "a decoder reads it"
    preparation = Preparation(FixedConverter(), DerivedObjects(s3), time.monotonic)
    records = [classify(s3, models, content, preparation) for models in (by_address, by_content)]
    assert all(record.conversion for record in records)
    assert predictions(records[0]) == predictions(records[1])


def test_document_that_is_deleted_meanwhile_is_classified_from_its_content(s3: Any, reader: Service) -> None:
    """If the orchestrator has read it, as for a retry, a deletion costs no more predictions than if it were sent."""
    written = s3.put_object(Bucket="documents", Key="deleted.jpg", Body=SMALL)
    address = ObjectAddress("documents", "deleted.jpg", written["VersionId"])
    s3.delete_object(Bucket="documents", Key="deleted.jpg", VersionId=written["VersionId"])
    models = client_of(reader.port, by_address=True)
    outcomes = models.predict(SMALL, versions=VERSIONS, deadline=time.monotonic() + 30, address=address)
    assert all(isinstance(outcome, Prediction) for outcome in outcomes.values()), outcomes
