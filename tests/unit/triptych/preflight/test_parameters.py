"""Protects: the parameters that the preflight reads are those of template.yaml and samconfig.toml."""

from dataclasses import replace
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from testkit.template import ROOT, rollout, table_definition, template
from tests.unit.triptych.preflight.conftest import ACCOUNT
from triptych.errors import UsageError
from triptych.preflight.deployment import DeployedStack, Deployment, describe_stack
from triptych.preflight.parameters import CONVERTER_VCPUS, DEFAULTS
from triptych.preflight.samconfig import SamEnvironment, parse_overrides, read_environment
from triptych.preflight.table import TABLE_INDEXES, TABLE_KEYS

PARAMETERS = template()["Parameters"]


def test_the_defaults_are_those_of_the_template() -> None:
    assert {name: str(PARAMETERS[name]["Default"]) for name in DEFAULTS} == DEFAULTS


@pytest.mark.parametrize("shell", ["disabled", "enabled"])
def test_the_endpoints_are_those_of_the_template(shell: str) -> None:
    endpoints = rollout(ExecuteCommand=shell).of_type("AWS::EC2::VPCEndpoint").values()
    services = {each["ServiceName"]["Sub"] for each in endpoints if each["VpcEndpointType"] == "Interface"}
    expected = Deployment("name", "us-east-1", ACCOUNT, "aws", {"ExecuteCommand": shell}).endpoint_services
    assert services == {f"com.amazonaws.${{AWS::Region}}.{service}" for service in expected}


def test_the_keys_and_indexes_of_the_table_are_those_of_the_template() -> None:
    def names(keys: list[dict[str, str]]) -> tuple[str, ...]:
        return tuple(key["AttributeName"] for key in keys)

    definition = table_definition("records")
    assert names(definition["KeySchema"]) == TABLE_KEYS
    indexes = {index["IndexName"]: names(index["KeySchema"]) for index in definition["GlobalSecondaryIndexes"]}
    assert indexes == TABLE_INDEXES


def test_the_bucket_is_named_as_in_the_template() -> None:
    pattern = template()["Resources"]["Inbox"]["Properties"]["BucketName"]["Sub"]
    values = {"${AWS::StackName}": "name", "${AWS::AccountId}": ACCOUNT, "${AWS::Region}": "eu-west-1"}
    for variable, value in values.items():
        pattern = pattern.replace(variable, value)
    assert Deployment("name", "eu-west-1", ACCOUNT, "aws", {}).own_bucket == pattern


def test_a_parameter_is_taken_from_the_deployment_then_the_stack_then_the_default() -> None:
    deployed = DeployedStack("UPDATE_COMPLETE", {"MinModelTasks": "2", "Network": "public"})
    plan = Deployment("name", "us-east-1", ACCOUNT, "aws", {"MinModelTasks": "3"}, deployed)
    assert (plan["MinModelTasks"], plan["Network"], plan["ModelCpu"]) == ("3", "public", "1024")
    assert plan.earlier("MinModelTasks") == "2"
    assert plan.minimum_vcpus == {"fargate_vcpus": 9}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("default", SamEnvironment("triptych", "us-east-1")),
        ("production", None),
        ("staging", None),
    ],
)
def test_each_environment_of_the_project_is_read(name: str, expected: SamEnvironment | None) -> None:
    found = read_environment(ROOT / "samconfig.toml", name)
    assert expected is None or found == expected
    assert found.stack == ("triptych" if name == "default" else f"triptych-{name}")
    assert set(found.parameters) <= set(PARAMETERS)


@pytest.mark.parametrize(
    "overrides",
    [
        'Network=public AlarmEmail="a@b.example" ModelImageUri=""',
        ["Network=public", "AlarmEmail=a@b.example", 'ModelImageUri=""'],
        "ParameterKey=Network,ParameterValue=public ParameterKey=AlarmEmail,ParameterValue=a@b.example ModelImageUri=",
    ],
)
def test_every_form_of_overrides_is_read(overrides: str | list[str]) -> None:
    assert parse_overrides(overrides) == {"Network": "public", "AlarmEmail": "a@b.example", "ModelImageUri": ""}


def test_settings_of_deploy_replace_global_ones(tmp_path: Path) -> None:
    path = tmp_path / "samconfig.toml"
    path.write_text(
        '[x.global.parameters]\nstack_name = "a"\nregion = "eu-west-1"\n'
        '[x.deploy.parameters]\nstack_name = "b"\nparameter_overrides = "Network=public"\nprofile = "work"\n'
    )
    assert read_environment(path, "x") == SamEnvironment("b", "eu-west-1", "work", {"Network": "public"})


def test_a_wrong_environment_file_or_parameter_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no environment 'nowhere'; it has default, local, production, staging"):
        read_environment(ROOT / "samconfig.toml", "nowhere")
    with pytest.raises(UsageError, match="Cannot read"):
        read_environment(tmp_path / "samconfig.toml", "default")
    (tmp_path / "broken.toml").write_text("[")
    with pytest.raises(UsageError, match="Cannot read"):
        read_environment(tmp_path / "broken.toml", "default")
    with pytest.raises(UsageError, match="use Name=Value"):
        parse_overrides(["Network"])


def test_the_deployed_stack_is_read_and_a_denied_call_is_an_error() -> None:
    client = boto3.Session("testing", "testing", region_name="us-east-1").client("cloudformation")
    stack = {
        "StackName": "triptych",
        "StackStatus": "UPDATE_COMPLETE",
        "CreationTime": 0,
        "Parameters": [{"ParameterKey": "Network", "ParameterValue": "public"}],
    }
    with Stubber(client) as stubber:
        stubber.add_response("describe_stacks", {"Stacks": [stack]}, {"StackName": "triptych"})
        assert describe_stack(client, "triptych") == DeployedStack("UPDATE_COMPLETE", {"Network": "public"})
        stubber.add_client_error("describe_stacks", "ValidationError", "Stack with id triptych does not exist")
        assert describe_stack(client, "triptych") is None
        stubber.add_client_error("describe_stacks", "AccessDenied")
        with pytest.raises(ClientError):
            describe_stack(client, "triptych")


@pytest.mark.parametrize("value", ["", "x", "-1", "1.5"])
def test_a_number_that_is_none_is_a_usage_error(value: str) -> None:
    plan = Deployment("name", "us-east-1", ACCOUNT, "aws", {"MinModelTasks": value})
    with pytest.raises(UsageError, match="MinModelTasks"):
        _ = plan.minimum_vcpus


def test_the_converter_needs_its_image_and_its_vcpus() -> None:
    task = rollout(OfficeFormats="convert")["TaskConverter"]
    assert int(task["Cpu"]) == 1024 * CONVERTER_VCPUS
    plan = Deployment("name", "us-east-1", ACCOUNT, "aws", {"ConverterImageUri": "image:1", "ConverterTasks": "2"})
    assert (plan.minimum_vcpus, plan.images) == ({"fargate_vcpus": 3}, [])
    plan = replace(plan, given={**plan.given, "OfficeFormats": "convert"})
    assert (plan.minimum_vcpus, plan.images) == ({"fargate_vcpus": 7}, ["image:1"])
    plan = replace(plan, given={**plan.given, "ModelSpot": "all"})
    assert plan.minimum_vcpus == {"fargate_spot_vcpus": 3, "fargate_vcpus": 4}


def test_escaped_quotes_are_read_as_sam_reads_them() -> None:
    assert parse_overrides(['OtherModelEndpoints="{\\"v3\\": 1}"']) == {"OtherModelEndpoints": '{"v3": 1}'}
