"""Effects of an update of the stack on AWS: what is changed in place, what is replaced, and what is refused.

The emulator refuses nothing that AWS refuses. This package computes it instead, from two expanded templates:
`resource_changes` from CloudFormation's resource schemas, `service_rules` and `network_rules` from rules that the
schemas do not contain. It calls nothing.
"""

from testkit.changes.resource_changes import Action, Update, compare
from testkit.changes.rule import Finding, Severity
from testkit.changes.service_rules import RULES, findings

__all__ = ["RULES", "Action", "Finding", "Severity", "Update", "compare", "findings"]
