"""Protects: the policy for deployers allows each call that CloudFormation makes for a resource of the template, and no
call that none of them needs.

CloudFormation's resource schemas, which cfn-lint contains, list the calls of each kind of resource, also those for
properties that the template does not use.
"""

import json
import re
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

import pytest
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from testkit.template import ROOT
from testkit.translated import REGION, expanded
from tests.support.rollouts import BUILDING, COMBINATIONS, NOT_EMULATED
from triptych.preflight.inspection import ACTIONS
from triptych.preflight.sample_calls import SAMPLE_CALLS

DOCS = ROOT / "docs"
MAX_CHARACTERS = 6144
"""Size of a managed policy without white space: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""

ROLLOUTS = [*COMBINATIONS.values(), *BUILDING.values(), *NOT_EMULATED.values()]
"""Parameters of all tested rollouts."""

THROUGH_STACKS = {"ForAnyValue:StringEquals": {"aws:CalledVia": ["cloudformation.amazonaws.com"]}}
"""The condition that only CloudFormation makes the call, on behalf of the deployer."""

UNUSED = (
    "*:RegisterOnPremisesInstance",
    "cloudwatch:PutMetricAlarm@AWS::ApplicationAutoScaling::*",  # by the service-linked role
    "autoscaling:DescribeTags",
    "cognito-idp:*",
    "dynamodb:*Replica",
    "dynamodb:*ResourcePolicy",
    "dynamodb:*Item",
    "dynamodb:*KinesisStreamingDestination",
    "dynamodb:ImportTable",
    "dynamodb:Query",
    "dynamodb:Scan",
    "dynamodb:UpdateContributorInsights",
    "dynamodb:UpdateTimeToLive",
    "ec2:*VpnGateway",
    "ec2:AssociateSubnetCidrBlock",
    "ec2:DisassociateSubnetCidrBlock",
    "elasticfilesystem:*",
    "iam:*RolePolic*@AWS::IAM::Role",  # no managed policies: AttachRolePolicy, DetachRolePolicy
    "iam:CreateServiceLinkedRole@AWS::Athena::WorkGroup",
    "iam:CreateServiceLinkedRole@AWS::DynamoDB::Table",
    "kinesis:*",
    "kms:DisableKey*",
    "lakeformation:*",
    "lambda:AssociateRuntimeAlias",
    "lambda:PassCapacityProvider",
    "logs:*@AWS::DynamoDB::Table",
    "logs:CreateLogDelivery",
    "logs:*ResourcePolic*",
    "logs:*IndexPolic*",
    "logs:PutBearerTokenAuthentication",
    "logs:PutDataProtectionPolicy",
    "logs:PutLogGroupDeletionProtection",
    "route53:*QueryLoggingConfig*",
    "route53:UpdateHostedZoneFeatures",
    "s3:*@AWS::Athena::WorkGroup",  # Athena checks the location when a query runs
    "s3:*@AWS::DynamoDB::Table",
    "s3:*@AWS::Lambda::Function",  # of the package, see `CodeBucket`
    "s3:DeleteObject",
    "s3:REST.PUT.OBJECT",
    "s3:TagResource",
    "s3:UntagResource",
    "s3:ListTagsForResource",
    "s3:UpdateBucketMetadata*",
    "s3:CreateBucketMetadata*",
    "s3files:*",
    "s3tables:*",
    "sns:PutDataProtectionPolicy",
    "vpc-lattice:*",
    "vpce:*",
)
"""Calls for properties that the template does not use, as `action` or `action@type`."""

NOT_IN_SCHEMAS = {
    "codebuild:*": "AWS::CodeBuild::Project has no schema with calls",
    "lambda:InvokeFunction": "CloudFormation invokes the function of the custom resource on behalf of the deployer",
}
"""Calls of the policy that no resource schema names, with the reason."""


DIRECT = {
    "cloudformation:DescribeStack*",
    "cloudformation:GetTemplate*",
    "s3:DeleteObject*",
    "s3:GetBucket*",
    "s3:GetObject*",
}
"""Patterns of calls that the deployer makes without CloudFormation."""


def statements(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((DOCS / name).read_text())["Statement"]
    return found


def allowed_patterns() -> set[str]:
    return {action for statement in statements("deployer-policy.json") for action in statement["Action"]}


@cache
def needed_calls() -> frozenset[tuple[str, str]]:
    """Return the calls for every resource in any tested combination, each with the type of the resource."""
    types = {body["Type"] for given in ROLLOUTS for body in expanded(given).resources.values()}
    calls = set()
    for kind in types - {"Custom::ModelImage"}:
        handlers = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, kind).schema.get("handlers", {})
        for operation in ("create", "read", "update", "delete"):
            calls |= {(call, kind) for call in handlers.get(operation, {}).get("permissions", [])}
    return frozenset(calls)


def is_unused(call: str, kind: str) -> bool:
    return any(fnmatchcase(f"{call}@{kind}" if "@" in pattern else call, pattern) for pattern in UNUSED)


def test_every_call_of_a_deployment_is_allowed() -> None:
    patterns = allowed_patterns()
    missing = {
        (call, kind)
        for call, kind in needed_calls()
        if not is_unused(call, kind) and not any(fnmatchcase(call, pattern) for pattern in patterns)
    }
    assert not missing


def test_no_call_is_allowed_that_no_resource_needs() -> None:
    calls = {call for call, _ in needed_calls()}
    through_stacks = [each for each in statements("deployer-policy.json") if "aws:CalledVia" in str(each)]
    patterns = {action for statement in through_stacks for action in statement["Action"]} - set(NOT_IN_SCHEMAS)
    assert {pattern for pattern in patterns if not any(fnmatchcase(call, pattern) for call in calls)} == set()


def test_unused_calls_are_really_named_by_the_schemas() -> None:
    unneeded = [
        pattern
        for pattern in UNUSED
        if not any(fnmatchcase(f"{call}@{kind}" if "@" in pattern else call, pattern) for call, kind in needed_calls())
    ]
    assert unneeded == []


def test_each_pattern_has_a_sample_that_a_deployment_calls() -> None:
    patterns = {pattern for pattern in allowed_patterns() if "*" in pattern}
    assert patterns == set(SAMPLE_CALLS)
    calls = {call for call, _ in needed_calls()}
    for pattern, sample in SAMPLE_CALLS.items():
        assert fnmatchcase(sample, pattern)
        assert sample in calls or pattern in NOT_IN_SCHEMAS or pattern in DIRECT, sample


def test_only_cloudformation_changes_resources_outside_the_code_bucket() -> None:
    direct = [each for each in statements("deployer-policy.json") if "aws:CalledVia" not in str(each)]
    assert {each["Sid"] for each in direct} == {
        "Stacks",
        "ReadTemplate",
        "Transform",
        "CodeBucket",
        "ServiceLinkedRoles",
    }
    for statement in statements("deployer-policy.json"):
        if statement not in direct:
            assert THROUGH_STACKS.items() <= statement["Condition"].items()


def test_roles_are_passed_only_to_the_services_that_they_trust() -> None:
    roles = [role for given in ROLLOUTS for role in expanded(given).of_type("AWS::IAM::Role").values()]
    trusted = {
        statement["Principal"]["Service"]
        for role in roles
        for statement in role["AssumeRolePolicyDocument"]["Statement"]
    }
    [passing] = [each for each in statements("deployer-policy.json") if each["Action"] == ["iam:PassRole"]]
    assert set(passing["Condition"]["StringEquals"]["iam:PassedToService"]) == trusted


@pytest.mark.parametrize("name", ["deployer-policy.json", "preflight-policy.json"])
def test_a_policy_fits_into_one_managed_policy_and_has_no_open_action(name: str) -> None:
    assert len(re.sub(r"\s", "", (DOCS / name).read_text())) <= MAX_CHARACTERS
    for statement in statements(name):
        assert statement["Action"] == sorted(statement["Action"])
        assert all(re.fullmatch(r"[a-z0-9-]+:[A-Za-z*]+", action) for action in statement["Action"])


def test_names_begin_with_the_default_stacks_name() -> None:
    resources = {
        resource
        for statement in statements("deployer-policy.json")
        for resource in ([statement["Resource"]] if isinstance(statement["Resource"], str) else statement["Resource"])
    }
    others = {each for each in resources if "triptych*" not in each and "aws-sam-cli-managed-default" not in each}
    assert others == {
        "*",
        "arn:aws:cloudformation:*:aws:transform/Serverless-2016-10-31",
        "arn:aws:codedeploy:*:*:deploymentconfig:*",
        "arn:aws:glue:*:*:catalog",
        "arn:aws:iam::*:role/aws-service-role/*",
    }


def test_the_policy_of_the_preflight_allows_its_calls_and_only_reads() -> None:
    patterns = {action for statement in statements("preflight-policy.json") for action in statement["Action"]}
    assert {action for action in ACTIONS.values() if not any(fnmatchcase(action, each) for each in patterns)} == set()
    reading = re.compile(r"[a-z0-9-]+:(Describe|Get|List|Simulate)[A-Za-z*]*")
    assert all(reading.fullmatch(pattern) for pattern in patterns)
    assert {each for each in patterns if not any(fnmatchcase(action, each) for action in ACTIONS.values())} == set()
