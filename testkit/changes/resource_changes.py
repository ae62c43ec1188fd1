"""Compare two expanded templates as CloudFormation does: which resources it creates, updates, replaces and deletes."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Any

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from testkit.template import Rollout
from testkit.translated import REGION

Resource = Mapping[str, Any]


class Action(StrEnum):
    """Actions of CloudFormation on a resource. Deletions come last, in the clean-up after all other actions."""

    CREATE = "created"
    UPDATE = "updated in place"
    REPLACE = "replaced"
    DELETE = "deleted"


@dataclass(frozen=True)
class ResourceChange:
    """The change of one resource.

    Attributes:
        action: What CloudFormation does.
        properties: Top-level properties with another value, including references to replaced resources.
        create_only: Those that cannot change in place, so that the resource is replaced.
    """

    action: Action
    properties: frozenset[str] = frozenset()
    create_only: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Update:
    """An update of the stack.

    Attributes:
        before: The template as deployed.
        after: The template to deploy.
        changes: The resources that change, by name.
    """

    before: Rollout
    after: Rollout
    changes: dict[str, ResourceChange] = field(default_factory=dict)

    def names(self, action: Action, kind: str = "") -> set[str]:
        """Return the names of the resources with an action, optionally of one type only."""
        return {
            name
            for name, change in self.changes.items()
            if change.action is action and (not kind or self._kind(name) == kind)
        }

    def _kind(self, name: str) -> str:
        resources = self.after.resources if name in self.after else self.before.resources
        return str(resources[name]["Type"])


def compare(before: Rollout, after: Rollout) -> Update:
    """Return the update from one template to another.

    A reference to a resource changes with it, so that a replacement continues along the references until nothing more
    changes.
    """
    changes = {name: ResourceChange(Action.CREATE) for name in after.resources if name not in before}
    changes |= {name: ResourceChange(Action.DELETE) for name in before.resources if name not in after}
    renewed: set[str] = set()
    while True:
        for name in (name for name in after.resources if name in before):
            if change := _change(before.resources[name], after.resources[name], renewed):
                changes[name] = change
        now = {name for name, change in changes.items() if _is_renewed(after.resources.get(name), change)}
        if now == renewed:
            return Update(before, after, changes)
        renewed = now


def references(part: Any) -> Iterator[str]:
    """Yield the names to which a part of a template refers with Ref, GetAtt or Sub, without attributes."""
    if isinstance(part, list):
        for item in part:
            yield from references(item)
    elif isinstance(part, dict):
        for key, value in part.items():
            if key in ("Ref", "GetAtt"):
                yield value.split(".")[0] if isinstance(value, str) else str(value[0])
            elif key == "Sub":
                text = value[0] if isinstance(value, list) else value
                yield from (name.split(".")[0] for name in re.findall(r"\$\{([\w.]+)\}", text))
            yield from references(value)


def create_only_paths(kind: str) -> tuple[tuple[str, ...], ...]:
    """Return the paths of the properties of a type that cannot change in place, also those that sometimes cannot."""
    schema = _schema(kind)
    pointers = [*schema.get("createOnlyProperties", []), *schema.get("conditionalCreateOnlyProperties", [])]
    return tuple(tuple(pointer.split("/")[2:]) for pointer in pointers)


@cache
def _schema(kind: str) -> dict[str, Any]:
    """Return CloudFormation's schema of a resource type, as cfn-lint contains it. Custom resources have none."""
    if kind.startswith("Custom::"):
        return {}
    found: dict[str, Any] = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, kind).schema
    return found


def _change(before: Resource, after: Resource, renewed: set[str]) -> ResourceChange | None:
    """Return the change of a resource that exists before and after, if there is one."""
    if before["Type"] != after["Type"]:
        return ResourceChange(Action.REPLACE)
    old, new = _simplified(before.get("Properties", {})), _simplified(after.get("Properties", {}))
    changed = {name for name in {*old, *new} if _differs(old.get(name), new.get(name), renewed)}
    fixed = {
        path[0]
        for path in create_only_paths(after["Type"])
        if _differs(_value_at(old, path), _value_at(new, path), renewed)
    }
    if not changed:
        return None
    return ResourceChange(Action.REPLACE if fixed else Action.UPDATE, frozenset(changed), frozenset(fixed))


def _simplified(part: Any) -> Any:
    """Return a part of a template with the items that Select takes from a list in the template."""
    if isinstance(part, list):
        return [_simplified(item) for item in part]
    if not isinstance(part, dict):
        return part
    if set(part) == {"Select"} and isinstance(part["Select"][1], list):
        return _simplified(part["Select"][1][int(part["Select"][0])])
    return {key: _simplified(value) for key, value in part.items()}


def _differs(old: Any, new: Any, renewed: set[str]) -> bool:
    return bool(old != new or renewed & set(references(new)))


def _value_at(properties: Any, path: tuple[str, ...]) -> Any:
    """Return the value at a path; `*` stands for every item of a list."""
    if not path or properties is None:
        return properties
    if path[0] == "*":
        return [_value_at(item, path[1:]) for item in properties]
    if not isinstance(properties, dict) or "If" in properties:
        return properties
    return _value_at(properties.get(path[0]), path[1:])


def _is_renewed(resource: Resource | None, change: ResourceChange) -> bool:
    """Return whether references to a resource have another value after the change.

    A custom resource may return other attributes after any update.
    """
    if resource is None:
        return False
    return change.action is Action.REPLACE or (
        change.action is Action.UPDATE and str(resource["Type"]).startswith("Custom::")
    )
