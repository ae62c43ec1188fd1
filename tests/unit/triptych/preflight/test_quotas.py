"""Protects: what a deployment needs is compared with the account's quotas and their use."""

from datetime import timedelta
from typing import Any

import pytest
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.triptych.preflight.conftest import ACCOUNT, NOW, SeededAccount, quota_answer
from triptych.plan.reference import QUOTAS
from triptych.preflight import quotas
from triptych.preflight.clients import PreflightClients
from triptych.preflight.deployment import DeployedStack, Deployment
from triptych.preflight.findings import Finding, Severity

METRIC = {
    "MetricNamespace": "AWS/Usage",
    "MetricName": "ResourceCount",
    "MetricDimensions": {"Service": "Fargate", "Class": "None"},
}
UPDATE = DeployedStack("UPDATE_COMPLETE", {})


def deployment(deployed: DeployedStack | None = None, **parameters: str) -> Deployment:
    return Deployment("triptych", "us-east-1", ACCOUNT, "aws", parameters, deployed)


def vcpu_findings(account: SeededAccount, value: float, used: float, plan: Deployment) -> list[Finding]:
    account.aws.answers["GetServiceQuota"] = {"Quota": {"Value": value, "UsageMetric": METRIC}}
    account.aws.answers["GetMetricStatistics"] = {"Datapoints": [{"Maximum": used}, {"Maximum": used / 2}]}
    return list(quotas.find_fargate_vcpus(account.clients.quotas, account.clients.cloudwatch, plan, NOW))


@pytest.mark.parametrize(
    ("value", "used", "plan", "expected"),
    [
        (6, 0, deployment(), []),
        (6, 0, deployment(MinModelTasks="2"), [(Severity.WARNING, "The first update will need 12 vCPUs")]),
        (6, 4, deployment(), [(Severity.PROBLEM, "needs 3 vCPUs, and 4 are in use")]),
        (6, 3, deployment(UPDATE), []),
        (6, 6, deployment(UPDATE, MinModelTasks="2"), [(Severity.PROBLEM, "needs 6 vCPUs, and 6 are in use")]),
        (0.5, 0, deployment(ModelCpu="256"), [(Severity.PROBLEM, "needs 0.75 vCPUs")]),
    ],
)
def test_tasks_are_compared_with_free_vcpus(
    account: SeededAccount, value: float, used: float, plan: Deployment, expected: list[tuple[Severity, str]]
) -> None:
    found = vcpu_findings(account, value, used, plan)
    assert [finding.severity for finding in found] == [severity for severity, _ in expected]
    for finding, (_, part) in zip(found, expected, strict=True):
        assert part in finding.sentence


@given(tasks=st.integers(1, 100), cpu=st.sampled_from([256, 1024, 8192]), used=st.integers(0, 1000))
def test_the_requested_increase_suffices(seeded_clients: Any, tasks: int, cpu: int, used: int) -> None:
    account = SeededAccount(*seeded_clients)
    account.aws.answers = {}
    plan = deployment(MinModelTasks=str(tasks), ModelCpu=str(cpu))
    for finding in vcpu_findings(account, 6, used, plan):
        desired = int(finding.remedy.split("--desired-value ")[1].split()[0])
        assert vcpu_findings(account, desired, used, plan) == []


def test_spot_has_a_separate_quota(account: SeededAccount) -> None:
    account.aws.answers["GetServiceQuota"] = quota_answer({"L-36FBB829": 1.0})
    plan = deployment(ModelSpot="all")
    [finding] = quotas.find_fargate_vcpus(account.clients.quotas, account.clients.cloudwatch, plan, NOW)
    assert "Spot" in finding.sentence
    assert "L-36FBB829" in finding.remedy


def test_the_use_of_a_quota_is_read_from_its_metric(seeded_clients: tuple[Any, PreflightClients]) -> None:
    cloudwatch = PreflightClients(seeded_clients[1].session).cloudwatch
    expected = {
        "Namespace": "AWS/Usage",
        "MetricName": "ResourceCount",
        "Dimensions": [{"Name": "Service", "Value": "Fargate"}, {"Name": "Class", "Value": "None"}],
        "StartTime": NOW - timedelta(minutes=15),
        "EndTime": NOW,
        "Period": 900,
        "Statistics": ["Maximum"],
    }
    with Stubber(cloudwatch) as stubber:
        stubber.add_response("get_metric_statistics", {"Datapoints": [{"Maximum": 2.0}, {"Maximum": 5.0}]}, expected)
        assert quotas.read_usage(cloudwatch, METRIC, NOW) == 5  # type: ignore[arg-type]
    assert quotas.read_usage(cloudwatch, None, NOW) == 0


def test_the_default_counts_if_the_account_has_no_quota(seeded_clients: tuple[Any, PreflightClients]) -> None:
    client = PreflightClients(seeded_clients[1].session).quotas
    named = {"ServiceCode": "vpc", "QuotaCode": "L-F678F1CE"}
    with Stubber(client) as stubber:
        stubber.add_client_error("get_service_quota", "NoSuchResourceException", expected_params=named)
        stubber.add_response("get_aws_default_service_quota", {"Quota": {"Value": 5.0}}, named)
        assert quotas.read_quota(client, QUOTAS["vpcs"])["Value"] == 5


@pytest.mark.parametrize(
    ("total", "unreserved", "plan", "expected"),
    [
        (1000, 1000, deployment(), None),
        (10, 10, deployment(), "a burst of documents has to wait"),
        (1000, 1000, deployment(OrchestratorConcurrency="50"), None),
        (1000, 120, deployment(OrchestratorConcurrency="50"), "would leave 70 of 1000"),
        (1000, 1000, deployment(Ingest="queue", InboxConcurrency="100"), None),
        (10, 10, deployment(Ingest="queue", InboxConcurrency="50"), "InboxConcurrency=50 exceeds the 10"),
        (
            1000,
            900,
            deployment(Ingest="queue", InboxConcurrency="50", OrchestratorConcurrency="20"),
            "InboxConcurrency=50 exceeds the 20",
        ),
        (
            1000,
            80,  # without the 100 that the stack already reserves
            deployment(
                DeployedStack("CREATE_COMPLETE", {"OrchestratorConcurrency": "100"}), OrchestratorConcurrency="50"
            ),
            None,
        ),
    ],
)
def test_concurrency_that_only_throttles_is_a_warning(
    account: SeededAccount, total: int, unreserved: int, plan: Deployment, expected: str | None
) -> None:
    limit = {"ConcurrentExecutions": total, "UnreservedConcurrentExecutions": unreserved}
    account.aws.answers["GetAccountSettings"] = {"AccountLimit": limit}
    found = list(quotas.find_lambda_concurrency(account.clients.lambdas, plan))
    assert [finding.severity for finding in found] == ([Severity.WARNING] if expected else [])
    assert not expected or expected in found[0].sentence


def test_builds_on_arm_have_a_separate_quota_and_images_from_elsewhere_need_none(account: SeededAccount) -> None:
    account.aws.answers["GetServiceQuota"] = quota_answer({"L-5ED1D25B": 0.0, "L-9D07B6EF": 1.0})
    [finding] = quotas.find_codebuild_builds(account.clients.quotas, deployment(ModelArchitecture="ARM64"))
    assert "ARM/Small" in finding.sentence
    assert not list(quotas.find_codebuild_builds(account.clients.quotas, deployment(ModelImageUri="image")))


def test_an_update_needs_no_further_vpc(account: SeededAccount) -> None:
    account.aws.answers["DescribeVpcs"] = {"Vpcs": [{"VpcId": str(number)} for number in range(5)]}
    assert not list(quotas.find_vpcs(account.clients.quotas, account.clients.ec2, deployment(UPDATE)))
