"""The template as CloudFormation deploys it: expanded by SAM's own translator, with conditions resolved."""

import os
from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from typing import Any

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

from testkit.template import ROOT, Rollout

BUILT = "s3://bucket/code"
"""A location to which `sam deploy` could have uploaded the function."""

REGION = "us-east-1"
"""The translator needs a region."""

FUNCTIONS = {"Base64", "Cidr", "FindInMap", "GetAZs", "GetAtt", "If", "Join", "Select", "Split", "Sub"}
SAM_PARAMETERS = {"OrchestratorRollout"}
"""Parameters whose value SAM's translator has to know, because it decides which resources exist."""


def short_names(part: Any) -> Any:
    """Return a part of the template with functions by their short names."""
    if isinstance(part, dict):
        return {key.removeprefix("Fn::"): short_names(value) for key, value in part.items()}
    return [short_names(item) for item in part] if isinstance(part, list) else part


def full_names(part: Any) -> Any:
    """Return a part of the template with functions by their full names."""
    if isinstance(part, dict):
        named = {key: full_names(value) for key, value in part.items()}
        return {f"Fn::{key}" if len(part) == 1 and key in FUNCTIONS else key: value for key, value in named.items()}
    return [full_names(item) for item in part] if isinstance(part, list) else part


def expanded(given: Mapping[str, str], text: str | None = None) -> Rollout:
    """Return the template expanded by SAM's translator, with its conditions resolved.

    Args:
        given: Parameters that differ from their defaults.
        text: A template other than template.yaml, for comparison.
    """
    content = _packaged(text or _current())
    defaults = {name: str(content["Parameters"][name]["Default"]) for name in SAM_PARAMETERS}
    relevant = {name: given.get(name, default) for name, default in defaults.items()}
    return Rollout(_translated(text or _current(), tuple(sorted(relevant.items()))), given)


@cache
def _current() -> str:
    return (ROOT / "template.yaml").read_text()


@cache
def _packaged(text: str) -> dict[str, Any]:
    """Return a template as SAM's translator expects it, with uploaded code."""
    content: dict[str, Any] = yaml_parse(text)
    for body in content["Resources"].values():
        if body["Type"] == "AWS::Serverless::Function":
            body["Properties"]["CodeUri"] = BUILT
    return content


@cache
def _translated(text: str, relevant: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    """Return a template without SAM's resources; other parameters than those given stay unresolved.

    A translation takes 0.1 seconds, so one serves every combination of the other parameters.
    """
    content = deepcopy(_packaged(text))
    defaults = {name: body.pop("Default") for name, body in content["Parameters"].items() if "Default" in body}
    policies = type("NoManagedPolicies", (), {"load": staticmethod(dict)})()
    os.environ.setdefault("AWS_DEFAULT_REGION", REGION)
    translated: dict[str, Any] = short_names(transform(content, dict(relevant), policies))
    for name, default in defaults.items():
        translated["Parameters"][name]["Default"] = default
    return translated
