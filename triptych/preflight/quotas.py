"""Checks of quotas: Fargate vCPUs, CodeBuild builds, VPCs and Lambda concurrency."""

import math
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from triptych.plan.reference import QUOTAS, Quota
from triptych.preflight.deployment import Deployment
from triptych.preflight.findings import Finding, Findings, warning

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.client import CloudWatchClient
    from mypy_boto3_ec2.client import EC2Client
    from mypy_boto3_lambda.client import LambdaClient
    from mypy_boto3_service_quotas.client import ServiceQuotasClient
    from mypy_boto3_service_quotas.type_defs import MetricInfoTypeDef, ServiceQuotaTypeDef

_USAGE_PERIOD = timedelta(minutes=15)
"""CloudWatch reports the use of a quota every few minutes."""

_MIN_UNRESERVED, _DOCUMENTED_UNRESERVED = 10, 100
"""Executions that have to stay unreserved: in a new account, and according to
https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html."""


def read_quota(quotas: "ServiceQuotasClient", quota: Quota) -> "ServiceQuotaTypeDef":
    """Return the account's quota, or AWS's default if none was ever applied to the account."""
    try:
        return quotas.get_service_quota(ServiceCode=quota.service, QuotaCode=quota.code)["Quota"]
    except ClientError as error:
        if error.response["Error"].get("Code") != "NoSuchResourceException":
            raise
    return quotas.get_aws_default_service_quota(ServiceCode=quota.service, QuotaCode=quota.code)["Quota"]


def read_usage(cloudwatch: "CloudWatchClient", metric: "MetricInfoTypeDef | None", now: datetime) -> float:
    """Return how much of a quota is in use; 0 if AWS reports no use of it."""
    if not metric:
        return 0.0
    points = cloudwatch.get_metric_statistics(
        Namespace=metric["MetricNamespace"],
        MetricName=metric["MetricName"],
        Dimensions=[{"Name": name, "Value": value} for name, value in metric.get("MetricDimensions", {}).items()],
        StartTime=now - _USAGE_PERIOD,
        EndTime=now,
        Period=int(_USAGE_PERIOD.total_seconds()),
        Statistics=["Maximum"],
    )["Datapoints"]
    return max((point["Maximum"] for point in points), default=0.0)


def find_fargate_vcpus(
    quotas: "ServiceQuotasClient", cloudwatch: "CloudWatchClient", deployment: Deployment, now: datetime
) -> Findings:
    """Yield a finding if the tasks, next to what runs already, exceed the vCPUs of the account.

    An update runs a new task for each old one until the new one is healthy, so it needs as much again as a creation.
    """
    for name, vcpus in deployment.minimum_vcpus.items():
        if vcpus:
            quota = QUOTAS[name]
            applied = read_quota(quotas, quota)
            used = read_usage(cloudwatch, applied.get("UsageMetric"), now)
            yield from _compare_vcpus(vcpus, used, replace(quota, value=applied["Value"]), deployment)


def _compare_vcpus(vcpus: float, used: float, quota: Quota, deployment: Deployment) -> Findings:
    needed = used + vcpus
    later = needed + (vcpus if deployment.is_first else 0)
    request = increase(quota, later, deployment.region)
    if needed > quota.value:
        action = "The deployment" if deployment.is_first else "The update, which starts new tasks next to the old ones,"
        yield Finding(
            f"{action} needs {vcpus:g} vCPUs, and {used:g} are in use: {quota.name} allows {quota.value:g}.", request
        )
    elif later > quota.value:
        yield warning(
            f"The first update will need {later:g} vCPUs, because it starts new tasks next to the old ones: "
            f"{quota.name} allows {quota.value:g}.",
            request,
        )


def find_codebuild_builds(quotas: "ServiceQuotasClient", deployment: Deployment) -> Findings:
    """Yield a finding if the account cannot run a build; a new account may have a quota of 0."""
    if not deployment.builds_images:
        return
    quota = QUOTAS["codebuild_arm_builds" if deployment["ModelArchitecture"] == "ARM64" else "codebuild_builds"]
    if read_quota(quotas, quota)["Value"] < 1:
        yield Finding(
            f"The account may run no build of the images: {quota.name} allows 0.",
            f"{increase(quota, 1, deployment.region)}, or name an image in ModelImageUri.",
        )


def find_vpcs(quotas: "ServiceQuotasClient", ec2: "EC2Client", deployment: Deployment) -> Findings:
    """Yield a finding if the region has no room for the VPC of a new stack."""
    if not deployment.is_first or deployment["VpcId"]:
        return
    quota = QUOTAS["vpcs"]
    value = read_quota(quotas, quota)["Value"]
    existing = sum(len(page["Vpcs"]) for page in ec2.get_paginator("describe_vpcs").paginate())
    if existing + 1 > value:
        yield Finding(
            f"{deployment.region} has {existing} VPCs, and the stack needs another: {quota.name} allows {value:g}.",
            f"{increase(quota, existing + 1, deployment.region)}, delete a VPC, or use an existing one (VpcId).",
        )


def find_lambda_concurrency(lambdas: "LambdaClient", deployment: Deployment) -> Findings:
    """Yield what the account's Lambda concurrency does not allow."""
    limit = lambdas.get_account_settings()["AccountLimit"]
    total, unreserved = limit["ConcurrentExecutions"], limit["UnreservedConcurrentExecutions"]
    reserved = deployment.number("OrchestratorConcurrency")
    left = unreserved + int(deployment.earlier("OrchestratorConcurrency") or 0) - reserved
    request = increase(QUOTAS["lambda_concurrency"], max(1000, total + reserved), deployment.region)
    if reserved and left < _DOCUMENTED_UNRESERVED:
        found = Finding if left < _MIN_UNRESERVED else warning
        yield found(
            f"OrchestratorConcurrency={reserved} would leave {left} of {total} concurrent executions unreserved. "
            f"Lambda requires {_DOCUMENTED_UNRESERVED}; in new accounts, {_MIN_UNRESERVED}.",
            f"Set OrchestratorConcurrency=0, or request more. {request}",
        )
    wanted = deployment.number("InboxConcurrency")
    available = reserved or unreserved
    if deployment["Ingest"] == "queue" and wanted > available:
        yield warning(
            f"InboxConcurrency={wanted} exceeds the {available} concurrent executions that the orchestrator can have; "
            "Lambda would throttle it.",
            f"Set InboxConcurrency={max(available, 2)}, or request more. {request}",
        )
    elif not reserved and total < _DOCUMENTED_UNRESERVED:
        yield warning(
            f"The account may run {total} concurrent Lambda executions, so a burst of documents has to wait.", request
        )


def increase(quota: Quota, desired: float, region: str) -> str:
    """Return the command that requests a quota of at least `desired`."""
    return (
        f"Request an increase: aws service-quotas request-service-quota-increase --service-code {quota.service} "
        f"--quota-code {quota.code} --desired-value {math.ceil(desired)} --region {region}"
    )
