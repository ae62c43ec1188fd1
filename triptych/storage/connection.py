"""The stack that a command speaks to: the local one, or one deployed in AWS by name."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from triptych.errors import StackUnavailable

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.client import CloudFormationClient
    from mypy_boto3_dynamodb.service_resource import Table
    from mypy_boto3_lambda.client import LambdaClient
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_sqs.client import SQSClient

_CONFIG = Config(
    connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 4}, max_pool_connections=16
)


@dataclass(frozen=True)
class StackConnection:
    """Where documents go in and records come out."""

    name: str
    bucket: str
    table_name: str
    function: str
    dead_letter_queue_url: str
    session: boto3.Session = field(repr=False)
    endpoint_url: str | None = None
    """Set for the local stack only."""
    max_in_flight: int | None = None
    """How many documents may be on their way at once, where that is bounded: see `triptych.stack.IN_FLIGHT`."""

    @property
    def s3(self) -> "S3Client":
        """A client of the inbox bucket's service."""
        return self.session.client("s3", endpoint_url=self.endpoint_url, config=_CONFIG)

    @property
    def table(self) -> "Table":
        """The table of records."""
        resource = self.session.resource("dynamodb", endpoint_url=self.endpoint_url, config=_CONFIG)
        return resource.Table(self.table_name)

    @property
    def lambdas(self) -> "LambdaClient":
        """A client of the orchestrator's service."""
        return self.session.client("lambda", endpoint_url=self.endpoint_url, config=_CONFIG)

    @property
    def sqs(self) -> "SQSClient":
        """A client of the failure queue's service."""
        return self.session.client("sqs", endpoint_url=self.endpoint_url, config=_CONFIG)


def connect(stack: str | None) -> StackConnection:
    """The local stack, or with a name the one that CloudFormation knows under it.

    Raises:
        StackUnavailable: it is not there, or cannot be reached with the credentials at hand.
    """
    return connect_deployed(stack, boto3.Session()) if stack else connect_local()


def connect_local() -> StackConnection:
    """The running local stack. A person's own AWS configuration is never read: see `triptych.stack`.

    Raises:
        StackUnavailable: none is running.
    """
    from triptych import stack  # only commands that speak to the local stack need its parts

    running = stack.current()
    found = from_outputs("local", running.outputs, running.session())
    paced = stack.IN_FLIGHT if running.ingest == "direct" else None  # a queue does the pacing itself
    return replace(found, endpoint_url=running.endpoint_url, max_in_flight=paced)


def connect_deployed(name: str, session: boto3.Session) -> StackConnection:
    """The stack `name` in the session's account and region.

    Raises:
        StackUnavailable: it is not there, or is no stack of ours, or AWS refuses.
    """
    try:
        client: CloudFormationClient = session.client("cloudformation", config=_CONFIG)
        [found] = client.describe_stacks(StackName=name)["Stacks"]
    except (BotoCoreError, ClientError) as error:
        raise StackUnavailable(f"The stack {name!r} cannot be looked up: {error}") from error
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}
    return from_outputs(name, outputs, session)


def from_outputs(name: str, outputs: Mapping[str, str], session: boto3.Session) -> StackConnection:
    """A target from the outputs of template.yaml.

    Raises:
        StackUnavailable: an output is missing.
    """
    try:
        return StackConnection(
            name=name,
            bucket=outputs["InboxBucketName"],
            table_name=outputs["TableName"],
            function=outputs["OrchestratorFunctionName"],
            dead_letter_queue_url=outputs["FailureQueueUrl"],
            session=session,
        )
    except KeyError as missing:
        raise StackUnavailable(f"The stack {name!r} has no output {missing}: it is no Triptych stack.") from None
