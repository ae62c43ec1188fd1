"""Clients of the account that a stack is deployed to."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_acm.client import ACMClient
    from mypy_boto3_cloudformation.client import CloudFormationClient
    from mypy_boto3_cloudwatch.client import CloudWatchClient
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_ec2.client import EC2Client
    from mypy_boto3_ecr.client import ECRClient
    from mypy_boto3_iam.client import IAMClient
    from mypy_boto3_kms.client import KMSClient
    from mypy_boto3_lambda.client import LambdaClient
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_service_quotas.client import ServiceQuotasClient
    from mypy_boto3_sqs.client import SQSClient
    from mypy_boto3_sts.client import STSClient

_CONFIG = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 3})


class PreflightClients:
    """One client for each service, created when it is first used.

    Args:
        session: Session with credentials and a region.
        endpoint_url: Address of an emulator; None in AWS.
    """

    def __init__(self, session: boto3.Session, endpoint_url: str | None = None) -> None:
        self.session = session
        self._endpoint_url = endpoint_url

    def _client(self, service: str) -> Any:
        return self.session.client(service, endpoint_url=self._endpoint_url, config=_CONFIG)  # type: ignore[call-overload]

    @cached_property
    def acm(self) -> "ACMClient":
        """Certificates."""
        client: ACMClient = self._client("acm")
        return client

    @cached_property
    def cloudformation(self) -> "CloudFormationClient":
        """Stacks."""
        client: CloudFormationClient = self._client("cloudformation")
        return client

    @cached_property
    def cloudwatch(self) -> "CloudWatchClient":
        """Use of quotas."""
        client: CloudWatchClient = self._client("cloudwatch")
        return client

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        """An existing table."""
        client: DynamoDBClient = self._client("dynamodb")
        return client

    @cached_property
    def ec2(self) -> "EC2Client":
        """Zones, networks and endpoints."""
        client: EC2Client = self._client("ec2")
        return client

    @cached_property
    def ecr(self) -> "ECRClient":
        """Images."""
        client: ECRClient = self._client("ecr")
        return client

    @cached_property
    def iam(self) -> "IAMClient":
        """Roles and permissions."""
        client: IAMClient = self._client("iam")
        return client

    @cached_property
    def kms(self) -> "KMSClient":
        """Keys of existing resources."""
        client: KMSClient = self._client("kms")
        return client

    @cached_property
    def lambdas(self) -> "LambdaClient":
        """Limits of Lambda, and functions that a bucket notifies."""
        client: LambdaClient = self._client("lambda")
        return client

    @cached_property
    def quotas(self) -> "ServiceQuotasClient":
        """Quotas."""
        client: ServiceQuotasClient = self._client("service-quotas")
        return client

    @cached_property
    def s3(self) -> "S3Client":
        """Buckets."""
        client: S3Client = self._client("s3")
        return client

    @cached_property
    def sqs(self) -> "SQSClient":
        """Queues that a bucket notifies."""
        client: SQSClient = self._client("sqs")
        return client

    @cached_property
    def sts(self) -> "STSClient":
        """The caller."""
        client: STSClient = self._client("sts")
        return client
