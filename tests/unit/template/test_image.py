"""Images built in the stack: permissions, retention, and time limits that end every deployment."""

import json
from typing import Any

import pytest
import yaml

from image_build.builder import _GIVE_UP_S, _MARGIN_S, ImageOrder
from testkit.template import rollout
from testkit.translated import expanded

BUILD_RESOURCES = {
    "ModelImages",
    "ModelImage",
    "ImageBuilder",
    "ImageBuilderRole",
    "ImageBuilderLogs",
    "ImageBuild",
    "ImageBuildRole",
    "ImageBuildLogs",
}
VERSIONS = ("v1", "v2", "v3")


def properties(name: str) -> dict[str, Any]:
    return rollout(ModelImageUri="")[name]


def statements(role: str) -> dict[str, dict[str, Any]]:
    [policy] = properties(role)["Policies"]
    return {statement["Sid"]: statement for statement in policy["PolicyDocument"]["Statement"]}


class TestModelImageUri:
    def test_without_an_image_uri_the_stack_builds_an_image_for_each_version(self) -> None:
        built = rollout(ModelImageUri="")

        assert set(built.resources) >= BUILD_RESOURCES
        for version in VERSIONS:
            [container] = built[f"Task{version.upper()}"]["ContainerDefinitions"]
            assert container["Image"] == {"GetAtt": f"ModelImage.ImageUri{version.upper()}"}

    def test_with_an_image_uri_there_are_no_build_resources(self) -> None:
        elsewhere = rollout(ModelImageUri="registry.example/model:7")

        assert not BUILD_RESOURCES & set(elsewhere.resources)
        for version in VERSIONS:
            [container] = elsewhere[f"Task{version.upper()}"]["ContainerDefinitions"]
            assert container["Image"] == "registry.example/model:7"

    def test_one_version_can_use_another_image(self) -> None:
        mixed = rollout(ModelImageUri="", ModelImageUriV2="registry.example/trial")

        found = [mixed[f"Task{version.upper()}"]["ContainerDefinitions"][0]["Image"] for version in VERSIONS]
        assert found == [
            {"GetAtt": "ModelImage.ImageUriV1"},
            "registry.example/trial",
            {"GetAtt": "ModelImage.ImageUriV3"},
        ]


class TestCustomResource:
    def test_service_token_is_constant_and_package_changes_with_the_code(self) -> None:
        """CloudFormation rejects a changed ServiceToken, and sends a request only if a property changed."""
        given = properties("ModelImage")
        assert given["ServiceToken"] == {"Ref": "ImageBuilder.Alias"}
        assert given["Package"] == {"Ref": "ImageBuilder.Version"}

    def test_resource_has_every_property_that_the_function_reads(self) -> None:
        assert {"Project", "Repository", "RepositoryUri", "BaseImage", "Architecture"} <= set(properties("ModelImage"))

    def test_each_time_limit_is_shorter_than_the_one_that_waits_for_it(self) -> None:
        """CodeBuild ends before ImageBuilder, all of Lambda's attempts before CloudFormation's time-out."""
        build, function = properties("ImageBuild"), properties("ImageBuilder")
        attempts = 1 + function["EventInvokeConfig"]["MaximumRetryAttempts"]
        longest_build = (build["QueuedTimeoutInMinutes"] + build["TimeoutInMinutes"]) * 60
        assert longest_build < _GIVE_UP_S
        assert (attempts - 1) * (function["Timeout"] - _MARGIN_S) >= _GIVE_UP_S, "one attempt may be lost"
        assert longest_build < properties("ModelImage")["ServiceTimeout"] < 3600
        assert function["EventInvokeConfig"]["MaximumEventAgeInSeconds"] >= properties("ModelImage")["ServiceTimeout"]


def test_rollback_deletes_the_new_version_of_the_function() -> None:
    """A version that stayed would make every further attempt fail: Lambda does not publish the same code twice."""
    versions = {name: body for name, body in expanded({}).resources.items() if body["Type"] == "AWS::Lambda::Version"}
    [policy] = [body["DeletionPolicy"] for name, body in versions.items() if name.startswith("ImageBuilder")]
    assert policy == "Delete"


class TestPermissions:
    def test_function_accesses_one_repository_and_one_project(self) -> None:
        given = statements("ImageBuilderRole")
        assert given["DescribeImages"]["Resource"] == {"GetAtt": "ModelImages.Arn"}
        assert given["Build"]["Resource"]["Sub"].endswith(":project/" + properties("ImageBuild")["Name"]["Sub"])
        assert given["WriteLogs"]["Resource"] == {"GetAtt": "ImageBuilderLogs.Arn"}

    def test_build_pushes_to_one_repository_and_reads_one_package(self) -> None:
        given = statements("ImageBuildRole")
        assert given["PushImages"]["Resource"] == {"GetAtt": "ModelImages.Arn"}
        assert given["ReadContexts"]["Action"] == "lambda:GetFunction"
        assert given["ReadContexts"]["Resource"] == {"Sub": "${ImageBuilder.Arn}:*"}
        assert given["WriteLogs"]["Resource"] == {"GetAtt": "ImageBuildLogs.Arn"}

    @pytest.mark.parametrize("role", ["ImageBuilderRole", "ImageBuildRole"])
    def test_only_the_registry_login_is_allowed_on_every_resource(self, role: str) -> None:
        unrestricted = {str(each["Action"]) for each in statements(role).values() if each["Resource"] == "*"}
        assert unrestricted <= {"ecr:GetAuthorizationToken"}

    def test_tasks_pull_only_from_the_stacks_repository_unless_a_parameter_names_another(self) -> None:
        def pulled(**given: str) -> list[str]:
            roles = rollout(**given).statements()
            return [
                str(each["Resource"]) for role, each in roles if role == "ModelExecutionRole" and "Pull" in each["Sid"]
            ]

        own, anywhere = "{'GetAtt': 'ModelImages.Arn'}", "repository/*'}"
        assert pulled(ModelImageUri="") == [own]
        [only] = pulled(ModelImageUri="a")
        assert only.endswith(anywhere)
        first, second = pulled(ModelImageUri="", ModelImageUriV2="a")
        assert (first, second.endswith(anywhere)) == (own, True)

    def test_tasks_pull_from_the_given_repositories_only(self) -> None:
        given = "arn:aws:ecr:us-east-1:111111111111:repository/models"
        stack = rollout(ModelImageUri="a", ImageRepositoryArns=given)
        [allowed] = [each for _, each in stack.statements() if each.get("Sid") == "PullImageFromElsewhere"]
        assert allowed["Resource"] == {"Split": [",", given]}

    def test_neither_role_can_delete_images(self) -> None:
        actions = json.dumps([statements("ImageBuilderRole"), statements("ImageBuildRole")])
        assert "Delete" not in actions
        assert "ecr:*" not in actions


class TestRepository:
    def test_tags_are_immutable_and_images_are_scanned(self) -> None:
        repository = properties("ModelImages")
        assert repository["ImageTagMutability"] == "IMMUTABLE"
        assert repository["ImageScanningConfiguration"] == {"ScanOnPush": True}
        assert repository["EmptyOnDelete"] is True

    def test_images_expire_separately(self) -> None:
        """A common rule would delete the image of v1 after enough releases of v2."""
        rules = json.loads(properties("ModelImages")["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
        assert [rule["selection"]["tagPrefixList"] for rule in rules] == [
            [f"{name}-"] for name in (*VERSIONS, "converter", "shared")
        ]
        assert {rule["selection"]["countNumber"] for rule in rules} == {10}


class TestBuild:
    def test_buildspec_runs_in_a_shell_that_stops_at_the_first_error(self) -> None:
        buildspec = yaml.safe_load(properties("ImageBuild")["Source"]["BuildSpec"])
        commands = buildspec["phases"]["build"]["commands"]
        assert buildspec["env"]["shell"] == "bash"
        assert commands[0] == "set -euo pipefail"
        assert commands[-1] == "bash image_build/build.sh"

    def test_build_gets_every_variable_that_it_reads(self) -> None:
        given = {each["Name"] for each in properties("ImageBuild")["Environment"]["EnvironmentVariables"]}
        assert given == {"REPOSITORY", "BASE_IMAGE"}
        mirrored = rollout(PackageIndexUrl="https://mirror.example/simple")["ImageBuild"]["Environment"]
        assert mirrored["EnvironmentVariables"][-1] == {
            "Name": "PIP_INDEX_URL",
            "Value": "https://mirror.example/simple",
        }
        assert {"package", "tags", "request_id"} <= set(ImageOrder.__dataclass_fields__)

    @pytest.mark.parametrize(
        ("processor", "kind", "name"), [("X86_64", "LINUX_CONTAINER", "x86_64"), ("ARM64", "ARM_CONTAINER", "aarch64")]
    )
    def test_build_runs_on_the_processor_architecture_of_the_tasks(self, processor: str, kind: str, name: str) -> None:
        built = rollout(ModelImageUri="", ModelArchitecture=processor)
        assert built["TaskV1"]["RuntimePlatform"]["CpuArchitecture"] == processor
        assert built["ImageBuild"]["Environment"]["Type"] == kind
        assert name in built["ImageBuild"]["Environment"]["Image"]
        assert built["ModelImage"]["Architecture"] == processor
