"""template.yaml is the rollout: what the code relies on, and what keeps it safe, must be in it."""

import importlib
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from model_service.settings import Settings as ServiceSettings
from orchestrator.settings import Settings
from tests.support.template import ROOT, resource_of_type, template
from triptych.stack import StackError, environment
from triptych.stack.home import Home

RESOURCES: dict[str, Any] = template()["Resources"]
VERSIONS = ("v1", "v2", "v3")


def properties(name: str) -> dict[str, Any]:
    found = RESOURCES[name]["Properties"]
    assert isinstance(found, dict)
    return found


def statements(*, queued: bool = True) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every statement of every role, with the role's name; with Ingest=queue, or with Ingest=direct."""
    for name, resource in RESOURCES.items():
        if resource["Type"] == "AWS::IAM::Role":
            for policy in resource["Properties"]["Policies"]:
                for statement in policy["PolicyDocument"]["Statement"]:
                    chosen = choose(statement, queued=queued)
                    if chosen != {"Ref": "AWS::NoValue"}:
                        yield name, chosen


def choose(part: dict[str, Any], *, queued: bool) -> dict[str, Any]:
    """What is left of a part that depends on Ingest."""
    if "If" not in part:
        return part
    condition, then, otherwise = part["If"]
    assert condition == "Queued"
    chosen = then if queued else otherwise
    assert isinstance(chosen, dict)
    return chosen


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


class TestRecords:
    def test_the_key_is_the_document_and_its_event(self) -> None:
        table = resource_of_type("AWS::DynamoDB::Table")
        assert table["KeySchema"] == [
            {"AttributeName": "document", "KeyType": "HASH"},
            {"AttributeName": "sequencer", "KeyType": "RANGE"},
        ]

    def test_every_access_pattern_has_its_index_newest_first(self) -> None:
        table = resource_of_type("AWS::DynamoDB::Table")
        indexes = {index["IndexName"]: index for index in table["GlobalSecondaryIndexes"]}
        assert set(indexes) == {"by_time", "by_label", "by_status", "by_review"}
        for name, index in indexes.items():
            shard = name.removeprefix("by_") + "_shard"
            assert [part["AttributeName"] for part in index["KeySchema"]] == [shard, "event_time"], name
            assert index["Projection"] == {"ProjectionType": "ALL"}, name

    def test_they_are_kept_and_can_be_restored(self) -> None:
        table = resource_of_type("AWS::DynamoDB::Table")
        assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert table["BillingMode"] == "PAY_PER_REQUEST"
        for name in ("Records", "Inbox"):
            assert RESOURCES[name]["DeletionPolicy"] == "RetainExceptOnCreate"
            assert RESOURCES[name]["UpdateReplacePolicy"] == "Retain"


class TestInbox:
    def test_nobody_but_the_account_reads_it(self) -> None:
        inbox = properties("Inbox")
        assert set(inbox["PublicAccessBlockConfiguration"].values()) == {True}
        assert inbox["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
        assert inbox["VersioningConfiguration"] == {"Status": "Enabled"}
        assert inbox["BucketEncryption"]["ServerSideEncryptionConfiguration"]

    def test_on_aws_only_over_tls(self) -> None:
        assert RESOURCES["InboxPolicy"]["Condition"] == "OnAws"
        [statement] = properties("InboxPolicy")["PolicyDocument"]["Statement"]
        assert (statement["Effect"], statement["Action"]) == ("Deny", "s3:*")
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}

    def test_what_it_notifies_never_refers_to_it(self) -> None:
        """The bucket waits for the permission, that for the function, that for its role: a way back is a circle."""
        for name in ("Orchestrator", "OrchestratorRole", "InboxMayInvoke", "InboxQueue", "InboxMayQueue"):
            assert "Inbox" not in set(references(RESOURCES[name])), name

    def test_it_notifies_the_alias_and_only_this_bucket_may(self) -> None:
        inbox, permission = properties("Inbox"), properties("InboxMayInvoke")
        [notification] = choose(inbox["NotificationConfiguration"], queued=False)["LambdaConfigurations"]
        told, waited_for = notification["Function"]["Select"][1]
        assert (notification["Event"], told) == ("s3:ObjectCreated:*", {"Ref": "Orchestrator.Alias"})
        assert waited_for == {"Ref": "InboxMayInvoke"}
        assert RESOURCES["InboxMayInvoke"]["Condition"] == "Direct"
        assert permission["FunctionName"] == {"Ref": "Orchestrator.Alias"}
        assert permission["SourceArn"] == {"Sub": "arn:${AWS::Partition}:s3:::" + inbox["BucketName"]["Sub"]}
        assert permission["SourceAccount"] == {"Ref": "AWS::AccountId"}


class TestQueue:
    """Ingest=queue: the same uploads, through SQS."""

    def test_everything_about_it_is_there_with_ingest_queue_only(self) -> None:
        assert template()["Conditions"]["Queued"] == {"Equals": [{"Ref": "Ingest"}, "queue"]}
        assert template()["Conditions"]["Direct"] == {"Not": [{"Condition": "Queued"}]}
        assert template()["Parameters"]["Ingest"]["Default"] == "direct"
        for name in ("InboxQueue", "InboxMayQueue", "InboxPoller"):
            assert RESOURCES[name]["Condition"] == "Queued", name
        assert template()["Outputs"]["InboxQueueUrl"]["Condition"] == "Queued"

    def test_the_inbox_fills_it_and_nobody_else_may(self) -> None:
        inbox = properties("Inbox")
        [notification] = choose(inbox["NotificationConfiguration"], queued=True)["QueueConfigurations"]
        told, waited_for = notification["Queue"]["Select"][1]
        assert (notification["Event"], told) == ("s3:ObjectCreated:*", {"GetAtt": "InboxQueue.Arn"})
        assert waited_for == {"Ref": "InboxMayQueue"}
        allow, deny = properties("InboxMayQueue")["PolicyDocument"]["Statement"]
        assert (allow["Principal"], allow["Action"]) == ({"Service": "s3.amazonaws.com"}, "sqs:SendMessage")
        assert allow["Condition"] == {
            "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
            "ArnEquals": {"aws:SourceArn": {"Sub": "arn:${AWS::Partition}:s3:::" + inbox["BucketName"]["Sub"]}},
        }
        assert deny["If"][0] == "OnAws"
        assert deny["If"][1]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}

    def test_each_message_is_taken_alone_and_answered_for_alone(self) -> None:
        poller = properties("InboxPoller")
        assert poller["EventSourceArn"] == {"GetAtt": "InboxQueue.Arn"}
        assert poller["FunctionName"] == {"Ref": "Orchestrator.Alias"}
        assert (poller["BatchSize"], poller["FunctionResponseTypes"]) == (1, ["ReportBatchItemFailures"])
        assert poller["ScalingConfig"] == {"MaximumConcurrency": {"Ref": "InboxConcurrency"}}

    def test_a_message_is_hidden_for_six_timeouts_whichever_is_chosen(self) -> None:
        """AWS's advice: a message must not come back while the function still works on it, throttling included."""
        hidden = template()["Mappings"]["InboxVisibility"]
        allowed = template()["Parameters"]["OrchestratorTimeout"]["AllowedValues"]
        assert {int(timeout): wait["Seconds"] for timeout, wait in hidden.items()} == {t: 6 * t for t in allowed}
        assert properties("InboxQueue")["VisibilityTimeout"] == {
            "FindInMap": ["InboxVisibility", {"Ref": "OrchestratorTimeout"}, "Seconds"]
        }

    def test_what_fails_three_times_is_kept_longer_than_in_the_queue(self) -> None:
        """A message keeps its age when it moves: with the same retention, an old one would be gone at once."""
        queue = properties("InboxQueue")
        assert queue["RedrivePolicy"] == {"deadLetterTargetArn": {"GetAtt": "Failures.Arn"}, "maxReceiveCount": 3}
        assert queue["MessageRetentionPeriod"] < properties("Failures")["MessageRetentionPeriod"]

    def test_it_is_encrypted_and_outlives_a_switch_back(self) -> None:
        assert properties("InboxQueue")["SqsManagedSseEnabled"] is True
        assert RESOURCES["InboxQueue"]["DeletionPolicy"] == "RetainExceptOnCreate"


class TestOrchestrator:
    def test_the_handler_is_there(self) -> None:
        module, name = properties("Orchestrator")["Handler"].rsplit(".", 1)
        assert callable(getattr(importlib.import_module(module), name))

    def test_its_variables_are_those_that_the_code_reads(self) -> None:
        given = properties("Orchestrator")["Environment"]["Variables"]
        text, bases = given["MODEL_ENDPOINTS"]["Sub"]
        assert set(bases) == {"Base"}
        values = {**given, "TABLE_NAME": "records", "MODEL_ENDPOINTS": text.replace("${Base}", "http://alb")}
        settings = Settings.from_environment(values)
        assert settings.endpoints == {version: f"http://alb/{version}" for version in VERSIONS}
        assert settings.deadline_s == 3.0

    def test_its_timeout_outlasts_its_own_deadline(self) -> None:
        least = min(template()["Parameters"]["OrchestratorTimeout"]["AllowedValues"])
        assert least * 1000 > int(properties("Orchestrator")["Environment"]["Variables"]["DEADLINE_MS"])

    def test_what_fails_every_attempt_is_kept(self) -> None:
        config = properties("Orchestrator")["EventInvokeConfig"]
        assert config["DestinationConfig"]["OnFailure"] == {"Type": "SQS", "Destination": {"GetAtt": "Failures.Arn"}}
        assert config["MaximumRetryAttempts"] == 2


class TestPermissions:
    def test_no_role_allows_a_wildcard_action(self) -> None:
        for role, statement in statements():
            assert not [action for action in as_list(statement["Action"]) if "*" in action], role

    def test_only_what_knows_no_resource_is_allowed_on_every_resource(self) -> None:
        everywhere = {
            statement["Sid"] for _, statement in statements() if "*" in map(str, as_list(statement["Resource"]))
        }
        assert everywhere == {"LogInToRegistry", "JoinNetwork"}

    @pytest.mark.parametrize(
        ("queued", "more"),
        [(False, set()), (True, {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"})],
        ids=["direct", "queue"],
    )
    def test_the_orchestrator_touches_its_bucket_its_table_and_its_queues(self, queued: bool, more: set[str]) -> None:
        allowed = {
            action
            for role, statement in statements(queued=queued)
            for action in as_list(statement["Action"])
            if role == "OrchestratorRole" and not action.startswith(("ec2:", "logs:"))
        }
        assert (
            allowed
            == {
                "s3:GetObject",
                "s3:GetObjectVersion",
                "s3:ListBucket",
                "dynamodb:GetItem",
                "dynamodb:PutItem",
                "dynamodb:Query",
                "sqs:SendMessage",
            }
            | more
        )

    def test_nothing_comes_in_from_outside_the_network(self) -> None:
        assert not [name for name, body in RESOURCES.items() if body["Type"] == "AWS::EC2::InternetGateway"]
        assert properties("LoadBalancer")["Scheme"] == "internal"
        for name, body in RESOURCES.items():
            if body["Type"] == "AWS::EC2::SecurityGroup":
                for rule in body["Properties"].get("SecurityGroupIngress", []):
                    assert "SourceSecurityGroupId" in rule, f"{name} lets in addresses, not a group"


class TestModelServices:
    @pytest.mark.parametrize("version", VERSIONS[1:])
    def test_the_versions_are_written_alike(self, version: str) -> None:
        """They are three copies in the template: this is what keeps them from drifting apart."""
        number = version[1:]
        for kind in ("Logs", "Task", "Targets", "Rule", "Service", "Scaling", "ScalingPolicy"):
            first = yaml.safe_dump(RESOURCES[f"{kind}V1"])
            expected = re.sub(r"\b(v|\w*V)1\b", rf"\g<1>{number}", first).replace("Priority: 1", f"Priority: {number}")
            assert yaml.safe_load(expected) == RESOURCES[f"{kind}V{number}"], f"{kind}V{number}"

    @pytest.mark.parametrize("version", VERSIONS)
    def test_the_service_understands_its_variables(self, version: str) -> None:
        [container] = properties(f"Task{version.upper()}")["ContainerDefinitions"]
        given = {pair["Name"]: pair["Value"] for pair in container["Environment"]}
        settings = ServiceSettings.from_environment(given)
        assert settings.models == (version,)
        assert settings.port == container["PortMappings"][0]["ContainerPort"]
        assert set(map(str.lower, given)) <= set(ServiceSettings.model_fields)

    def test_the_container_may_do_little(self) -> None:
        [container] = properties("TaskV1")["ContainerDefinitions"]
        assert container["ReadonlyRootFilesystem"] is True
        assert not container["User"].startswith(("0", "root"))
        assert "TaskRoleArn" not in properties("TaskV1")

    def test_the_times_fit_each_other(self) -> None:
        """A task is stopped only when it has answered all that it took; a call ends before anyone cuts it off."""
        [container] = properties("TaskV1")["ContainerDefinitions"]
        service = ServiceSettings()
        assert container["StopTimeout"] >= service.drain_seconds + service.stop_seconds
        deadline = int(properties("Orchestrator")["Environment"]["Variables"]["DEADLINE_MS"]) / 1000
        targets = {pair["Key"]: pair["Value"] for pair in properties("TargetsV1")["TargetGroupAttributes"]}
        assert int(targets["deregistration_delay.timeout_seconds"]) > deadline
        balancer = {pair["Key"]: pair["Value"] for pair in properties("LoadBalancer")["LoadBalancerAttributes"]}
        assert int(balancer["idle_timeout.timeout_seconds"]) > deadline


class TestEnvironments:
    def test_each_gives_parameters_that_the_template_has(self) -> None:
        config = tomllib.loads((ROOT / "samconfig.toml").read_text())
        known = template()["Parameters"]
        for name in ("local", "staging", "production"):
            overrides = config[name]["deploy"]["parameters"]["parameter_overrides"]
            assert {pair.split("=")[0] for pair in overrides} <= set(known), name

    def test_production_asks_first_and_none_but_local_is_local(self) -> None:
        config = tomllib.loads((ROOT / "samconfig.toml").read_text())
        assert config["production"]["deploy"]["parameters"]["confirm_changeset"] is True
        for name in ("staging", "production"):
            assert "LocalEndpoint" not in str(config[name])


@pytest.mark.parametrize(
    "command", [["sam", "validate", "--lint", "--template-file"], ["cfn-lint"]], ids=lambda c: c[0]
)
def test_the_linters_find_nothing(command: list[str], tmp_path: Path) -> None:
    try:
        program = environment.tool(command[0])
    except StackError as error:
        pytest.skip(str(error))
    settings = environment.aws(Home(tmp_path)) | {"SAM_CLI_TELEMETRY": "0", "__SAM_CLI_APP_DIR": str(tmp_path)}
    argv = [str(program), *command[1:], str(ROOT / "template.yaml")]
    done = subprocess.run(argv, env=settings, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def references(part: Any) -> Iterator[str]:
    """The names that a part of the template refers to by Ref, GetAtt or Sub."""
    if isinstance(part, list):
        for item in part:
            yield from references(item)
    elif isinstance(part, dict):
        for key, value in part.items():
            if key in ("Ref", "GetAtt") and isinstance(value, str):
                yield value.split(".")[0]
            elif key == "Sub":
                for text in as_list(value)[:1]:
                    yield from (name.split(".")[0] for name in re.findall(r"\$\{([\w.]+)\}", text))
            yield from references(value)
