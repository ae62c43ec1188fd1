"""Every change of a parameter on a live stack: what AWS would refuse, delete or interrupt.

The emulator refuses none of it, so the changes are computed from CloudFormation's schemas and rules of the services
(`testkit.changes`).
"""

import pytest

from testkit.changes import compare, findings
from testkit.changes.transitions import changeable_parameters, transitions
from testkit.translated import expanded

REFUSED = {
    "VpcCidr": {"subnets of another VPC"},
    "VpcId": {"subnets of another VPC"},
    "ZoneA": {"subnet range is taken"},
}
"""Changes that AWS refuses, and that docs/rollout.md describes as such: the value is chosen once."""


@pytest.mark.parametrize("parameter", changeable_parameters())
def test_change_of_a_parameter_violates_no_rule_of_aws(parameter: str) -> None:
    for transition in transitions(parameter):
        update = compare(expanded(transition.before), expanded(transition.after))
        assert not update.after.violated_rules(), str(transition)
        found = findings(update)
        assert {finding.rule for finding in found} == REFUSED.get(parameter, set()), f"{transition}: {found}"
