"""Every change of a parameter on a live stack: what AWS would refuse, delete or interrupt.

The emulator refuses none of it, so the changes are computed from CloudFormation's schemas and rules of the services
(`testkit.changes`).
"""

import pytest

from testkit.changes import findings
from testkit.changes.table import write_update_table
from testkit.changes.transitions import changeable_parameters, updates
from testkit.template import ROOT

REFUSED = {
    "VpcCidr": {"subnets of another VPC"},
    "VpcId": {"subnets of another VPC"},
    "ZoneA": {"subnet range is taken"},
}
"""Changes that AWS refuses, and that docs/rollout.md describes as such: the value is chosen once."""


@pytest.mark.parametrize("parameter", changeable_parameters())
def test_change_of_a_parameter_violates_no_rule_of_aws(parameter: str) -> None:
    for transition, update in updates(parameter):
        assert not update.after.violated_rules(), str(transition)
        found = findings(update)
        assert {finding.rule for finding in found} == REFUSED.get(parameter, set()), f"{transition}: {found}"


def test_documented_table_of_updates_is_the_computed_one() -> None:
    """`python -m tools.update_table` writes it."""
    page = (ROOT / "docs" / "rollout.md").read_text()
    assert page == write_update_table(page)
