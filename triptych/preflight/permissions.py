"""The check of what the caller may do, against the policy in docs/deployer-policy.json."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from triptych.preflight.deployment import Deployment
from triptych.preflight.findings import Finding, Findings
from triptych.preflight.sample_calls import concrete_calls
from triptych.stack.home import REPOSITORY

if TYPE_CHECKING:
    from mypy_boto3_iam.client import IAMClient
    from mypy_boto3_iam.type_defs import ContextEntryTypeDef, EvaluationResultTypeDef
    from mypy_boto3_sts.client import STSClient

POLICY_FILE: Path = REPOSITORY / "docs" / "deployer-policy.json"
_DEFAULT_PREFIX = "triptych"
"""Beginning of the names in the policy: that of the default stack."""
_SHOWN = 10
"""Denied actions that a sentence names."""


@dataclass(frozen=True)
class PolicyStatement:
    """Calls of one service in a statement of the policy, as a simulation needs them."""

    actions: list[str]
    resources: list[str]
    context: "list[ContextEntryTypeDef]"


def read_statements(deployment: Deployment, text: str) -> Iterator[PolicyStatement]:
    """Yield the statements of a policy document, one for each service.

    Args:
        deployment: The deployment whose names, account and region replace those of the policy.
        text: The policy document.
    """
    for statement in json.loads(text)["Statement"]:
        resources = [_example(resource, deployment) for resource in _as_list(statement["Resource"])]
        context = list(_context(statement.get("Condition", {})))
        for service, actions in groupby(sorted(_as_list(statement["Action"])), lambda action: action.split(":")[0]):
            own = [resource for resource in resources if resource == "*" or resource.split(":")[2] == service]
            yield PolicyStatement(list(concrete_calls(list(actions))), own, context)


def _as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _example(pattern: str, deployment: Deployment) -> str:
    """Return a resource that a pattern matches; simulations take no patterns but `*`."""
    if pattern == "*":
        return pattern
    _, _, service, region, account, name = pattern.split(":", 5)
    parts = (
        "arn",
        deployment.partition,
        service,
        region.replace("*", deployment.region),
        account.replace("*", deployment.account),
        name.replace(f"{_DEFAULT_PREFIX}*", deployment.stack).replace("*", "x"),
    )
    return ":".join(parts)


def _context(condition: Mapping[str, Mapping[str, Any]]) -> "Iterator[ContextEntryTypeDef]":
    """Yield a value for each condition key with which the condition holds."""
    for keys in condition.values():
        for name, values in keys.items():
            kind = "stringList" if name == "aws:CalledVia" else "string"
            yield {
                "ContextKeyName": name,
                "ContextKeyValues": _as_list(values)[:1],
                "ContextKeyType": kind,  # type: ignore[typeddict-item]
            }


def principal_arn(sts: "STSClient", iam: "IAMClient") -> str | None:
    """Return the user or role whose policies decide, or None for the account's root user.

    The ARN of a session names its role without the path that the role's ARN has.
    """
    arn = sts.get_caller_identity()["Arn"]
    resource = arn.split(":", 5)[5]
    if resource == "root":
        return None
    if resource.startswith("assumed-role/"):
        return iam.get_role(RoleName=resource.split("/")[1])["Role"]["Arn"]
    return arn


def find_permissions(sts: "STSClient", iam: "IAMClient", deployment: Deployment) -> Findings:
    """Yield a finding if the caller lacks permissions of the policy for deployers."""
    principal = principal_arn(sts, iam)
    if principal is None:
        return
    denied = sorted(set(_denied(iam, principal, deployment)))
    if denied:
        more = f" and {len(denied) - _SHOWN} more" if len(denied) > _SHOWN else ""
        yield Finding(
            f"{principal} may not make these calls of a deployment: {', '.join(denied[:_SHOWN])}{more}.",
            "Attach the policy docs/deployer-policy.json, or deploy with a role that has it (docs/rollout.md).",
        )


def _denied(iam: "IAMClient", principal: str, deployment: Deployment) -> Iterator[str]:
    """Yield the actions that IAM would deny to the principal on every resource of the policy."""
    for statement in read_statements(deployment, POLICY_FILE.read_text(encoding="utf-8")):
        pages = iam.get_paginator("simulate_principal_policy").paginate(
            PolicySourceArn=principal,
            ActionNames=statement.actions,
            ResourceArns=statement.resources,
            ContextEntries=statement.context,
        )
        results = [result for page in pages for result in page["EvaluationResults"]]
        allowed = {result["EvalActionName"] for result in results if _is_allowed(result)}
        yield from {result["EvalActionName"] for result in results} - allowed


def _is_allowed(result: "EvaluationResultTypeDef") -> bool:
    """Return whether an action is allowed on at least one of the simulated resources."""
    each = [part["EvalResourceDecision"] for part in result.get("ResourceSpecificResults", [])]
    return "allowed" in (each or [result["EvalDecision"]])
