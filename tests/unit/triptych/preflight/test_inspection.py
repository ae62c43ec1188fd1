"""Protects: each thing that makes a deployment fail is found, with its remedy; a clean account has no finding; a denied
call never counts as a good answer."""

from typing import Any

import pytest

from tests.support.aws_answers import failure
from tests.unit.triptych.preflight.conftest import ACCOUNT, QUOTAS, ZONES, SeededAccount, quota_answer, simulated
from triptych.preflight.checks import CHECKS
from triptych.preflight.deployment import DeployedStack
from triptych.preflight.findings import Severity
from triptych.preflight.inspection import ACTIONS

EXISTING: dict[str, Any] = {
    "ExistingBucketName": "documents",
    "ModelImageUri": f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/model:1",
}
CERTIFICATE = f"arn:aws:acm:us-east-1:{ACCOUNT}:certificate/1"
UPDATE = DeployedStack("UPDATE_COMPLETE", {})


def no_endpoint_in(zone: str) -> Any:
    return lambda call: {
        "ServiceDetails": [
            {"ServiceName": name, "AvailabilityZones": [each for each in ZONES if each != zone]}
            for name in call["Filters"][0]["Values"]
        ]
    }


SEEDS: dict[str, tuple[dict[str, Any], dict[str, Any], str, str, str]] = {
    "role": ({"ListRoles": {"Roles": []}}, {}, "ecs-role", "no service-linked role", "create-service-linked-role"),
    "fargate": (
        {"GetServiceQuota": quota_answer(QUOTAS | {"L-3032A538": 2.0})},
        {},
        "fargate-vcpus",
        "needs 3 vCPUs, and 0 are in use: Fargate vCPUs running (On-Demand) allows 2",
        "--quota-code L-3032A538 --desired-value 6",
    ),
    "codebuild": (
        {"GetServiceQuota": quota_answer(QUOTAS | {"L-9D07B6EF": 0.0})},
        {},
        "codebuild-builds",
        "Concurrent CodeBuild builds (Linux/Small) allows 0",
        "--quota-code L-9D07B6EF --desired-value 1 --region us-east-1, or name an image in ModelImageUri",
    ),
    "lambda": (
        {"GetAccountSettings": {"AccountLimit": {"ConcurrentExecutions": 10, "UnreservedConcurrentExecutions": 10}}},
        {"OrchestratorConcurrency": "5"},
        "lambda-concurrency",
        "would leave 5 of 10",
        "Set OrchestratorConcurrency=0",
    ),
    "vpcs": (
        {"DescribeVpcs": {"Vpcs": [{"VpcId": f"vpc-{number}"} for number in range(5)]}},
        {},
        "vpcs",
        "us-east-1 has 5 VPCs, and the stack needs another",
        "--quota-code L-F678F1CE --desired-value 6",
    ),
    "upper case": ({}, {"stack": "Triptych"}, "stack-name", "upper-case letters", "Use lower case: triptych"),
    "long name": ({}, {"stack": "t" * 35}, "stack-name", "leaves room for 34", "Use at most 34 characters"),
    "rolled back": (
        {},
        {"deployed": DeployedStack("ROLLBACK_COMPLETE", {})},
        "stack-state",
        "is in ROLLBACK_COMPLETE",
        "sam delete --stack-name triptych",
    ),
    "rollback failed": (
        {},
        {"deployed": DeployedStack("UPDATE_ROLLBACK_FAILED", {})},
        "stack-state",
        "is in UPDATE_ROLLBACK_FAILED",
        "aws cloudformation continue-update-rollback --stack-name triptych",
    ),
    "in progress": (
        {},
        {"deployed": DeployedStack("UPDATE_IN_PROGRESS", {})},
        "stack-state",
        "is in UPDATE_IN_PROGRESS",
        "aws cloudformation wait stack-update-complete --stack-name triptych",
    ),
    "bucket left": (
        {"HeadBucket": {}},
        {},
        "bucket-name",
        f"The bucket triptych-inbox-{ACCOUNT}-us-east-1 exists already",
        f"ExistingBucketName=triptych-inbox-{ACCOUNT}-us-east-1",
    ),
    "bucket of others": (
        {"HeadBucket": failure("403")},
        {},
        "bucket-name",
        "belongs to another account",
        "Choose another stack name",
    ),
    "bucket without events": (
        {"GetBucketNotificationConfiguration": {}},
        EXISTING,
        "bucket-events",
        "does not send its events to EventBridge",
        """--bucket documents --notification-configuration '{"EventBridgeConfiguration": {}}'""",
    ),
    "zone without endpoints": (
        {"DescribeVpcEndpointServices": no_endpoint_in("us-east-1b")},
        {"Network": "private"},
        "zones",
        "com.amazonaws.us-east-1.logs",
        "Network=public",
    ),
    "image elsewhere": (
        {},
        {"ModelImageUri": "ghcr.io/example/model:1"},
        "images",
        "ghcr.io/example/model:1 is not in ECR, and tasks in a private network reach ECR in us-east-1 only",
        "Copy it to a repository in ECR in us-east-1",
    ),
    "permissions": (
        {"SimulatePrincipalPolicy": simulated("implicitDeny")},
        {},
        "permissions",
        f"arn:aws:iam::{ACCOUNT}:user/deployer may not make these calls",
        "docs/deployer-policy.json",
    ),
}
"""By problem: changed answers, the deployment, the check that finds it, and parts of its sentence and remedy."""


@pytest.mark.parametrize("name", SEEDS)
def test_each_seeded_problem_is_found_with_its_remedy(account: SeededAccount, name: str) -> None:
    answers, deployment, check, sentence, remedy = SEEDS[name]
    account.aws.answers |= answers
    found = account.found(**deployment)
    assert {each.check.name for each in found} == {check}
    assert all(each.finding.severity is Severity.PROBLEM for each in found)
    assert any(sentence in each.finding.sentence for each in found), found
    assert any(remedy in each.finding.remedy for each in found), found


@pytest.mark.parametrize(
    "deployment",
    [
        {},
        {"deployed": UPDATE},
        {"deployed": DeployedStack("REVIEW_IN_PROGRESS", {})},
        {"Network": "public", "Ingest": "queue", "ModelSpot": "all", "ModelArchitecture": "ARM64"},
        EXISTING,
    ],
)
def test_a_clean_account_has_no_finding(account: SeededAccount, deployment: dict[str, Any]) -> None:
    assert account.found(**deployment) == []


OTHERWISE_TESTED = {
    "DescribeCertificate",
    "GetPolicy",
    "DescribeStacks",  # before the checks
    "GetRole",
    "GetFunctionConfiguration",
    "GetQueueUrl",
    "DescribeContinuousBackups",
    "DescribeRouteTables",
    "DescribeTable",
    "DescribeVpcAttribute",
    "DescribeVpcEndpoints",
}


def operations_of_all_checks() -> list[str]:
    """Return the operations that a first deployment, and one with an existing bucket, call."""
    return sorted(set(ACTIONS) - OTHERWISE_TESTED)


@pytest.mark.parametrize("operation", operations_of_all_checks())
@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation"])
def test_a_denied_call_is_reported_with_the_action_to_allow(account: SeededAccount, operation: str, code: str) -> None:
    account.aws.answers |= {"GetServiceQuota": failure("NoSuchResourceException")} if "Default" in operation else {}
    if operation in ("DescribeKey",):
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "key"}}
        account.aws.answers["GetBucketEncryption"] = {"ServerSideEncryptionConfiguration": {"Rules": [rule]}}
    if operation == "GetMetricStatistics":
        metric = {"MetricNamespace": "AWS/Usage", "MetricName": "ResourceCount"}
        account.aws.answers["GetServiceQuota"] = {"Quota": {"Value": 6.0, "UsageMetric": metric}}
    account.aws.answers[operation] = failure(code)
    reports = [
        each.finding
        for deployment in ({}, EXISTING)
        for each in account.found(**deployment)
        if each.finding.severity is Severity.UNCHECKED
    ]
    assert reports
    assert all("Could not check" in each.sentence for each in reports)
    assert f"Allow {ACTIONS[operation]}." in {each.remedy for each in reports}


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("DescribeTable", {"ExistingTableName": "records"}),
        ("DescribeSubnets", {"VpcId": "vpc-1", "SubnetIds": "subnet-1,subnet-2", "SubnetCidr": "10.0.0.0/8"}),
        ("GetRole", {}),
        ("GetPolicy", {"PermissionsBoundaryArn": f"arn:aws:iam::{ACCOUNT}:policy/boundary"}),
        ("DescribeCertificate", {"CertificateArn": CERTIFICATE, "ModelDomain": "models.example.com"}),
    ],
)
def test_a_denied_call_about_existing_resources_is_reported(
    account: SeededAccount, operation: str, parameters: dict[str, Any]
) -> None:
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/session"
    account.aws.answers |= {
        "GetCallerIdentity": {"Account": ACCOUNT, "Arn": session},
        "GetRole": failure("AccessDenied"),
        operation: failure("AccessDenied"),
    }
    assert f"Allow {ACTIONS[operation]}." in {each.finding.remedy for each in account.found(**parameters)}


def test_the_action_that_aws_names_is_reported(account: SeededAccount) -> None:
    account.aws.answers["ListRoles"] = failure(
        "AccessDenied", "User: arn:aws:iam::1:user/x is not authorized to perform: iam:ListRoles on resource: *"
    )
    [found] = account.found()
    assert found.finding.remedy == "Allow iam:ListRoles."


def test_a_failed_call_prevents_no_other_check(account: SeededAccount) -> None:
    account.aws.answers["GetServiceQuota"] = failure("ServiceUnavailable")
    account.aws.answers["ListRoles"] = {"Roles": []}
    by_check = {each.check.name: each.finding.severity for each in account.found()}
    assert by_check == {
        "ecs-role": Severity.PROBLEM,
        "fargate-vcpus": Severity.UNCHECKED,
        "codebuild-builds": Severity.UNCHECKED,
        "vpcs": Severity.UNCHECKED,
    }


def test_only_reading_calls_are_made(account: SeededAccount) -> None:
    account.found()
    account.found(**EXISTING)
    assert {call for call in account.aws.calls if not call.startswith(("Describe", "Get", "Head", "List"))} == {
        "SimulatePrincipalPolicy"
    }


def test_names_of_checks_are_unique() -> None:
    names = [check.name for check in CHECKS]
    assert len(set(names)) == len(names)
