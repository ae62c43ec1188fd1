"""An account in which nothing would make a deployment fail."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.support.aws_answers import AwsAnswers, failure
from triptych.preflight.clients import PreflightClients
from triptych.preflight.deployment import DeployedStack, Deployment
from triptych.preflight.inspection import CheckedFinding, inspect_deployment

ACCOUNT = "123456789012"
REGION = "us-east-1"
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
ZONES = {"us-east-1a": "use1-az4", "us-east-1b": "use1-az6", "us-east-1c": "use1-az1"}
QUOTAS = {"L-3032A538": 6.0, "L-36FBB829": 6.0, "L-9D07B6EF": 1.0, "L-5ED1D25B": 1.0, "L-F678F1CE": 5.0}
"""Quotas of a new account, by code."""


def quota_answer(values: Mapping[str, float]) -> Any:
    return lambda call: {"Quota": {"QuotaCode": call["QuotaCode"], "Value": values[call["QuotaCode"]]}}


def simulated(decision: str) -> Any:
    return lambda call: {
        "EvaluationResults": [{"EvalActionName": name, "EvalDecision": decision} for name in call["ActionNames"]]
    }


def clean_account() -> dict[str, Any]:
    """Return the answers of an account that has used ECS before, with the quotas of a new one."""
    role = {
        "Path": "/aws-service-role/ecs.amazonaws.com/",
        "RoleName": "AWSServiceRoleForECS",
        "RoleId": "AROAEXAMPLEEXAMPLE",
        "Arn": f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS",
        "CreateDate": NOW,
    }
    return {
        "GetCallerIdentity": {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/deployer"},
        "DescribeStacks": failure("ValidationError", "Stack with id triptych does not exist"),
        "SimulatePrincipalPolicy": simulated("allowed"),
        "ListRoles": {"Roles": [role]},
        "GetServiceQuota": quota_answer(QUOTAS),
        "GetMetricStatistics": {"Datapoints": []},
        "GetAccountSettings": {"AccountLimit": {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 1000}},
        "DescribeVpcs": {"Vpcs": [{"VpcId": "vpc-1"}]},
        "DescribeAvailabilityZones": {
            "AvailabilityZones": [{"ZoneName": name, "ZoneId": zone} for name, zone in ZONES.items()]
        },
        "DescribeSubnets": {"Subnets": [{"AvailabilityZone": name} for name in ZONES]},
        "DescribeVpcEndpointServices": lambda call: {
            "ServiceDetails": [
                {"ServiceName": name, "AvailabilityZones": list(ZONES)} for name in call["Filters"][0]["Values"]
            ]
        },
        "HeadBucket": failure("404"),
        "GetBucketLocation": {},
        "GetBucketNotificationConfiguration": {"EventBridgeConfiguration": {}},
        "GetBucketEncryption": {
            "ServerSideEncryptionConfiguration": {
                "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
            }
        },
        "DescribeImages": {"imageDetails": [{"imageTags": ["1"]}]},
    }


class SeededAccount:
    """The clean account, which tests change, and the findings on a deployment to it."""

    def __init__(self, aws: AwsAnswers, clients: PreflightClients) -> None:
        self.aws = aws
        self.clients = clients

    def found(
        self,
        stack: str = "triptych",
        deployed: DeployedStack | None = None,
        region: str = REGION,
        **parameters: str,
    ) -> list[CheckedFinding]:
        """Return the findings on a deployment."""
        deployment = Deployment(stack, region, ACCOUNT, "aws", parameters, deployed)
        return inspect_deployment(self.clients, deployment, NOW).found


@pytest.fixture(scope="session")
def seeded_clients() -> tuple[AwsAnswers, PreflightClients]:
    """Clients that all tests share, because creating one takes as long as a test."""
    session = boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name=REGION)
    return AwsAnswers(session), PreflightClients(session)


@pytest.fixture
def account(seeded_clients: tuple[AwsAnswers, PreflightClients]) -> SeededAccount:
    aws, clients = seeded_clients
    aws.answers, aws.calls = clean_account(), []
    return SeededAccount(aws, clients)


@pytest.fixture(scope="module")
def shared_clients() -> PreflightClients:
    """Clients for all tests of a module; moto answers them within `mock_aws`."""
    return PreflightClients(boto3.Session("testing", "testing", region_name=REGION))


@pytest.fixture
def clients(shared_clients: PreflightClients) -> Iterator[PreflightClients]:
    with mock_aws():
        yield shared_clients
