"""Small stacks for tests of the change model."""

from collections.abc import Mapping
from typing import Any

from testkit.template import Rollout

Resource = dict[str, Any]


def stack(**resources: Mapping[str, Any]) -> Rollout:
    """Return a template with these resources."""
    return Rollout({"Parameters": {}, "Conditions": {}, "Resources": resources, "Outputs": {}}, {})


def resource(kind: str, **properties: Any) -> Resource:
    """Return a resource of a type, whose prefix `AWS::` is omitted."""
    return {"Type": kind if kind.startswith("Custom") else f"AWS::{kind}", "Properties": properties}


def changed(original: Mapping[str, Any], **properties: Any) -> Resource:
    """Return a resource with some properties replaced."""
    return {**original, "Properties": {**original["Properties"], **properties}}
