"""The check of what the caller may do, against the policy in docs/deployer-policy.json."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from triptych.preflight.deployment import Deployment
from triptych.preflight.findings import Finding, Findings
from triptych.stack.home import REPOSITORY

if TYPE_CHECKING:
    from mypy_boto3_iam.client import IAMClient
    from mypy_boto3_iam.type_defs import ContextEntryTypeDef
    from mypy_boto3_sts.client import STSClient

POLICY_FILE: Path = REPOSITORY / "docs" / "deployer-policy.json"
_DEFAULT_PREFIX = "triptych"
"""Beginning of the names in the policy: that of the default stack."""
_MANY = 100
"""Actions in one simulation; IAM allows a bit more."""
_SHOWN = 10
"""Denied actions that a sentence names."""


@dataclass(frozen=True)
class PolicyStatement:
    """A statement of the policy, as a simulation needs it."""

    actions: list[str]
    resources: list[str]
    context: "list[ContextEntryTypeDef]"


def read_statements(stack: str, text: str) -> list[PolicyStatement]:
    """Return the statements of a policy document.

    Args:
        stack: Name of the stack, which replaces the wildcard names of the policy.
        text: The policy document.
    """
    return [
        PolicyStatement(
            _as_list(statement["Action"]),
            [_example(resource, stack) for resource in _as_list(statement["Resource"])],
            list(_context(statement.get("Condition", {}))),
        )
        for statement in json.loads(text)["Statement"]
    ]


def _as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _example(resource: str, stack: str) -> str:
    """Return a resource that a pattern matches; simulations take no patterns but `*`."""
    if resource == "*":
        return resource
    return resource.replace(f"{_DEFAULT_PREFIX}*", stack).replace("*", "x")


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
    """Yield the actions of the policy that IAM would deny to the principal."""
    for statement in read_statements(deployment.stack, POLICY_FILE.read_text(encoding="utf-8")):
        actions = iter(statement.actions)
        while batch := list(islice(actions, _MANY)):
            pages = iam.get_paginator("simulate_principal_policy").paginate(
                PolicySourceArn=principal,
                ActionNames=batch,
                ResourceArns=statement.resources,
                ContextEntries=statement.context,
            )
            for page in pages:
                for result in page["EvaluationResults"]:
                    if result["EvalDecision"] != "allowed":
                        yield result["EvalActionName"]
