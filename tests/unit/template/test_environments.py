"""samconfig.toml: each environment gives what the template takes, and none but `local` is local."""

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
def test_it_gives_values_that_the_template_allows(environment: str) -> None:
    known = template()["Parameters"]
    for name, value in parameters(environment).items():
        allowed = known[name]
        assert value in map(str, allowed.get("AllowedValues", [value])), name
        assert re.search(allowed.get("AllowedPattern", ""), value), name
        if allowed["Type"] == "Number" and "MinValue" in allowed:
            assert allowed["MinValue"] <= int(value) <= allowed["MaxValue"], name
    assert not rollout(**parameters(environment)).violated_rules()


def test_production_asks_first_and_none_but_local_is_local() -> None:
    assert CONFIG["production"]["deploy"]["parameters"]["confirm_changeset"] is True
    for name in ("default", "staging", "production"):
        assert "LocalEndpoint" not in str(CONFIG[name])


def test_production_survives_the_loss_of_a_zone_and_of_a_task() -> None:
    assert int(parameters("production")["MinModelTasks"]) >= 2


def test_every_parameter_is_in_a_group_of_the_console() -> None:
    groups = template()["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    shown = [name for group in groups for name in group["Parameters"]]
    assert sorted(shown) == sorted(template()["Parameters"])


def test_every_parameter_says_what_it_is_and_what_it_may_be() -> None:
    for name, body in template()["Parameters"].items():
        assert len(body["Description"]) <= 4000, name
        bounded = {"AllowedValues", "AllowedPattern", "MinValue", "MinLength"} & set(body)
        assert bounded or name.startswith("ModelImageUri"), name
