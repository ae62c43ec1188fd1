"""Connections to a stack: the local one, or one deployed in AWS."""

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
    """Names of the bucket, table, function and queue of one stack, and clients for them.

    Attributes:
        name: Name of the CloudFormation stack, or `local`.
        bucket: The inbox.
        table_name: The DynamoDB table of records.
        function: The orchestrator's Lambda function.
        dead_letter_queue_url: The queue of events that failed every attempt.
        session: The boto3 session with credentials and region.
        endpoint_url: The emulator's address; None in AWS.
        analytics_bucket: The bucket of Analytics=events; None without it.
        max_in_flight: Maximum number of documents to send at a time, or None for no limit (see
            `triptych.stack.MAX_IN_FLIGHT`).
    """

    name: str
    bucket: str
    table_name: str
    function: str
    dead_letter_queue_url: str
    session: boto3.Session = field(repr=False)
    endpoint_url: str | None = None
    analytics_bucket: str | None = None
    max_in_flight: int | None = None

    @property
    def s3(self) -> "S3Client":
        """A new S3 client."""
        return self.session.client("s3", endpoint_url=self.endpoint_url, config=_CONFIG)

    @property
    def table(self) -> "Table":
        """The table of records, with a new DynamoDB client."""
        resource = self.session.resource("dynamodb", endpoint_url=self.endpoint_url, config=_CONFIG)
        return resource.Table(self.table_name)

    @property
    def lambdas(self) -> "LambdaClient":
        """A new Lambda client. It waits for the longest timeout that the template allows the function."""
        config = _CONFIG.merge(Config(read_timeout=70))
        return self.session.client("lambda", endpoint_url=self.endpoint_url, config=config)

    @property
    def sqs(self) -> "SQSClient":
        """A new SQS client."""
        return self.session.client("sqs", endpoint_url=self.endpoint_url, config=_CONFIG)


def connect(stack: str | None) -> StackConnection:
    """Connect to a CloudFormation stack, or to the local stack if `stack` is None.

    Raises:
        StackUnavailable: The stack does not exist, or the credentials do not give access to it.
    """
    return connect_deployed(stack, boto3.Session()) if stack else connect_local()


def connect_local() -> StackConnection:
    """Connect to the running local stack. The user's AWS configuration is never read (see `triptych.stack`).

    Raises:
        StackUnavailable: No local stack is running.
    """
    from triptych import stack  # imported here because commands for AWS do not need it

    running = stack.running_stack()
    found = from_outputs("local", running.outputs, running.session())
    max_in_flight = (
        stack.MAX_IN_FLIGHT if running.ingest == "direct" else None
    )  # an ingest queue limits the rate itself
    return replace(found, endpoint_url=running.endpoint_url, max_in_flight=max_in_flight)


def connect_deployed(name: str, session: boto3.Session) -> StackConnection:
    """Connect to the CloudFormation stack `name` in the session's account and region.

    Raises:
        StackUnavailable: The stack does not exist, is not a Triptych stack, or AWS refuses access.
    """
    try:
        client: CloudFormationClient = session.client("cloudformation", config=_CONFIG)
        [found] = client.describe_stacks(StackName=name)["Stacks"]
    except (BotoCoreError, ClientError) as error:
        raise StackUnavailable(f"Cannot look up the stack {name!r}: {error}") from error
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}
    return from_outputs(name, outputs, session)


def from_outputs(name: str, outputs: Mapping[str, str], session: boto3.Session) -> StackConnection:
    """Return a connection built from the outputs of template.yaml.

    Raises:
        StackUnavailable: An output is missing.
    """
    try:
        return StackConnection(
            name=name,
            bucket=outputs["InboxBucketName"],
            table_name=outputs["TableName"],
            function=outputs["OrchestratorFunctionName"],
            dead_letter_queue_url=outputs["FailureQueueUrl"],
            analytics_bucket=outputs.get("AnalyticsBucketName"),
            session=session,
        )
    except KeyError as missing:
        raise StackUnavailable(f"The stack {name!r} is not a Triptych stack: it has no output {missing}.") from None
