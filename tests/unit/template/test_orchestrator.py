"""The Lambda: what it is given, what it may, how a new one is rolled out."""

import importlib
from datetime import timedelta
from typing import Any

import pytest

from orchestrator.settings import OrchestratorSettings
from records.policy import POLICY_KEY
from testkit.template import rollout, template

VERSIONS = ("v1", "v2", "v3")


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def settings(**parameters: str) -> OrchestratorSettings:
    """What the code reads of what the template gives."""
    given = rollout(**parameters)["Orchestrator"]["Environment"]["Variables"]
    text, bases = given["MODEL_ENDPOINTS"]["Sub"]
    endpoints = text.replace("${Base}", bases["Base"]["Sub"].replace("${LoadBalancer.DNSName}", "alb"))
    return OrchestratorSettings.from_environment({**given, "TABLE_NAME": "records", "MODEL_ENDPOINTS": endpoints})


class TestFunction:
    def test_the_handler_is_there(self) -> None:
        module, name = rollout()["Orchestrator"]["Handler"].rsplit(".", 1)
        assert callable(getattr(importlib.import_module(module), name))

    def test_its_variables_are_those_that_the_code_reads(self) -> None:
        read = settings()
        assert read.endpoints == {version: f"http://alb/{version}" for version in VERSIONS}
        assert read.deadline_s == 3.0
        assert read.policy_fresh == timedelta(minutes=1)

    def test_with_a_certificate_it_calls_by_the_name_that_the_certificate_is_for(self) -> None:
        read = settings(CertificateArn="arn:aws:acm:us-east-1:0:certificate/x", ModelDomain="models.example.com")
        assert read.endpoints == {version: f"https://models.example.com/{version}" for version in VERSIONS}

    def test_its_timeout_outlasts_its_own_deadline(self) -> None:
        least = min(template()["Parameters"]["OrchestratorTimeout"]["AllowedValues"])
        assert least > settings().deadline_s

    def test_what_fails_every_attempt_is_kept(self) -> None:
        config = rollout()["Orchestrator"]["EventInvokeConfig"]
        assert config["DestinationConfig"]["OnFailure"] == {"Type": "SQS", "Destination": {"GetAtt": "Failures.Arn"}}
        assert config["MaximumRetryAttempts"] == 2

    def test_concurrency_is_reserved_where_that_is_asked_for(self) -> None:
        assert "ReservedConcurrentExecutions" not in rollout()["Orchestrator"]
        assert rollout(OrchestratorConcurrency=20)["Orchestrator"]["ReservedConcurrentExecutions"] == "20"

    def test_its_metrics_carry_the_stacks_name_as_the_alarms_expect(self) -> None:
        given = rollout()["Orchestrator"]["Environment"]["Variables"]
        assert given["POWERTOOLS_SERVICE_NAME"] == {"Ref": "AWS::StackName"}


class TestNewVersion:
    def test_every_way_but_all_at_once_goes_through_codedeploy(self) -> None:
        for way in template()["Parameters"]["OrchestratorRollout"]["AllowedValues"]:
            preference = rollout(OrchestratorRollout=way)["Orchestrator"]["DeploymentPreference"]
            assert (preference["Type"], preference["Enabled"]) == (way, "false" if way == "AllAtOnce" else "true")

    def test_it_is_watched_by_its_own_errors_and_by_the_three_seconds(self) -> None:
        stack = rollout()
        watched = [alarm["Ref"] for alarm in stack["Orchestrator"]["DeploymentPreference"]["Alarms"]]
        assert watched == ["NewOrchestratorFails", "Slow"]
        dimensions = {part["Name"] for part in stack["NewOrchestratorFails"]["Dimensions"]}
        assert dimensions == {"FunctionName", "Resource", "ExecutedVersion"}  # else the old one's errors count too
        assert stack["Slow"]["Threshold"] == settings().deadline_s * 1000


class TestPermissions:
    @pytest.mark.parametrize(
        "parameters",
        [{}, {"Ingest": "queue"}, {"Encryption": "customer-managed"}, {"ExistingBucketName": "theirs"}],
        ids=str,
    )
    def test_no_role_allows_a_wildcard_action(self, parameters: dict[str, str]) -> None:
        for role, statement in rollout(**parameters).statements():
            assert not [action for action in as_list(statement["Action"]) if "*" in action], role

    def test_only_what_knows_no_resource_is_allowed_on_every_resource(self) -> None:
        everywhere = {
            statement["Sid"]
            for _, statement in rollout().statements()
            if "*" in map(str, as_list(statement["Resource"]))
        }
        assert everywhere == {"LogInToRegistry", "JoinNetwork"}

    @pytest.mark.parametrize(
        ("parameters", "more"),
        [
            ({"Ingest": "direct"}, set()),
            ({"Ingest": "queue"}, {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}),
            (
                {"Encryption": "customer-managed"},
                {"kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"},
            ),
        ],
        ids=["direct", "queue", "key"],
    )
    def test_the_orchestrator_touches_its_bucket_its_table_and_its_queues(
        self, parameters: dict[str, str], more: set[str]
    ) -> None:
        allowed = {
            action
            for role, statement in rollout(**parameters).statements()
            for action in as_list(statement["Action"])
            if role == "OrchestratorRole" and not action.startswith(("ec2:", "logs:"))
        }
        always = {"s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket"}
        always |= {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "sqs:SendMessage"}
        assert allowed == always | more

    def test_the_orchestrator_reads_policies_and_makes_none(self) -> None:
        [denied] = [statement for _, statement in rollout().statements() if statement["Effect"] == "Deny"]
        assert denied["Action"] == "dynamodb:PutItem"
        assert denied["Condition"] == {"ForAnyValue:StringEquals": {"dynamodb:LeadingKeys": [POLICY_KEY]}}

    def test_every_role_stays_within_a_boundary_where_there_is_one(self) -> None:
        boundary = "arn:aws:iam::000000000000:policy/boundary"
        for role, properties in rollout(PermissionsBoundaryArn=boundary).of_type("AWS::IAM::Role").items():
            assert properties["PermissionsBoundary"] == boundary, role
        assert all("PermissionsBoundary" not in role for role in rollout().of_type("AWS::IAM::Role").values())
