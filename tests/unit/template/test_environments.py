"""samconfig.toml: every environment has valid parameters, and only `local` uses the emulator."""

import re
import tomllib

import pytest

from testkit.template import ROOT, rollout, template

CONFIG = tomllib.loads((ROOT / "samconfig.toml").read_text())
ENVIRONMENTS = ("default", "local", "staging", "production")


def parameters(environment: str) -> dict[str, str]:
    overrides = CONFIG[environment]["deploy"]["parameters"].get("parameter_overrides", [])
    return dict(pair.split("=", 1) for pair in overrides)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_environment_has_parameters_that_the_template_allows(environment: str) -> None:
    known = template()["Parameters"]
    for name, value in parameters(environment).items():
        allowed = known[name]
        assert value in map(str, allowed.get("AllowedValues", [value])), name
        assert re.search(allowed.get("AllowedPattern", ""), value), name
        if allowed["Type"] == "Number" and "MinValue" in allowed:
            assert allowed["MinValue"] <= int(value) <= allowed["MaxValue"], name
    assert not rollout(**parameters(environment)).violated_rules()


def test_production_asks_for_confirmation_and_only_local_has_an_endpoint() -> None:
    assert CONFIG["production"]["deploy"]["parameters"]["confirm_changeset"] is True
    for name in ("default", "staging", "production"):
        assert "LocalEndpoint" not in str(CONFIG[name])


def test_production_runs_at_least_two_tasks_per_version() -> None:
    assert int(parameters("production")["MinModelTasks"]) >= 2


def test_every_parameter_is_in_a_parameter_group() -> None:
    groups = template()["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    shown = [name for group in groups for name in group["Parameters"]]
    assert sorted(shown) == sorted(template()["Parameters"])


def test_every_parameter_has_a_description_and_a_constraint() -> None:
    for name, body in template()["Parameters"].items():
        assert len(body["Description"]) <= 4000, name
        constraints = {"AllowedValues", "AllowedPattern", "MinValue", "MinLength"} & set(body)
        assert constraints or name.startswith("ModelImageUri"), name
