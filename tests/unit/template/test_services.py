"""The three model services: identical definitions, safe replacement, size and scaling."""

import re
from typing import Any

import pytest
import yaml

from model_service.settings import ServiceSettings
from testkit.changes.resource_changes import references
from testkit.template import Rollout, rollout, template

VERSIONS = ("v1", "v2", "v3")
KINDS = ("Logs", "Task", "Targets", "OtherTargets", "Rule", "Service", "Scaling", "ScalingByRequests", "ScalingByCpu")
ALARMS = ("ServerErrors", "NoHealthyTasks", "UnhealthyTasks", "Faults", "Latency", "Dissent", "NoHealthyTargets")
SHIFTING = [value for value in template()["Parameters"]["ModelRollout"]["AllowedValues"] if value != "Rolling"]
SIZES = template()["Parameters"]["ModelCpu"]["AllowedValues"]

FARGATE_MEMORY = {
    256: [512, 1024, 2048],
    512: range(1024, 4096 + 1, 1024),
    1024: range(2048, 8192 + 1, 1024),
    2048: range(4096, 16384 + 1, 1024),
    4096: range(8192, 30720 + 1, 1024),
    8192: range(16384, 61440 + 1, 4096),
}
"""MiB that Fargate allows by CPU units (AWS, "Fargate task definition differences", task CPU and memory)."""


@pytest.mark.parametrize("version", VERSIONS[1:])
def test_version_has_the_same_definition_as_v1(version: str) -> None:
    """The template contains three copies, which must not diverge."""
    resources, number = template()["Resources"], version[1:]
    for kind in (*KINDS, *ALARMS):
        first = yaml.safe_dump(resources[f"{kind}V1"])
        expected = re.sub(r"\b(v|\w*V)1\b", rf"\g<1>{number}", first).replace("Priority: 1", f"Priority: {number}")
        assert yaml.safe_load(expected) == resources[f"{kind}V{number}"], f"{kind}V{number}"


class TestTask:
    @pytest.mark.parametrize("version", VERSIONS)
    def test_environment_variables_match_the_service_settings(self, version: str) -> None:
        [container] = rollout()[f"Task{version.upper()}"]["ContainerDefinitions"]
        given = {pair["Name"]: pair["Value"] for pair in container["Environment"]}
        settings = ServiceSettings.from_environment(given)
        assert settings.models == (version,)
        assert settings.port == container["PortMappings"][0]["ContainerPort"]
        assert set(map(str.lower, given)) <= set(ServiceSettings.model_fields)

    @pytest.mark.parametrize("cpu", SIZES)
    def test_task_size_is_valid_on_fargate_and_has_a_worker_per_cpu(self, cpu: int) -> None:
        task = rollout(ModelCpu=cpu)["TaskV1"]
        [container] = task["ContainerDefinitions"]
        given = {pair["Name"]: pair["Value"] for pair in container["Environment"]}
        assert task["Memory"] in FARGATE_MEMORY[cpu]
        assert task["Memory"] >= 1024  # the idle service needs up to 300 MiB, and a decoded page up to 150
        # More threads than CPUs would be throttled together.
        assert ServiceSettings.from_environment(given).threads == max(1, cpu // 1024)

    def test_container_has_no_root_no_write_access_and_no_role(self) -> None:
        task = rollout()["TaskV1"]
        [container] = task["ContainerDefinitions"]
        assert container["ReadonlyRootFilesystem"] is True
        assert not container["User"].startswith(("0", "root"))
        assert "TaskRoleArn" not in task

    def test_image_of_one_version_changes_only_its_task_definition(self) -> None:
        """A new model replaces the tasks of one service only."""
        before, after = rollout(), rollout(ModelImageUriV2="registry/new")
        changed = {name for name in before.resources if before.resources[name] != after.resources[name]}
        assert changed == {"TaskV2", "ModelExecutionRole"}  # the role may then pull from any repository
        [container] = after["TaskV2"]["ContainerDefinitions"]
        assert container["Image"] == "registry/new"


class TestShell:
    """ExecuteCommand: operators can open a shell in a task."""

    @pytest.mark.parametrize("version", VERSIONS)
    def test_shell_needs_a_role_and_a_writable_file_system(self, version: str) -> None:
        stack = rollout(ExecuteCommand="enabled")
        task, service = stack[f"Task{version.upper()}"], stack[f"Service{version.upper()}"]
        [container] = task["ContainerDefinitions"]
        assert (service["EnableExecuteCommand"], container["ReadonlyRootFilesystem"]) == (True, False)
        assert task["TaskRoleArn"] == {"GetAtt": "ShellRole.Arn"}
        assert container["LinuxParameters"] == {"InitProcessEnabled": True}

    def test_without_a_shell_there_is_no_role_and_no_endpoint(self) -> None:
        assert not {"ShellRole", "ShellEndpoint"} & set(rollout().resources)
        assert rollout()["ServiceV1"]["EnableExecuteCommand"] is False

    def test_private_network_has_an_endpoint_for_the_shell(self) -> None:
        assert "ShellEndpoint" in rollout(ExecuteCommand="enabled")
        assert "ShellEndpoint" not in rollout(ExecuteCommand="enabled", Network="public")


@pytest.mark.parametrize("hosting", ["fargate", "single"])
class TestDocumentTransfer:
    """DocumentTransfer=address: services read documents from the inbox, with a role of their own."""

    def test_service_may_read_the_bucket_that_its_setting_names_and_nothing_else(self, hosting: str) -> None:
        stack = rollout(ModelHosting=hosting, DocumentTransfer="address")
        for task in model_tasks(stack):
            given = {pair["Name"]: pair["Value"] for pair in task["ContainerDefinitions"][0]["Environment"]}
            bucket = given.pop("OBJECT_BUCKETS")["Sub"]
            assert given.pop("AWS_DEFAULT_REGION") == {"Ref": "AWS::Region"}
            assert ServiceSettings.from_environment({**given, "OBJECT_BUCKETS": "inbox"}).object_buckets == ("inbox",)
            assert task["TaskRoleArn"] == {"GetAtt": "ModelTaskRole.Arn"}
            [allowed] = [each for role, each in stack.statements() if role == "ModelTaskRole"]
            assert allowed["Action"] == ["s3:GetObject", "s3:GetObjectVersion"]
            assert allowed["Resource"] == {"Sub": f"arn:${{AWS::Partition}}:s3:::{bucket}/*"}

    def test_existing_bucket_and_keys_are_read_as_well(self, hosting: str) -> None:
        stack = rollout(
            ModelHosting=hosting,
            DocumentTransfer="address",
            ExistingBucketName="theirs",
            ExistingBucketKeyArn="arn:aws:kms:us-east-1:0:key/x",
            Encryption="customer-managed",
        )
        allowed = {each["Sid"]: each for role, each in stack.statements() if role == "ModelTaskRole"}
        assert allowed["ReadDocuments"]["Resource"] == {"Sub": "arn:${AWS::Partition}:s3:::theirs/*"}
        keys = {str(each["Resource"]) for each in allowed.values() if each["Action"] == "kms:Decrypt"}
        assert keys == {str({"GetAtt": "Key.Arn"}), "arn:aws:kms:us-east-1:0:key/x"}
        for task in model_tasks(stack):
            assert {"Name": "OBJECT_BUCKETS", "Value": "theirs"} in task["ContainerDefinitions"][0]["Environment"]

    def test_shell_keeps_its_permissions_and_the_converter_gets_no_others(self, hosting: str) -> None:
        given = {"OfficeFormats": "convert", "ExecuteCommand": "enabled", "ModelHosting": hosting}
        stack = rollout(**given, DocumentTransfer="address")
        shell = next(each for role, each in stack.statements() if role == "ShellRole")
        assert shell in [each for role, each in stack.statements() if role == "ModelTaskRole"]
        assert stack["TaskConverter"]["TaskRoleArn"] == {"GetAtt": "ShellRole.Arn"}

    def test_endpoint_of_the_network_lets_services_read_the_inbox(self, hosting: str) -> None:
        stack = rollout(ModelHosting=hosting, DocumentTransfer="address")
        [allowed] = [each for role, each in stack.statements() if role == "ModelTaskRole"]
        [passes] = stack["S3Endpoint"]["PolicyDocument"]["Statement"]
        assert allowed["Resource"] in passes["Resource"]
        assert set(allowed["Action"]) <= set(passes["Action"])
        [outbound] = stack["ModelSecurityGroup"]["SecurityGroupEgress"]
        assert (outbound["FromPort"], outbound["CidrIp"]) == (443, "0.0.0.0/0")

    def test_otherwise_services_read_nothing(self, hosting: str) -> None:
        for stack in (
            rollout(ModelHosting=hosting),
            rollout(ModelHosting=hosting, ExecuteCommand="enabled"),
            rollout(ModelHosting="lambda", DocumentTransfer="address"),
        ):
            assert "ModelTaskRole" not in stack
            assert not [task for task in model_tasks(stack) if "OBJECT_BUCKETS" in str(task)]


def model_tasks(stack: Rollout) -> list[dict[str, Any]]:
    """Return the task definitions of the model services."""
    tasks = stack.of_type("AWS::ECS::TaskDefinition")
    return [task for name, task in tasks.items() if name != "TaskConverter"]


class TestReplacement:
    def test_time_limits_are_consistent(self) -> None:
        """A task finishes its requests before it is stopped, and no time limit interrupts a call."""
        stack, service = rollout(), ServiceSettings()
        [container] = stack["TaskV1"]["ContainerDefinitions"]
        assert container["StopTimeout"] >= service.drain_seconds + service.stop_seconds
        deadline = int(stack["Orchestrator"]["Environment"]["Variables"]["DEADLINE_MS"]) / 1000
        targets = {pair["Key"]: pair["Value"] for pair in stack["TargetsV1"]["TargetGroupAttributes"]}
        assert int(targets["deregistration_delay.timeout_seconds"]) > deadline
        load_balancer = {pair["Key"]: pair["Value"] for pair in stack["LoadBalancer"]["LoadBalancerAttributes"]}
        assert int(load_balancer["idle_timeout.timeout_seconds"]) > deadline
        checks = stack["TargetsV1"]
        time_to_healthy = checks["HealthCheckIntervalSeconds"] * checks["HealthyThresholdCount"]
        assert time_to_healthy < stack["ServiceV1"]["HealthCheckGracePeriodSeconds"]

    @pytest.mark.parametrize("version", VERSIONS)
    def test_old_tasks_run_until_new_ones_are_healthy_and_failures_roll_back(self, version: str) -> None:
        configuration = rollout()[f"Service{version.upper()}"]["DeploymentConfiguration"]
        assert (configuration["MinimumHealthyPercent"], configuration["MaximumPercent"]) == (100, 200)
        assert configuration["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
        assert configuration["Alarms"] == {
            "Enable": True,
            "Rollback": True,
            "AlarmNames": [{"Ref": f"ServerErrors{version.upper()}"}],
        }

    def test_deployment_keeps_the_number_of_tasks_if_scaling_is_enabled(self) -> None:
        assert "DesiredCount" not in rollout(MinModelTasks=1, MaxModelTasks=4)["ServiceV1"]
        assert rollout(MinModelTasks=3, MaxModelTasks=3)["ServiceV1"]["DesiredCount"] == "3"
        assert rollout(LocalEndpoint="http://127.0.0.1:4566")["ServiceV1"]["DesiredCount"] == 0


@pytest.mark.parametrize("version", ["V1", "V2", "V3"])
class TestShiftedTraffic:
    """ModelRollout: shares of a version's traffic move to new tasks."""

    @pytest.mark.parametrize("choice", SHIFTING)
    def test_strategy_follows_the_parameter(self, version: str, choice: str) -> None:
        kind, percent, minutes = re.fullmatch(r"(Canary|Linear)(\d+)Percent(?:Every)?(\d+)Minutes", choice).groups()  # type: ignore[union-attr]
        configuration = rollout(ModelRollout=choice)[f"Service{version}"]["DeploymentConfiguration"]
        assert configuration["Strategy"] == kind.upper()
        expected = {
            "Canary": {"CanaryPercent": int(percent), "CanaryBakeTimeInMinutes": int(minutes)},
            "Linear": {"StepPercent": int(percent), "StepBakeTimeInMinutes": int(minutes)},
        }
        assert configuration[f"{kind}Configuration"] == expected[kind]
        assert not {"CanaryConfiguration", "LinearConfiguration"} - {f"{kind}Configuration"} & set(configuration)

    def test_faults_latency_and_dissent_of_the_version_roll_back(self, version: str) -> None:
        stack = rollout(ModelRollout=SHIFTING[0], DissentShare=40)
        alarms = stack[f"Service{version}"]["DeploymentConfiguration"]["Alarms"]
        assert alarms["AlarmNames"] == [{"Ref": f"{name}{version}"} for name in ("Faults", "Latency", "Dissent")]
        assert alarms["Enable"] is alarms["Rollback"] is True
        assert stack[f"Dissent{version}"]["Threshold"] == "40"

    def test_listener_rule_forwards_to_both_target_groups(self, version: str) -> None:
        stack = rollout(ModelRollout=SHIFTING[0])
        [action] = stack[f"Rule{version}"]["Actions"]
        groups = [group["TargetGroupArn"]["Ref"] for group in action["ForwardConfig"]["TargetGroups"]]
        assert groups == [f"Targets{version}", f"OtherTargets{version}"]
        assert stack[groups[0]] == stack[groups[1]]
        [balancer] = stack[f"Service{version}"]["LoadBalancers"]
        assert balancer["AdvancedConfiguration"] == {
            "AlternateTargetGroupArn": {"Ref": f"OtherTargets{version}"},
            "ProductionListenerRule": {"Ref": f"Rule{version}"},
            "RoleArn": {"GetAtt": "ShiftRole.Arn"},
        }

    def test_nothing_names_only_one_of_the_target_groups(self, version: str) -> None:
        """With each rollout, traffic moves to the other group: what names one of them would be wrong after that."""
        stack = rollout(ModelRollout=SHIFTING[0])
        for name, body in stack.resources.items():
            used = set(references(body)) & {f"Targets{version}", f"OtherTargets{version}"}
            assert len(used) != 1 or name == "Dashboard", name

    def test_rolling_updates_need_none_of_it(self, version: str) -> None:
        stack = rollout()
        assert not {f"OtherTargets{version}", "ShiftRole", f"Faults{version}"} & set(stack.resources)
        assert "Strategy" not in stack[f"Service{version}"]["DeploymentConfiguration"]
        assert "AdvancedConfiguration" not in stack[f"Service{version}"]["LoadBalancers"][0]


class TestScaling:
    def test_scaling_follows_requests_and_cpu_between_minimum_and_maximum(self) -> None:
        stack = rollout(MinModelTasks=2, MaxModelTasks=9, RequestsPerTask=300, CpuTarget=50)
        assert (stack["ScalingV1"]["MinCapacity"], stack["ScalingV1"]["MaxCapacity"]) == ("2", "9")
        targets = {
            policy["TargetTrackingScalingPolicyConfiguration"]["PredefinedMetricSpecification"][
                "PredefinedMetricType"
            ]: policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"]
            for name, policy in stack.of_type("AWS::ApplicationAutoScaling::ScalingPolicy").items()
            if name.endswith("V1")
        }
        assert targets == {"ALBRequestCountPerTarget": "300", "ECSServiceAverageCPUUtilization": "50"}

    def test_fixed_number_of_tasks_has_no_scaling(self) -> None:
        assert not rollout(MinModelTasks=2, MaxModelTasks=2).of_type("AWS::ApplicationAutoScaling::ScalableTarget")

    @pytest.mark.parametrize(
        ("spot", "strategy"),
        [
            ("none", [{"CapacityProvider": "FARGATE", "Weight": 1}]),
            (
                "extra",
                [
                    {"CapacityProvider": "FARGATE", "Base": "2", "Weight": 0},
                    {"CapacityProvider": "FARGATE_SPOT", "Weight": 1},
                ],
            ),
            ("all", [{"CapacityProvider": "FARGATE_SPOT", "Weight": 1}]),
        ],
    )
    def test_spot_strategy_follows_the_parameter(self, spot: str, strategy: list[dict[str, object]]) -> None:
        assert rollout(ModelSpot=spot, MinModelTasks=2)["ServiceV1"]["CapacityProviderStrategy"] == strategy
