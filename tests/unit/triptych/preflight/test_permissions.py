"""Protects: the caller's permissions are simulated with the policy for deployers, on resources of the stack."""

import json
from fnmatch import fnmatchcase
from typing import Any

import pytest

from tests.unit.triptych.preflight.conftest import ACCOUNT, SeededAccount
from triptych.preflight.deployment import Deployment
from triptych.preflight.permissions import POLICY_FILE, find_permissions, principal_arn, read_statements

PLAN = Deployment("triptych-test", "us-east-1", ACCOUNT, "aws", {})


def caller(account: SeededAccount, arn: str) -> str | None:
    account.aws.answers["GetCallerIdentity"] = {"Account": ACCOUNT, "Arn": arn}
    return principal_arn(account.clients.sts, account.clients.iam)


def test_the_role_of_a_session_and_the_user_are_found_and_root_needs_nothing(account: SeededAccount) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/path/deployer"
    fields = {"Path": "/path/", "RoleName": "deployer", "RoleId": "AROAEXAMPLEEXAMPLE", "Arn": role, "CreateDate": 0}
    account.aws.answers["GetRole"] = lambda call: {"Role": fields | {"RoleName": call["RoleName"]}}
    assert caller(account, f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/session") == role
    assert caller(account, f"arn:aws:iam::{ACCOUNT}:user/me") == f"arn:aws:iam::{ACCOUNT}:user/me"
    assert caller(account, f"arn:aws:iam::{ACCOUNT}:root") is None
    assert not list(find_permissions(account.clients.sts, account.clients.iam, PLAN))


def test_every_action_is_simulated_with_names_of_the_stack(account: SeededAccount) -> None:
    calls: list[dict[str, Any]] = []

    def simulate(call: Any) -> dict[str, Any]:
        calls.append(dict(call))
        decisions = {"iam:PassRole": "explicitDeny", "iam:CreateRole": "implicitDeny"}
        return {
            "EvaluationResults": [
                {"EvalActionName": name, "EvalDecision": decisions.get(name, "allowed")} for name in call["ActionNames"]
            ]
        }

    account.aws.answers["SimulatePrincipalPolicy"] = simulate
    [finding] = find_permissions(account.clients.sts, account.clients.iam, PLAN)
    assert "iam:CreateRole, iam:PassRole." in finding.sentence
    actions = {action for call in calls for action in call["ActionNames"]}
    assert not {action for action in actions if "*" in action}, "IAM simulates no patterns"
    documented = {
        action for statement in json.loads(POLICY_FILE.read_text())["Statement"] for action in statement["Action"]
    }
    assert {action for action in documented if not any(fnmatchcase(each, action) for each in actions)} == set()
    resources = {resource for call in calls for resource in call["ResourceArns"]}
    assert f"arn:aws:iam::{ACCOUNT}:role/triptych-test" in resources
    assert f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/triptych-test" in resources
    assert "arn:aws:s3:::triptych-test-inbox-x" in resources
    assert not {resource for resource in resources if "*" in resource and resource != "*"}
    for call in calls:
        services = {action.split(":")[0] for action in call["ActionNames"]}
        assert len(services) == 1
        assert {resource.split(":")[2] for resource in call["ResourceArns"] if resource != "*"} <= services


def test_an_action_that_is_allowed_on_one_of_its_resources_is_allowed(account: SeededAccount) -> None:
    def simulate(call: Any) -> dict[str, Any]:
        decisions = ["implicitDeny"] * (len(call["ResourceArns"]) - 1) + ["allowed"]
        parts = [
            {"EvalResourceName": resource, "EvalResourceDecision": decision}
            for resource, decision in zip(call["ResourceArns"], decisions, strict=True)
        ]
        return {
            "EvaluationResults": [
                {"EvalActionName": name, "EvalDecision": "implicitDeny", "ResourceSpecificResults": parts}
                for name in call["ActionNames"]
            ]
        }

    account.aws.answers["SimulatePrincipalPolicy"] = simulate
    assert not list(find_permissions(account.clients.sts, account.clients.iam, PLAN))


@pytest.mark.parametrize("many", [11, 12])
def test_a_sentence_names_ten_denied_actions_at_most(account: SeededAccount, many: int) -> None:
    denied = [f"s3:Put{number:02}" for number in range(many)]
    account.aws.answers["SimulatePrincipalPolicy"] = {
        "EvaluationResults": [{"EvalActionName": name, "EvalDecision": "implicitDeny"} for name in denied]
    }
    [finding] = find_permissions(account.clients.sts, account.clients.iam, PLAN)
    assert finding.sentence.endswith(f"s3:Put09 and {many - 10} more.")


def test_conditions_of_the_policy_hold_in_the_simulation() -> None:
    text = json.dumps(
        {
            "Statement": [
                {
                    "Action": "iam:PassRole",
                    "Resource": "*",
                    "Condition": {
                        "ForAnyValue:StringEquals": {"aws:CalledVia": ["cloudformation.amazonaws.com"]},
                        "StringEquals": {"iam:PassedToService": ["lambda.amazonaws.com", "ecs-tasks.amazonaws.com"]},
                    },
                }
            ]
        }
    )
    [statement] = read_statements(PLAN, text)
    assert statement.actions == ["iam:PassRole"]
    assert statement.context == [
        {
            "ContextKeyName": "aws:CalledVia",
            "ContextKeyValues": ["cloudformation.amazonaws.com"],
            "ContextKeyType": "stringList",
        },
        {
            "ContextKeyName": "iam:PassedToService",
            "ContextKeyValues": ["lambda.amazonaws.com"],
            "ContextKeyType": "string",
        },
    ]
