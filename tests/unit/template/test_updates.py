"""Every change of a parameter on a live stack: what AWS would refuse, delete or interrupt.

The emulator refuses none of it, so the changes are computed from CloudFormation's schemas and rules of the services
(`testkit.changes`).
"""

import re

import pytest

from testkit.changes import compare, findings
from testkit.changes.resource_changes import Action, references
from testkit.changes.table import write_update_table
from testkit.changes.transitions import changeable_parameters, updates
from testkit.template import ROOT
from testkit.translated import expanded

REFUSED = {
    "VpcCidr": {"subnets of another VPC"},
    "VpcId": {"subnets of another VPC"},
    "ZoneA": {"subnet range is taken"},
}
"""Changes that AWS refuses, and that docs/rollout.md describes as such: the value is chosen once."""

SEEDED_FAULTS: dict[str, tuple[str, str, dict[str, str]]] = {
    "strategy without a new deployment": (r" +ForceNewDeploymentNonce: .*\n", "", {"ModelSpot": "extra"}),
    "task definition becomes inactive": (r"    UpdateReplacePolicy: Retain  # a service.*\n", "", {"ModelCpu": "512"}),
    "function version is deleted": (r"    UpdateReplacePolicy: Retain  # SAM.*\n", "", {"OrchestratorTimeout": "60"}),
    "change without a version": (r"\$\{OrchestratorMemory\} ", "", {"OrchestratorMemory": "512"}),
    "queue has two encryptions": (
        r"!If \[OwnKey, false, true\]",
        "!If [OwnKey, !Ref AWS::NoValue, true]",
        {"Encryption": "customer-managed"},
    ),
    "key condition never holds": (
        r"( +)Principal: \{Service: \[s3.amazonaws.com, events.amazonaws.com\]\}\n",
        r"\g<0>\1Condition: {StringEquals: {aws:SourceAccount: !Ref AWS::AccountId}}\n",
        {"Encryption": "customer-managed"},
    ),
}
"""What the template would look like without the line that prevents a fault: pattern, replacement, and the change of
parameters in which the fault shows. Releases up to 0.2 had all of them but the fourth."""


@pytest.fixture(scope="module")
def faulty_template() -> str:
    """The template with all of these faults."""
    text = (ROOT / "template.yaml").read_text()
    for pattern, replacement, _ in SEEDED_FAULTS.values():
        text, count = re.subn(pattern, replacement, text)
        assert count, f"template.yaml does not contain {pattern}"
    return text


@pytest.mark.parametrize("rule", SEEDED_FAULTS)
def test_fault_in_the_template_is_found(faulty_template: str, rule: str) -> None:
    *_, parameters = SEEDED_FAULTS[rule]
    found = findings(compare(expanded({}, faulty_template), expanded(parameters, faulty_template)))
    assert rule in {finding.rule for finding in found}


@pytest.mark.parametrize(
    ("before", "after", "rule"),
    [
        ({}, {"ModelHosting": "lambda", "Network": "none"}, "network of a kept version"),
        ({"DeletionProtection": "enabled"}, {"ModelHosting": "lambda"}, "protected load balancer is deleted"),
    ],
    ids=["network", "protection"],
)
def test_change_of_hosting_that_leaves_something_behind_is_found(
    before: dict[str, str], after: dict[str, str], rule: str
) -> None:
    """docs/rollout.md describes both as a second step."""
    found = findings(compare(expanded(before), expanded({**before, **after})))
    assert [finding.rule for finding in found] == [rule]


@pytest.mark.parametrize("parameter", changeable_parameters())
def test_change_of_a_parameter_violates_no_rule_of_aws(parameter: str) -> None:
    for transition, update in updates(parameter):
        assert not update.after.violated_rules(), str(transition)
        found = findings(update)
        assert {finding.rule for finding in found} == REFUSED.get(parameter, set()), f"{transition}: {found}"


def test_services_change_before_the_orchestrator_and_their_role_is_deleted_last() -> None:
    """So they may read documents when the orchestrator starts to send addresses. On the way back, an old orchestrator
    sends addresses to services without the role, and then the content: `orchestrator.content_fallback`."""
    seen = set()
    for transition, update in updates("DocumentTransfer"):
        if transition.after.get("ModelHosting") == "lambda":
            assert not update.changes, str(transition)
            continue
        changed = update.names(Action.UPDATE, "AWS::ECS::Service")
        awaited = set(references(update.after.resources["Orchestrator"]["Metadata"]["After"]))
        assert changed == set(update.after.of_type("AWS::ECS::Service")) <= awaited, str(transition)
        action = Action.CREATE if transition.after.get("DocumentTransfer") == "address" else Action.DELETE
        assert "ModelTaskRole" in update.names(action), str(transition)
        seen.add(action)
    assert seen == {Action.CREATE, Action.DELETE}


def test_documented_table_of_updates_is_the_computed_one() -> None:
    """`python -m tools.update_table` writes it."""
    page = (ROOT / "docs" / "rollout.md").read_text()
    assert page == write_update_table(page)
