"""The Lambda function: its configuration, its permissions, and its rollout."""

import importlib.util
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from decoding.limits import Limits
from orchestrator.endpoints import Endpoint, HttpEndpoint, LambdaEndpoint
from orchestrator.request_body import BodyFormat
from orchestrator.settings import OrchestratorSettings
from records.policy import POLICY_KEY
from testkit.changes.resource_changes import references
from testkit.template import rollout, template
from triptych.repair.redrive import PATIENT_BUDGET_S, USUAL_BUDGET_S

VERSIONS = ("v1", "v2", "v3")
OTHER_MODELS = {
    "OtherModelEndpoints": json.dumps(
        {
            "v2": {"type": "lambda", "function": "arn:aws:lambda:us-east-1:000000000000:function:f:live"},
            "v4": "https://example.com/v4",
        }
    ),
    "OtherModelRevision": "1",
    "OtherModelArns": "arn:aws:lambda:us-east-1:000000000000:function:f:live",
}
"""Parameters of versions that are called elsewhere."""
CHOICES = {
    "ExecuteCommand": "enabled",
    "FlowLogs": "all",
    "ModelRollout": "Canary10Percent10Minutes",
    "Tracing": "active",
}
"""Parameters that add roles or permissions."""


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def settings(**parameters: str) -> OrchestratorSettings:
    """Return the settings that the code reads from the template's environment variables."""
    given = rollout(**parameters)["Orchestrator"]["Environment"]["Variables"]
    value = given["MODEL_ENDPOINTS"]["Sub"]
    if isinstance(value, str):
        endpoints = re.sub(r"\$\{ModelAlias(V\d)\}", r"arn:aws:lambda:us-east-1:000000000000:function:\1:live", value)
    else:
        text, given_texts = value
        base = given_texts["Base"]["Sub"].replace("${LoadBalancer.DNSName}", "alb")
        endpoints = text.replace("${Base}", base).replace("${Transfer}", given_texts["Transfer"])
    return OrchestratorSettings.from_environment({**given, "TABLE_NAME": "records", "MODEL_ENDPOINTS": endpoints})


def urls(base: str) -> dict[str, Endpoint]:
    """Return the endpoints of the services behind the load balancer."""
    return {version: HttpEndpoint(f"{base}/{version}") for version in VERSIONS}


class TestFunction:
    def test_handler_exists(self) -> None:
        module, name = rollout()["Orchestrator"]["Handler"].rsplit(".", 1)
        source = importlib.util.find_spec(module)  # an import would start the function in this process
        assert source is not None
        assert source.origin is not None
        assert f"import {name}" in Path(source.origin).read_text()

    def test_snapshots_are_a_choice(self) -> None:
        assert rollout()["Orchestrator"]["SnapStart"] == {"ApplyOn": "None"}
        assert rollout(SnapStart="orchestrator")["Orchestrator"]["SnapStart"] == {"ApplyOn": "PublishedVersions"}

    def test_function_is_what_snapshots_require(self) -> None:
        """AWS: a managed runtime from Python 3.12 on, invoked by version, without the features that exclude them."""
        function = rollout(SnapStart="orchestrator")["Orchestrator"]
        assert tuple(map(int, function["Runtime"].removeprefix("python").split("."))) >= (3, 12)
        assert function["AutoPublishAlias"] == "live"
        excluded = {"EphemeralStorage", "FileSystemConfigs", "PackageType", "ProvisionedConcurrencyConfig"}
        assert not excluded & set(function)

    def test_environment_variables_match_the_settings(self) -> None:
        read = settings()
        assert read.endpoints == urls("http://alb")
        assert read.deadline_s == 3.0
        assert read.policy_max_age == timedelta(minutes=1)

    def test_with_a_certificate_the_endpoints_use_its_domain(self) -> None:
        read = settings(CertificateArn="arn:aws:acm:us-east-1:0:certificate/x", ModelDomain="models.example.com")
        assert read.endpoints == urls("https://models.example.com")

    def test_shared_service_gets_the_version_in_the_query(self) -> None:
        read = settings(ModelHosting="single")
        assert read.endpoints == {each: HttpEndpoint("http://alb", f"/predict?model={each}") for each in VERSIONS}

    @pytest.mark.parametrize("hosting", ["fargate", "single"])
    def test_addresses_are_sent_to_services_only_if_chosen(self, hosting: str) -> None:
        """And never to those that may not read them; functions get them for large documents in any case."""
        by_content = settings(ModelHosting=hosting).endpoints
        by_address = settings(ModelHosting=hosting, DocumentTransfer="address").endpoints
        assert not any(endpoint.body.by_address for endpoint in by_content.values())
        assert by_address == {
            version: endpoint._replace(body=BodyFormat(by_address=True)) for version, endpoint in by_content.items()
        }
        functions = {"ModelHosting": "lambda"}
        assert settings(**functions, DocumentTransfer="address") == settings(**functions)

    def test_model_functions_are_invoked_by_their_alias(self) -> None:
        arn = "arn:aws:lambda:us-east-1:000000000000:function"
        expected = {each: LambdaEndpoint(f"{arn}:{each.upper()}:live", "us-east-1") for each in VERSIONS}
        assert settings(ModelHosting="lambda").endpoints == expected

    def test_versions_elsewhere_replace_those_of_the_stack(self) -> None:
        read = settings(**OTHER_MODELS)
        function = LambdaEndpoint("arn:aws:lambda:us-east-1:000000000000:function:f:live", "us-east-1")
        assert read.endpoints == {**urls("http://alb"), "v2": function, "v4": HttpEndpoint("https://example.com/v4")}

    def test_versions_elsewhere_require_a_revision(self) -> None:
        """Their JSON is too long for the description that publishes a version."""
        assert not rollout(**OTHER_MODELS).violated_rules()
        assert rollout(**{**OTHER_MODELS, "OtherModelRevision": "0"}).violated_rules()

    def test_lambda_timeout_is_longer_than_the_budget(self) -> None:
        least = min(template()["Parameters"]["OrchestratorTimeout"]["AllowedValues"])
        assert least > settings().deadline_s

    def test_lambda_timeout_allows_a_patient_attempt(self) -> None:
        """Its budget exceeds the decoding limit of the services, and the load balancer waits for it."""
        balancer = {entry["Key"]: entry["Value"] for entry in rollout()["LoadBalancer"]["LoadBalancerAttributes"]}
        for budget_s in (PATIENT_BUDGET_S, settings().patient_s):
            assert int(balancer["idle_timeout.timeout_seconds"]) > budget_s
            assert template()["Parameters"]["OrchestratorTimeout"]["Default"] - 1 > budget_s
            assert Limits().max_seconds + 5 < budget_s
        assert settings().deadline_s == USUAL_BUDGET_S

    def test_events_that_fail_every_attempt_move_to_the_dead_letter_queue(self) -> None:
        config = rollout()["Orchestrator"]["EventInvokeConfig"]
        assert config["DestinationConfig"]["OnFailure"] == {"Type": "SQS", "Destination": {"GetAtt": "Failures.Arn"}}
        assert config["MaximumRetryAttempts"] == 2

    def test_concurrency_is_reserved_only_if_configured(self) -> None:
        assert "ReservedConcurrentExecutions" not in rollout()["Orchestrator"]
        assert rollout(OrchestratorConcurrency=20)["Orchestrator"]["ReservedConcurrentExecutions"] == "20"

    def test_invocations_are_traced_only_if_configured(self) -> None:
        for choice, mode in (("none", "PassThrough"), ("active", "Active")):
            stack = rollout(Tracing=choice)
            assert stack["Orchestrator"]["Tracing"] == mode
            granted = {statement.get("Sid") for _, statement in stack.statements()}
            assert ("SendTraces" in granted) == (choice == "active")

    def test_metrics_have_the_stack_name_as_dimension(self) -> None:
        given = rollout()["Orchestrator"]["Environment"]["Variables"]
        assert given["POWERTOOLS_SERVICE_NAME"] == {"Ref": "AWS::StackName"}


class TestRollout:
    def test_every_rollout_except_all_at_once_uses_codedeploy(self) -> None:
        for strategy in template()["Parameters"]["OrchestratorRollout"]["AllowedValues"]:
            preference = rollout(OrchestratorRollout=strategy)["Orchestrator"]["DeploymentPreference"]
            assert (preference["Type"], preference["Enabled"]) == (
                strategy,
                "false" if strategy == "AllAtOnce" else "true",
            )

    def test_new_version_finds_what_it_calls(self) -> None:
        """The alias may move as soon as the version is published."""

        def awaited(**parameters: str) -> set[str]:
            return set(references(rollout(**parameters).resources["Orchestrator"]["Metadata"]["After"]))

        services = {f"{kind}V{number}" for kind in ("Rule", "Service") for number in (1, 2, 3)}
        assert awaited() == services
        https = awaited(CertificateArn="arn:aws:acm:us-east-1:0:certificate/x", ModelDomain="models.example.com")
        assert https == services | {"ModelName"}
        assert awaited(ModelHosting="single") == {"RuleShared", "ServiceShared"}
        assert awaited(ModelHosting="lambda") == set()  # it names the aliases

    def test_errors_of_the_new_version_and_high_latency_roll_back(self) -> None:
        stack = rollout()
        alarms = [alarm["Ref"] for alarm in stack["Orchestrator"]["DeploymentPreference"]["Alarms"]]
        assert alarms == ["NewOrchestratorErrors", "NewOrchestratorUnfinished", "HandlerLatencyP99"]
        dimensions = {part["Name"] for part in stack["NewOrchestratorErrors"]["Dimensions"]}
        assert dimensions == {
            "FunctionName",
            "Resource",
            "ExecutedVersion",
        }  # without the last, errors of the old version count too
        assert stack["HandlerLatencyP99"]["Threshold"] == settings().deadline_s * 1000


class TestPermissions:
    @pytest.mark.parametrize(
        "parameters",
        [
            {},
            {"Ingest": "queue"},
            {"Encryption": "customer-managed"},
            {"ExistingBucketName": "theirs"},
            CHOICES,
        ],
        ids=str,
    )
    def test_no_role_allows_a_wildcard_action(self, parameters: dict[str, str]) -> None:
        for role, statement in rollout(**parameters).statements():
            assert not [action for action in as_list(statement["Action"]) if "*" in action], role

    def test_only_actions_without_resource_support_are_allowed_on_every_resource(self) -> None:
        everywhere = {
            statement["Sid"]
            for _, statement in rollout(**CHOICES).statements()
            if "*" in map(str, as_list(statement["Resource"]))
        }
        assert everywhere == {"LogInToRegistry", "JoinNetwork", "SendTraces", "ConnectShell", "DescribeLoadBalancer"}

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
    def test_orchestrator_has_only_the_permissions_that_it_needs(
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

    def test_orchestrator_may_use_what_other_versions_need_and_nothing_else_of_these_services(self) -> None:
        used = [each for role, each in rollout(**OTHER_MODELS).statements() if each.get("Sid") == "UseOtherModels"]
        assert [each["Resource"] for each in used] == [{"Split": [",", OTHER_MODELS["OtherModelArns"]]}]
        assert not [each for _, each in rollout().statements() if each.get("Sid") == "UseOtherModels"]

    def test_orchestrator_cannot_write_policies(self) -> None:
        [denied] = [statement for _, statement in rollout().statements() if statement["Effect"] == "Deny"]
        assert denied["Action"] == "dynamodb:PutItem"
        assert denied["Condition"] == {"ForAnyValue:StringEquals": {"dynamodb:LeadingKeys": [POLICY_KEY]}}

    def test_every_role_has_the_permissions_boundary_if_given(self) -> None:
        boundary = "arn:aws:iam::000000000000:policy/boundary"
        for role, properties in rollout(PermissionsBoundaryArn=boundary).of_type("AWS::IAM::Role").items():
            assert properties["PermissionsBoundary"] == boundary, role
        assert all("PermissionsBoundary" not in role for role in rollout().of_type("AWS::IAM::Role").values())
