"""ModelHosting: a service for each version, one for all, or Lambda functions, and what each needs."""

import json
import re
from typing import Any

import pytest
import yaml

from model_service.settings import ServiceSettings
from testkit.template import rollout, template

VERSIONS = ("v1", "v2", "v3")
SINGLE = rollout(ModelHosting="single")
FUNCTIONS = rollout(ModelHosting="lambda")
KINDS = ("Logs", "Task", "Targets", "Rule", "Service", "Scaling", "ScalingByRequests", "ScalingByCpu")
SHARED_ALARMS = ("ServerErrors", "NoHealthyTasks", "UnhealthyTasks")
FUNCTION_KINDS = ("ModelFunction", "ModelVersion", "ModelAlias", "WarmUpMayInvoke", "FunctionThrottles")
OF_TASKS = {
    "AWS::EC2::VPCEndpoint",
    "AWS::ECS::Cluster",
    "AWS::ECS::Service",
    "AWS::ElasticLoadBalancingV2::LoadBalancer",
}
"""Types of resources that cost money without documents, and that only tasks need. Gateway endpoints are free."""


def environment(container: dict[str, Any]) -> dict[str, str]:
    return {pair["Name"]: pair["Value"] for pair in container["Environment"]}


def without(body: dict[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key not in names}


class TestSharedService:
    def test_it_exists_instead_of_the_services_of_the_versions(self) -> None:
        kinds = {*KINDS, *SHARED_ALARMS} - {"Logs"}
        assert {f"{kind}Shared" for kind in kinds} <= set(SINGLE.resources)
        assert not {f"{kind}V{number}" for kind in kinds for number in (1, 2, 3)} & set(SINGLE.resources)
        assert not {f"{kind}Shared" for kind in kinds} & set(rollout().resources)

    @pytest.mark.parametrize("kind", [*KINDS, *SHARED_ALARMS])
    def test_it_is_defined_like_that_of_a_version(self, kind: str) -> None:
        """Apart from what distinguishes it: names, the path, the models, and traffic that cannot be shifted."""
        ignored = {
            "Logs": ["LogGroupName"],
            "Task": ["Family", "ContainerDefinitions"],
            "Rule": ["Priority", "Conditions"],
            **{alarm: ["AlarmDescription"] for alarm in SHARED_ALARMS},
        }.get(kind, [])
        of_v1 = yaml.safe_load(re.sub(r"(\w)V1\b", r"\1Shared", yaml.safe_dump(rollout()[f"{kind}V1"])))
        assert without(SINGLE[f"{kind}Shared"], *ignored) == without(of_v1, *ignored)

    def test_its_task_differs_in_models_requests_and_image_only(self) -> None:
        [shared], [of_v1] = (
            stack[name]["ContainerDefinitions"] for stack, name in ((SINGLE, "TaskShared"), (rollout(), "TaskV1"))
        )
        distinct = ("Environment", "Image", "LogConfiguration")
        assert without(shared, *distinct) == without(of_v1, *distinct)
        given = environment(shared)
        settings = ServiceSettings.from_environment(given)
        assert settings.models == VERSIONS
        assert settings.max_in_flight == len(VERSIONS) * ServiceSettings().max_in_flight
        assert {**given, "MODELS": "v1"} == {**environment(of_v1), "MAX_IN_FLIGHT": given["MAX_IN_FLIGHT"]}
        assert shared["Image"] == {"GetAtt": "ModelImage.ImageUriShared"}
        assert SINGLE["ModelImage"]["Images"] == ["shared"]

    def test_its_path_is_none_of_the_versions(self) -> None:
        """On a change of ModelHosting, rules of both kinds exist at the same time."""
        both = [SINGLE["RuleShared"], *(rollout()[f"RuleV{number}"] for number in (1, 2, 3))]
        paths = [path for rule in both for path in rule["Conditions"][0]["PathPatternConfig"]["Values"]]
        assert len(paths) == len(set(paths))
        assert len({rule["Priority"] for rule in both}) == len(both)


class TestFunctions:
    def test_nothing_that_only_tasks_need_exists(self) -> None:
        kinds = {body["Type"] for name, body in FUNCTIONS.resources.items() if name not in GATEWAYS}
        assert not kinds & OF_TASKS
        assert "VpcConfig" not in FUNCTIONS["Orchestrator"]

    def test_without_a_network_there_is_nothing_of_ec2(self) -> None:
        stack = rollout(ModelHosting="lambda", Network="none")
        assert not [body for body in stack.resources.values() if body["Type"].startswith("AWS::EC2")]
        assert "JoinNetwork" not in {statement["Sid"] for _, statement in stack.statements()}

    @pytest.mark.parametrize("version", VERSIONS[1:])
    def test_version_has_the_same_definition_as_v1(self, version: str) -> None:
        resources, number = template()["Resources"], version[1:]
        for kind in FUNCTION_KINDS:
            expected = re.sub(r"\b(v|\w*V)1\b", rf"\g<1>{number}", yaml.safe_dump(resources[f"{kind}V1"]))
            assert yaml.safe_load(expected) == resources[f"{kind}V{number}"], f"{kind}V{number}"

    def test_function_has_the_image_of_the_task_and_starts_the_handler(self) -> None:
        function = FUNCTIONS["ModelFunctionV2"]
        assert function["Code"] == {"ImageUri": rollout()["TaskV2"]["ContainerDefinitions"][0]["Image"]}
        assert function["PackageType"] == {"Sub": "Image"}
        assert function["ImageConfig"] == {
            "EntryPoint": ["python", "-m", "awslambdaric"],
            "Command": ["model_service.lambda_handler.handler"],
        }

    def test_settings_are_those_of_a_service_with_one_document_at_a_time(self) -> None:
        function = FUNCTIONS["ModelFunctionV3"]
        given = function["Environment"]["Variables"]
        settings = ServiceSettings.from_environment({**given, "OBJECT_BUCKETS": "inbox"})
        assert "-inbox-" in given["OBJECT_BUCKETS"]["Sub"]
        assert (settings.models, settings.threads, settings.max_slow) == (("v3",), 1, 0)
        assert settings.max_timeout_ms / 1000 < function["Timeout"]
        assert settings.max_decode_seconds < settings.max_timeout_ms / 1000

    def test_memory_buys_the_processors_of_a_task(self) -> None:
        """Lambda assigns a vCPU per 1769 MiB (AWS, "Configure Lambda function memory")."""
        for cpu in template()["Parameters"]["ModelCpu"]["AllowedValues"]:
            memory = rollout(ModelHosting="lambda", ModelCpu=cpu)["ModelFunctionV1"]["MemorySize"]
            assert 1024 <= memory <= 10240
            assert memory == 10240 or memory >= 1769 * cpu // 1024

    @pytest.mark.parametrize(
        ("changed", "value"),
        [
            ("ModelCpu", "2048"),
            ("ModelArchitecture", "ARM64"),
            ("Encryption", "customer-managed"),
            ("Tracing", "active"),
            ("ExistingBucketName", "theirs"),
        ],
    )
    def test_version_is_published_if_the_function_changes(self, changed: str, value: str) -> None:
        description = template()["Resources"]["ModelVersionV1"]["Properties"]["Description"]["Sub"][0]
        assert f"${{{changed}}}" in description
        before, after = (
            FUNCTIONS["ModelVersionV1"],
            rollout(ModelHosting="lambda", **{changed: value})["ModelVersionV1"],
        )
        assert before != after

    def test_orchestrator_may_invoke_the_aliases_only(self) -> None:
        [granted] = [each for _, each in FUNCTIONS.statements() if each["Action"] == "lambda:InvokeFunction"]
        assert granted["Resource"] == [{"Ref": f"ModelAliasV{number}"} for number in (1, 2, 3)]
        assert "InvokeModels" not in {statement["Sid"] for _, statement in rollout().statements()}

    def test_functions_only_read_the_inbox_and_write_their_logs(self) -> None:
        allowed = [each for role, each in FUNCTIONS.statements() if role == "ModelFunctionRole"]
        assert {str(each["Action"]) for each in allowed} == {
            "['s3:GetObject', 's3:GetObjectVersion']",
            "['logs:CreateLogStream', 'logs:PutLogEvents']",
        }
        assert "-inbox-" in str(allowed[0]["Resource"])

    def test_registry_lets_the_functions_of_this_account_pull(self) -> None:
        [statement] = FUNCTIONS["ModelImages"]["RepositoryPolicyText"]["Statement"]
        assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}
        assert "aws:SourceAccount" in statement["Condition"]["StringEquals"]
        assert "RepositoryPolicyText" not in rollout()["ModelImages"]

    def test_concurrency_is_reserved_only_if_configured(self) -> None:
        assert "ReservedConcurrentExecutions" not in FUNCTIONS["ModelFunctionV1"]
        reserved = rollout(ModelHosting="lambda", ModelConcurrency="20")["ModelFunctionV1"]
        assert reserved["ReservedConcurrentExecutions"] == "20"

    def test_faults_throttles_and_latency_of_each_version_have_an_alarm(self) -> None:
        alarms = {name for name in FUNCTIONS.of_type("AWS::CloudWatch::Alarm") if re.search(r"V\d$", name)}
        expected = {f"{kind}V{number}" for kind in ("Faults", "FunctionThrottles", "Latency") for number in (1, 2, 3)}
        assert alarms == expected


class TestWarmth:
    def test_schedule_requests_the_readiness_of_each_version(self) -> None:
        targets = FUNCTIONS["WarmUp"]["Targets"]
        assert [target["Arn"] for target in targets] == [{"Ref": f"ModelAliasV{number}"} for number in (1, 2, 3)]
        for target in targets:
            event = json.loads(target["Input"])
            assert event["version"] == "2.0"
            assert event["requestContext"]["http"]["method"] == "GET"
            assert event["requestContext"]["http"]["path"] == event["rawPath"] == "/health/ready"

    @pytest.mark.parametrize("choice", ["none", "provisioned"])
    def test_other_choices_have_no_schedule(self, choice: str) -> None:
        stack = rollout(ModelHosting="lambda", ModelWarmth=choice)
        assert not {"WarmUp", "WarmUpMayInvokeV1"} & set(stack.resources)
        assert ("ProvisionedConcurrencyConfig" in stack["ModelAliasV1"]) == (choice == "provisioned")

    def test_only_functions_are_kept_warm(self) -> None:
        assert "WarmUp" not in rollout(ModelWarmth="schedule")


class TestConverterNextToFunctions:
    """The orchestrator is in the network of the converter, and needs an endpoint to reach the functions."""

    STACK = rollout(ModelHosting="lambda", OfficeFormats="convert", ConverterImageUri="registry/converter:1")

    def test_load_balancer_and_cluster_serve_the_converter_only(self) -> None:
        assert set(self.STACK.of_type("AWS::ECS::Service")) == {"ServiceConverter"}
        assert "VpcConfig" in self.STACK["Orchestrator"]
        assert "CONVERTER_ENDPOINT" in self.STACK["Orchestrator"]["Environment"]["Variables"]

    def test_endpoint_admits_the_orchestrator(self) -> None:
        assert self.STACK["FunctionsEndpoint"]["ServiceName"]["Sub"].endswith(".lambda")
        admitted = self.STACK["OrchestratorMayUseEndpoints"]
        assert admitted["GroupId"] == {"GetAtt": "EndpointSecurityGroup.GroupId"}
        assert admitted["SourceSecurityGroupId"] == {"GetAtt": "OrchestratorSecurityGroup.GroupId"}
        assert self.STACK["FunctionsEndpoint"]["SecurityGroupIds"] == [{"Ref": "EndpointSecurityGroup"}]

    def test_public_network_needs_the_endpoint_too(self) -> None:
        """Functions in a network have no public address."""
        stack = rollout(
            ModelHosting="lambda", OfficeFormats="convert", ConverterImageUri="registry/x:1", Network="public"
        )
        assert {"FunctionsEndpoint", "EndpointSecurityGroup"} <= set(stack.resources)
        assert "EcrApiEndpoint" not in stack


@pytest.mark.parametrize(
    "parameters",
    [
        {"Network": "none"},
        {"Network": "none", "ModelHosting": "single"},
        {"Network": "none", "ModelHosting": "lambda", "OfficeFormats": "convert"},
        {"Network": "none", "ModelHosting": "lambda", "FlowLogs": "all"},
        {"ModelHosting": "single", "ModelRollout": "Canary10Percent10Minutes"},
        {"ModelHosting": "lambda", "ModelRollout": "Canary10Percent10Minutes"},
    ],
    ids=str,
)
def test_impossible_combination_violates_a_rule(parameters: dict[str, str]) -> None:
    assert len(rollout(**parameters).violated_rules()) == 1


GATEWAYS = {"S3Endpoint", "DynamoDBEndpoint"}
"""Endpoints that are free."""
