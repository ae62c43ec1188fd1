"""Protects: endpoints that the orchestrator could not read, and changes that would have no effect."""

import json

import pytest

from tests.unit.triptych.preflight.conftest import ACCOUNT, REGION
from triptych.preflight.deployment import DeployedStack, Deployment
from triptych.preflight.other_models import find_other_models

FUNCTION = json.dumps({"v2": {"type": "lambda", "function": "f:live"}})


def planned(earlier: dict[str, str] | None = None, **parameters: str) -> Deployment:
    deployed = None if earlier is None else DeployedStack("UPDATE_COMPLETE", earlier)
    return Deployment("triptych", REGION, ACCOUNT, "aws", parameters, deployed)


def test_valid_endpoints_pass() -> None:
    assert not list(find_other_models(planned()))
    assert not list(find_other_models(planned(OtherModelEndpoints=FUNCTION, OtherModelRevision="1")))


@pytest.mark.parametrize("setting", ['{"v2": {"type": "moon"}}', "{}", "{v2}"])
def test_endpoints_that_the_orchestrator_cannot_read_are_found(setting: str) -> None:
    [finding] = find_other_models(planned(OtherModelEndpoints=setting, OtherModelRevision="1"))
    assert "would not start: OtherModelEndpoints" in finding.sentence


@pytest.mark.parametrize(
    ("setting", "revision", "found"), [(FUNCTION, "1", False), ("", "1", True), ("", "2", False), ("", "0", False)]
)
def test_change_without_another_revision_is_found(setting: str, revision: str, found: bool) -> None:
    earlier = {"OtherModelEndpoints": FUNCTION, "OtherModelRevision": "1"}
    findings = list(find_other_models(planned(earlier, OtherModelEndpoints=setting, OtherModelRevision=revision)))
    assert [finding.remedy for finding in findings] == (["Increase OtherModelRevision, which is 1."] if found else [])


def test_stack_of_an_earlier_release_has_no_revision_to_increase() -> None:
    assert not list(find_other_models(planned({}, OtherModelEndpoints=FUNCTION, OtherModelRevision="1")))
