"""Protects: the converter exists only with OfficeFormats=convert, and gets no more than it needs."""

import pytest

from converter.settings import ConverterSettings
from orchestrator.settings import OrchestratorSettings
from testkit.template import rollout
from tests.unit.template.test_orchestrator import as_list

GIVEN = {"OfficeFormats": "convert", "ConverterImageUri": "registry/converter:1"}
RESOURCES = {
    "LogsConverter", "ConverterExecutionRole", "TaskConverter", "TargetsConverter", "RuleConverter", "ServiceConverter",
    "ConverterErrors", "NoConverter",
}  # fmt: skip


def test_converter_exists_only_if_office_formats_are_converted() -> None:
    assert not RESOURCES & set(rollout().resources)
    assert set(rollout(**GIVEN).resources) >= RESOURCES
    assert "CONVERTER_ENDPOINT" not in str(rollout()["Orchestrator"]["Environment"])


def test_converter_without_an_image_violates_a_rule_if_the_stack_builds_none() -> None:
    assert rollout(OfficeFormats="convert", ModelImageUri="registry/model:1").violated_rules()
    assert not rollout(OfficeFormats="convert", ModelImageUri="").violated_rules()
    assert not rollout(**GIVEN).violated_rules()


@pytest.mark.parametrize(
    ("given", "names", "image", "repository"),
    [
        ({"ConverterImageUri": ""}, ["v1", "v2", "v3", "converter"], "ImageUriConverter", "ModelImages.Arn"),
        ({}, ["v1", "v2", "v3"], "registry/converter:1", "repository/*"),
        ({"OfficeFormats": "none"}, ["v1", "v2", "v3"], None, None),
    ],
)
def test_stack_builds_the_image_of_the_converter_unless_it_is_given(
    given: dict[str, str], names: list[str], image: str | None, repository: str | None
) -> None:
    stack = rollout(**GIVEN | {"ModelImageUri": ""} | given)

    assert stack["ModelImage"]["Images"] == names
    if image and repository:
        assert image in str(stack["TaskConverter"]["ContainerDefinitions"][0]["Image"])
        [pull] = [
            each for role, each in stack.statements() if role == "ConverterExecutionRole" and "Pull" in each["Sid"]
        ]
        assert repository in str(pull["Resource"])


def test_orchestrator_calls_the_path_that_the_load_balancer_forwards() -> None:
    stack = rollout(**GIVEN)
    text, bases = stack["Orchestrator"]["Environment"]["Variables"]["CONVERTER_ENDPOINT"]["Sub"]
    url = text.replace("${Base}", bases["Base"]["Sub"].replace("${LoadBalancer.DNSName}", "alb"))
    environment = {"TABLE_NAME": "t", "MODEL_ENDPOINTS": '{"v1": "http://alb/v1"}', "CONVERTER_ENDPOINT": url}

    assert OrchestratorSettings.from_environment(environment).converter_url == "http://alb/converter"
    assert "/converter/*" in stack["RuleConverter"]["Conditions"][0]["PathPatternConfig"]["Values"]
    priorities = [rule["Priority"] for rule in stack.of_type("AWS::ElasticLoadBalancingV2::ListenerRule").values()]
    assert len(set(priorities)) == len(priorities)


def test_environment_variables_match_the_settings() -> None:
    [container] = rollout(**GIVEN)["TaskConverter"]["ContainerDefinitions"]
    settings = ConverterSettings.from_environment({entry["Name"]: entry["Value"] for entry in container["Environment"]})

    assert (settings.host, settings.port, settings.threads) == ("0.0.0.0", 8080, 2)  # noqa: S104 (in a container)


def test_container_has_no_root_and_writes_only_to_a_folder_of_the_task() -> None:
    task = rollout(**GIVEN)["TaskConverter"]
    [container] = task["ContainerDefinitions"]

    assert container["User"] == "10001:10001"
    assert container["ReadonlyRootFilesystem"] is True
    assert [mount["ContainerPath"] for mount in container["MountPoints"]] == ["/tmp"]  # noqa: S108 (a volume of the task)
    assert task["Volumes"] == [{"Name": container["MountPoints"][0]["SourceVolume"]}]
    assert "TaskRoleArn" not in task


@pytest.mark.parametrize("bucket", ["", "theirs"])
def test_orchestrator_writes_below_the_reserved_prefix_only(bucket: str) -> None:
    given = GIVEN | ({"ExistingBucketName": bucket} if bucket else {})
    writes = [
        statement
        for role, statement in rollout(**given).statements()
        if role == "OrchestratorRole" and "s3:PutObject" in as_list(statement["Action"])
    ]

    assert len(writes) == 1
    assert "/_triptych/*" in str(writes[0]["Resource"])
    assert not [s for role, s in rollout().statements() if "s3:PutObject" in as_list(s["Action"])]
