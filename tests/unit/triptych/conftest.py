"""A stack in moto: the inbox, and the table as template.yaml defines it."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from aws_lambda_powertools.metrics import EphemeralMetrics
from moto import mock_aws

from orchestrator import handler as entry
from orchestrator import telemetry
from orchestrator.endpoints import HttpEndpoint
from orchestrator.settings import OrchestratorSettings
from testkit.template import table_definition
from tests.support.servers import Server, serving, valid_answer
from triptych.repair import dead_letters
from triptych.repair.invocation import Event, InvocationError, Invoke
from triptych.storage.connection import StackConnection

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_sqs.client import SQSClient

CONTEXT: Any = SimpleNamespace(
    function_name="orchestrator",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:orchestrator:live",
    aws_request_id="11111111-2222-3333-4444-555555555555",
    get_remaining_time_in_millis=lambda: 30_000,
)
"""The context object of a Lambda invocation."""


@dataclass(frozen=True)
class SharedClients(StackConnection):
    """A connection whose clients all tests share: creating a client takes as long as several requests."""

    @property
    def s3(self) -> "S3Client":
        """The shared S3 client."""
        client: S3Client = _client(self.session, "s3")
        return client

    @property
    def table(self) -> "Table":
        """The table, with the shared DynamoDB client."""
        table: Table = _dynamodb(self.session).Table(self.table_name)
        return table

    @property
    def sqs(self) -> "SQSClient":
        """The shared SQS client."""
        client: SQSClient = _client(self.session, "sqs")
        return client


@cache
def _client(session: boto3.Session, service: str) -> Any:
    return session.client(service)  # type: ignore[call-overload]


@cache
def _dynamodb(session: boto3.Session) -> Any:
    return session.resource("dynamodb")


@pytest.fixture(scope="session")
def session() -> boto3.Session:
    """One session for all tests: it reads the service models from disk, which takes longer than most tests."""
    return boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name="us-east-1")


@pytest.fixture
def stack(session: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[StackConnection]:
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    connection = SharedClients("moto", "inbox", "records", "orchestrator", "", session)
    with mock_aws():
        connection.s3.create_bucket(Bucket="inbox")
        connection.s3.put_bucket_versioning(Bucket="inbox", VersioningConfiguration={"Status": "Enabled"})
        connection.table.meta.client.create_table(**table_definition("records"))
        monkeypatch.setattr(dead_letters, "WAIT_S", 0)  # moto has a single server, so long polling is not needed
        queue_url = connection.sqs.create_queue(QueueName="failures")["QueueUrl"]
        yield replace(connection, dead_letter_queue_url=queue_url)


@pytest.fixture
def operations(stack: StackConnection) -> Iterator[list[str]]:
    """Names of all DynamoDB operations so far."""
    names: list[str] = []

    def record(model: Any, **_: object) -> None:
        names.append(model.name)

    events = stack.table.meta.client.meta.events
    events.register("before-call.dynamodb", record)
    yield names
    events.unregister("before-call.dynamodb", record)


@pytest.fixture
def services() -> Iterator[Server]:
    """Three versions behind one address, as behind the load balancer. They agree unless a test changes that."""
    with serving(lambda request: request.answer(valid_answer(request.path.split("/")[1]))) as server:
        yield server


@pytest.fixture
def invoke(stack: StackConnection, services: Server, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """The real orchestrator, in this process."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "POWERTOOLS_METRICS_DISABLED": "true",  # they would go to stdout, which is the command's here
    }.items():
        monkeypatch.setenv(name, value)
    # Disabled metrics are never flushed. They must not stay in the object that the next test uses.
    monkeypatch.setattr(telemetry, "metrics", EphemeralMetrics(namespace="Triptych", service="triptych"))
    endpoints = {version: HttpEndpoint(f"{services.url}/{version}") for version in ("v1", "v2", "v3")}
    orchestrator = entry.Orchestrator(OrchestratorSettings(stack.table_name, endpoints))
    monkeypatch.setattr(entry, "orchestrator", lambda: orchestrator)
    lock = threading.Lock()  # a Lambda process handles one event at a time

    def run(event: Event) -> dict[str, Any]:
        try:
            with lock:
                answer = entry.handler(json.loads(json.dumps(event)), CONTEXT)
        except Exception as error:
            raise InvocationError(type(error).__name__, str(error)) from error
        return answer

    return run
