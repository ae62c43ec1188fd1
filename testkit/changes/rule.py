"""Rules of AWS services, and the violations that they find in an update."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from testkit.changes.resource_changes import Update

Check = Callable[[Update], Iterator[tuple[str, str]]]


class Severity(StrEnum):
    """The consequence of a violated rule."""

    REFUSED = "refused"
    """AWS refuses the change, and CloudFormation rolls the stack back."""
    NO_WAY_BACK = "no way back"
    """The update succeeds, but deletes what a manual rollback needs."""
    INTERRUPTION = "interruption"
    """The update succeeds, but documents fail while it runs."""
    INEFFECTIVE = "ineffective"
    """The update succeeds, but has no effect, or loses events silently."""


@dataclass(frozen=True)
class Rule:
    """A rule of a service.

    Attributes:
        name: A short name.
        severity: What a violation leads to.
        source: Documentation of AWS, or a report of its behaviour.
        check: Yields resource and sentence for each violation.
    """

    name: str
    severity: Severity
    source: str
    check: Check


@dataclass(frozen=True)
class Finding:
    """A violation of a rule by an update."""

    rule: str
    severity: Severity
    resource: str
    sentence: str


def both_properties(update: Update, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the properties of a resource before and after."""
    return update.before.resources[name].get("Properties", {}), update.after.resources[name].get("Properties", {})
