"""Protects the templates in hosting/: each is valid, and exposes and keeps no more than its comments say."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from testkit.template import ROOT, Rollout, read_template, rollout
from tests.support.checkov import require_checkov
from tests.support.tools import require_tool

TEMPLATES = sorted((ROOT / "hosting").glob("*.yaml"))


def hosting(name: str, **parameters: object) -> Rollout:
    """Resolve a template of hosting/ with these parameters, the others at their defaults."""
    content = {"Rules": {}, "Conditions": {}, **read_template(ROOT / "hosting" / f"{name}.yaml")}
    return Rollout(content, {key: str(value) for key, value in parameters.items()})


def test_cfn_lint_reports_nothing() -> None:
    done = subprocess.run(
        [require_tool("cfn-lint"), "--", *map(str, TEMPLATES)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_checkov_reports_nothing() -> None:
    files = [part for path in TEMPLATES for part in ("--file", str(path))]
    options = ["--framework", "cloudformation", "--skip-download", "--quiet", "--compact"]
    done = subprocess.run([require_checkov(), *options, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_every_parameter_has_a_description(path: Path) -> None:
    undescribed = [name for name, body in read_template(path)["Parameters"].items() if not body.get("Description")]
    assert not undescribed


def variants(endpoint: Rollout) -> list[str]:
    return [variant["VariantName"] for variant in endpoint["Configuration"]["ProductionVariants"]]


def test_endpoint_has_a_variant_for_each_version_with_instances() -> None:
    assert variants(hosting("sagemaker")) == ["v2"]
    endpoint = hosting("sagemaker", InstancesV1=2, InstancesV3=1)
    assert variants(endpoint) == ["v1", "v2", "v3"]
    assert endpoint["Configuration"]["ProductionVariants"][0]["InitialInstanceCount"] == "2"
    assert {name[-2:] for name in endpoint.of_type("AWS::ApplicationAutoScaling::ScalableTarget")} == {"V1", "V2", "V3"}


def test_endpoint_serves_the_image_or_the_packages() -> None:
    def container(**parameters: str) -> dict[str, Any]:
        model: dict[str, Any] = hosting("sagemaker", **parameters)["ModelV2"]["PrimaryContainer"]
        return model

    assert "ModelDataUrl" not in container()
    assert container()["Environment"] == {"MODELS": "v2"}
    packaged = container(ModelData="s3://bucket/models")
    assert packaged["ModelDataUrl"] == {"Sub": "s3://bucket/models/v2/model.tar.gz"}
    assert packaged["Environment"]["MODELS_DIR"] == "/opt/ml/model/models"


def test_endpoint_stores_no_documents_unless_asked() -> None:
    assert "DataCaptureConfig" not in hosting("sagemaker")["Configuration"]
    assert not hosting("sagemaker").violated_rules()
    assert hosting("sagemaker", CapturePercentage=5).violated_rules() == ["CapturePercentage requires CaptureUri."]
    asked = hosting("sagemaker", CapturePercentage=5, CaptureUri="s3://bucket/captured")
    assert asked["Configuration"]["DataCaptureConfig"]["InitialSamplingPercentage"] == "5"


def test_containers_on_sagemaker_have_no_network_by_default() -> None:
    assert hosting("sagemaker")["ModelV2"]["EnableNetworkIsolation"] == "true"


def test_instance_requires_imdsv2_and_accepts_only_calls_to_the_service() -> None:
    stack = hosting("ec2")
    options = stack["LaunchTemplate"]["LaunchTemplateData"]["MetadataOptions"]
    assert options == {"HttpTokens": "required", "HttpPutResponseHopLimit": 1}
    [rule] = stack["SecurityGroup"]["SecurityGroupIngress"]
    assert (rule["FromPort"], rule["ToPort"]) == (8080, 8080)
    assert "CidrIp" not in rule
    assert "KeyName" not in stack["Instance"]


def test_instance_is_behind_a_load_balancer_only_if_there_is_one() -> None:
    assert "Targets" not in hosting("ec2")
    assert hosting("ec2", ListenerArn="arn")["Rule"]["Actions"][0]["TargetGroupArn"] == {"Ref": "Targets"}


def test_instance_starts_with_a_valid_script(tmp_path: Path) -> None:
    """bash accepts the script, and systemd's unit in it runs the container as production does."""
    script = hosting("ec2")["Instance"]["UserData"]["Fn::Base64"]["Sub"][0]
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)
    for option in ("--read-only", "--cap-drop ALL", "no-new-privileges"):
        assert option in script


def test_express_service_uses_the_port_and_the_health_check_of_the_service() -> None:
    service = hosting("express")["Service"]
    assert service["PrimaryContainer"]["ContainerPort"] == 8080
    assert service["HealthCheckPath"] == "/ping"


def test_packages_are_read_from_the_bucket_of_their_address() -> None:
    role = hosting("sagemaker", ModelData="s3://bucket/models")["Role"]
    [read] = [part for part in role["Policies"][0]["PolicyDocument"]["Statement"] if part["Sid"] == "ReadPackages"]
    assert read["Resource"]["Sub"][1]["Bucket"] == {"Select": [2, {"Split": ["/", {"Sub": "s3://bucket/models///"}]}]}


def test_containers_that_read_objects_need_a_network() -> None:
    message = "ObjectBucket requires NetworkIsolation=false."
    assert hosting("sagemaker", ObjectBucket="inbox").violated_rules() == [message]
    assert not hosting("sagemaker", ObjectBucket="inbox", NetworkIsolation="false").violated_rules()


def test_api_admits_only_callers_with_permission() -> None:
    stack = hosting("lambda")
    assert {route["AuthorizationType"] for route in stack.of_type("AWS::ApiGatewayV2::Route").values()} == {"AWS_IAM"}


def test_function_has_the_entry_point_of_the_functions_in_the_main_template() -> None:
    main = rollout(ModelHosting="lambda")["ModelFunctionV1"]
    function = hosting("lambda")["Function"]
    assert function["ImageConfig"] == main["ImageConfig"]
    assert function["Timeout"] == main["Timeout"]
    ours, theirs = function["Environment"]["Variables"], main["Environment"]["Variables"]
    assert {name: ours[name] for name in ("WORKERS", "MAX_SLOW", "MAX_TIMEOUT_MS")} == {
        name: theirs[name] for name in ("WORKERS", "MAX_SLOW", "MAX_TIMEOUT_MS")
    }


def test_function_reads_only_the_objects_that_it_may_get_addresses_of() -> None:
    def permissions(**parameters: str) -> set[str]:
        return {statement["Sid"] for _, statement in hosting("lambda", **parameters).statements()}

    assert permissions() == {"WriteLogs"}
    assert permissions(ObjectBucket="inbox") == {"WriteLogs", "ReadObjects"}
