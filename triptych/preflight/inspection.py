"""Run all checks on a planned deployment."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from triptych.preflight.checks import CHECKS, Check
from triptych.preflight.clients import PreflightClients
from triptych.preflight.deployment import Deployment
from triptych.preflight.findings import Finding, Severity

_DENIED: Final = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "403"}
"""Error codes of a denied call; EC2's and S3's differ from those of other services."""

_NAMED_ACTION = re.compile(r"not authorized to perform:? (?P<action>[a-z0-9-]+:[A-Za-z]+)")
"""How AWS's message names the denied action."""

ACTIONS: Final[Mapping[str, str]] = {
    "DescribeAvailabilityZones": "ec2:DescribeAvailabilityZones",
    "DescribeCertificate": "acm:DescribeCertificate",
    "DescribeContinuousBackups": "dynamodb:DescribeContinuousBackups",
    "DescribeImages": "ecr:DescribeImages",
    "DescribeKey": "kms:DescribeKey",
    "DescribeRouteTables": "ec2:DescribeRouteTables",
    "DescribeStacks": "cloudformation:DescribeStacks",
    "DescribeSubnets": "ec2:DescribeSubnets",
    "DescribeTable": "dynamodb:DescribeTable",
    "DescribeVpcAttribute": "ec2:DescribeVpcAttribute",
    "DescribeVpcEndpointServices": "ec2:DescribeVpcEndpointServices",
    "DescribeVpcEndpoints": "ec2:DescribeVpcEndpoints",
    "DescribeVpcs": "ec2:DescribeVpcs",
    "GetAWSDefaultServiceQuota": "servicequotas:GetAWSDefaultServiceQuota",
    "GetAccountSettings": "lambda:GetAccountSettings",
    "GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "GetBucketLocation": "s3:GetBucketLocation",
    "GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "GetFunctionConfiguration": "lambda:GetFunctionConfiguration",
    "GetMetricStatistics": "cloudwatch:GetMetricStatistics",
    "GetPolicy": "iam:GetPolicy",
    "GetQueueUrl": "sqs:GetQueueUrl",
    "GetRole": "iam:GetRole",
    "GetServiceQuota": "servicequotas:GetServiceQuota",
    "HeadBucket": "s3:ListBucket",
    "ListRoles": "iam:ListRoles",
    "SimulatePrincipalPolicy": "iam:SimulatePrincipalPolicy",
}
"""The IAM action of each operation that a check calls."""


@dataclass(frozen=True)
class CheckedFinding:
    """A finding and the check that made it."""

    check: Check
    finding: Finding

    def as_dict(self) -> dict[str, str]:
        """Return the content of the finding in JSON."""
        found = self.finding
        return {
            "check": self.check.name,
            "severity": found.severity.value,
            "sentence": found.sentence,
            "remedy": found.remedy,
        }


@dataclass(frozen=True)
class Inspection:
    """All findings on a planned deployment."""

    deployment: Deployment
    found: list[CheckedFinding]

    @property
    def is_clear(self) -> bool:
        """Whether nothing would make the deployment fail, and everything was checked."""
        return all(each.finding.severity is Severity.WARNING for each in self.found)

    def as_dict(self) -> dict[str, Any]:
        """Return the content of the inspection in JSON."""
        return {
            "stack": self.deployment.stack,
            "account": self.deployment.account,
            "region": self.deployment.region,
            "clear": self.is_clear,
            "checks": [check.name for check in CHECKS],
            "findings": [each.as_dict() for each in self.found],
        }


def inspect_deployment(clients: PreflightClients, deployment: Deployment, now: datetime) -> Inspection:
    """Run every check. No check changes anything, and none prevents another."""
    found = [CheckedFinding(check, one) for check in CHECKS for one in _run(check, clients, deployment, now)]
    return Inspection(deployment, found)


def _run(check: Check, clients: PreflightClients, deployment: Deployment, now: datetime) -> Iterator[Finding]:
    try:
        yield from check.run(clients, deployment, now)
    except ClientError as error:
        yield _unchecked(check, error)
    except (BotoCoreError, OSError) as error:
        yield Finding(f"Could not check {check.topic}: {error}", "Fix this, and try again.", Severity.UNCHECKED)


def _unchecked(check: Check, error: ClientError) -> Finding:
    """Return the finding for a call that AWS denied or failed."""
    if error.response["Error"].get("Code") in _DENIED:
        named = _NAMED_ACTION.search(str(error))
        action = named["action"] if named else ACTIONS.get(error.operation_name, error.operation_name)
        return Finding(f"Could not check {check.topic}: AWS denied the call.", f"Allow {action}.", Severity.UNCHECKED)
    return Finding(f"Could not check {check.topic}: {error}.", "Fix this, and try again.", Severity.UNCHECKED)
