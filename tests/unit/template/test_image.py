"""The image, built in the stack: who may do what, what is kept, and that a deployment is never left waiting."""

import json
from typing import Any

import pytest
import yaml

from image_build.builder import _GIVE_UP_S, _MARGIN_S, ImageOrder
from testkit.template import rollout

PARTS = {
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
    def test_left_empty_the_stack_builds_an_image_for_each_version(self) -> None:
        built = rollout(ModelImageUri="")

        assert set(built.resources) >= PARTS
        for version in VERSIONS:
            [container] = built[f"Task{version.upper()}"]["ContainerDefinitions"]
            assert container["Image"] == {"GetAtt": f"ModelImage.ImageUri{version.upper()}"}

    def test_given_it_leaves_nothing_of_all_this(self) -> None:
        elsewhere = rollout(ModelImageUri="registry.example/model:7")

        assert not PARTS & set(elsewhere.resources)
        for version in VERSIONS:
            [container] = elsewhere[f"Task{version.upper()}"]["ContainerDefinitions"]
            assert container["Image"] == "registry.example/model:7"

    def test_one_version_may_have_its_own(self) -> None:
        mixed = rollout(ModelImageUri="", ModelImageUriV2="registry.example/trial")

        found = [mixed[f"Task{version.upper()}"]["ContainerDefinitions"][0]["Image"] for version in VERSIONS]
        assert found == [
            {"GetAtt": "ModelImage.ImageUriV1"},
            "registry.example/trial",
            {"GetAtt": "ModelImage.ImageUriV3"},
        ]


class TestCustomResource:
    def test_its_token_never_changes_and_its_package_does_with_the_code(self) -> None:
        """CloudFormation refuses an update of ServiceToken, and asks again only where a property changed."""
        given = properties("ModelImage")
        assert given["ServiceToken"] == {"Ref": "ImageBuilder.Alias"}
        assert given["Package"] == {"Ref": "ImageBuilder.Version"}

    def test_what_the_function_reads_is_given(self) -> None:
        assert {"Project", "Repository", "RepositoryUri", "BaseImage", "Architecture"} <= set(properties("ModelImage"))

    def test_everybody_gives_up_before_the_one_who_waits_for_him(self) -> None:
        """CodeBuild before ImageBuilder, Lambda's attempts together before CloudFormation, that before its own hour."""
        build, function = properties("ImageBuild"), properties("ImageBuilder")
        attempts = 1 + function["EventInvokeConfig"]["MaximumRetryAttempts"]
        longest_build = (build["QueuedTimeoutInMinutes"] + build["TimeoutInMinutes"]) * 60
        assert longest_build < _GIVE_UP_S
        assert (attempts - 1) * (function["Timeout"] - _MARGIN_S) >= _GIVE_UP_S, "one attempt may be lost"
        assert longest_build < properties("ModelImage")["ServiceTimeout"] < 3600
        assert function["EventInvokeConfig"]["MaximumEventAgeInSeconds"] >= properties("ModelImage")["ServiceTimeout"]


class TestRights:
    def test_the_function_sees_one_repository_and_runs_one_project(self) -> None:
        given = statements("ImageBuilderRole")
        assert given["SeeWhatIsThere"]["Resource"] == {"GetAtt": "ModelImages.Arn"}
        assert given["Build"]["Resource"]["Sub"].endswith(":project/" + properties("ImageBuild")["Name"]["Sub"])
        assert given["WriteLogs"]["Resource"] == {"GetAtt": "ImageBuilderLogs.Arn"}

    def test_the_build_pushes_to_one_repository_and_reads_one_package(self) -> None:
        given = statements("ImageBuildRole")
        assert given["PushImages"]["Resource"] == {"GetAtt": "ModelImages.Arn"}
        assert given["TakeTheContexts"]["Action"] == "lambda:GetFunction"
        assert given["TakeTheContexts"]["Resource"] == {"Sub": "${ImageBuilder.Arn}:*"}
        assert given["WriteLogs"]["Resource"] == {"GetAtt": "ImageBuildLogs.Arn"}

    @pytest.mark.parametrize("role", ["ImageBuilderRole", "ImageBuildRole"])
    def test_only_the_login_names_no_resource(self, role: str) -> None:
        loose = {str(each["Action"]) for each in statements(role).values() if each["Resource"] == "*"}
        assert loose <= {"ecr:GetAuthorizationToken"}

    def test_tasks_pull_from_the_stacks_repository_alone_unless_another_is_named(self) -> None:
        def pulls(**given: str) -> object:
            roles = rollout(**given).statements()
            [statement] = [each for role, each in roles if (role, each["Sid"]) == ("ModelExecutionRole", "PullImage")]
            return statement["Resource"]

        assert pulls(ModelImageUri="") == {"GetAtt": "ModelImages.Arn"}
        for elsewhere in ({"ModelImageUri": "a"}, {"ModelImageUri": "", "ModelImageUriV2": "a"}):
            assert str(pulls(**elsewhere)).endswith("repository/*'}")

    def test_neither_may_delete_an_image(self) -> None:
        actions = json.dumps([statements("ImageBuilderRole"), statements("ImageBuildRole")])
        assert "Delete" not in actions
        assert "ecr:*" not in actions


class TestRepository:
    def test_no_tag_ever_means_something_else_and_every_image_is_scanned(self) -> None:
        repository = properties("ModelImages")
        assert repository["ImageTagMutability"] == "IMMUTABLE"
        assert repository["ImageScanningConfiguration"] == {"ScanOnPush": True}
        assert repository["EmptyOnDelete"] is True

    def test_releases_of_one_version_expire_no_image_of_another(self) -> None:
        """One rule for all would, after enough releases of v2, delete the image that v1 runs."""
        rules = json.loads(properties("ModelImages")["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
        assert [rule["selection"]["tagPrefixList"] for rule in rules] == [[f"{version}-"] for version in VERSIONS]
        assert {rule["selection"]["countNumber"] for rule in rules} == {10}


class TestBuild:
    def test_the_buildspec_runs_in_one_shell_that_stops_at_a_failure(self) -> None:
        buildspec = yaml.safe_load(properties("ImageBuild")["Source"]["BuildSpec"])
        commands = buildspec["phases"]["build"]["commands"]
        assert buildspec["env"]["shell"] == "bash"
        assert commands[0] == "set -euo pipefail"
        assert commands[-1] == "bash image_build/build.sh"

    def test_it_gets_every_variable_that_it_reads(self) -> None:
        given = {each["Name"] for each in properties("ImageBuild")["Environment"]["EnvironmentVariables"]}
        assert given == {"REPOSITORY", "BASE_IMAGE"}
        assert {"package", "tags", "request_id"} <= set(ImageOrder.__dataclass_fields__)

    @pytest.mark.parametrize(
        ("processor", "kind", "name"), [("X86_64", "LINUX_CONTAINER", "x86_64"), ("ARM64", "ARM_CONTAINER", "aarch64")]
    )
    def test_it_runs_on_the_processor_that_the_tasks_have(self, processor: str, kind: str, name: str) -> None:
        built = rollout(ModelImageUri="", ModelArchitecture=processor)
        assert built["TaskV1"]["RuntimePlatform"]["CpuArchitecture"] == processor
        assert built["ImageBuild"]["Environment"]["Type"] == kind
        assert name in built["ImageBuild"]["Environment"]["Image"]
        assert built["ModelImage"]["Architecture"] == processor
