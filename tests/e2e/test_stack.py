"""The local stack as a whole: permissions, load balancer, dead letters, and repair by another start."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from tests.e2e.conftest import RETRY_SECONDS
from tests.support.probe import client, probe, role_of
from triptych.stack import Home, Stack, running_stack, stack_status, start_stack
from triptych.stack.processes import stop_processes
from triptych.stack.state import StackState

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def load_balancer_url(stack: Stack) -> str:
    """Return the URL of the emulated load balancer."""
    return f"{stack.endpoint_url}/_alb/{stack.outputs['LoadBalancerName']}"


def process_ids(home: Home) -> dict[str, int]:
    """Return the process ids of the stack's servers."""
    state = StackState.load(home)
    assert state.emulator is not None
    return {"emulator": state.emulator.process.pid, **{name: s.process.pid for name, s in state.services.items()}}


@pytest.fixture
def unprivileged_role(stack: Stack) -> Iterator[str]:
    """A role without permissions that Lambda can assume."""
    iam = client(stack, "iam")
    created = iam.create_role(RoleName="unprivileged", AssumeRolePolicyDocument=json.dumps(TRUST))
    yield created["Role"]["Arn"]
    iam.delete_role(RoleName="unprivileged")


class TestPermissions:
    ITEM = {"document": {"S": "probe"}, "sequencer": {"S": "0"}}  # noqa: RUF012

    def test_role_without_permissions_is_denied_access(self, stack: Stack, unprivileged_role: str) -> None:
        with probe(stack, unprivileged_role) as attempt:
            response = attempt("dynamodb", "put_item", TableName=stack.table, Item=self.ITEM)
        assert response["outcome"] == "AccessDeniedException"
        assert "assumed-role/unprivileged/" in response["caller"]

    def test_orchestrator_role_can_write_records_and_read_documents(self, stack: Stack) -> None:
        with probe(stack, role_of(stack)) as attempt:
            response = attempt("dynamodb", "put_item", TableName=stack.table, Item=self.ITEM)
            missing = attempt("s3", "get_object", Bucket=stack.bucket, Key="nothing-here")
        client(stack, "dynamodb").delete_item(TableName=stack.table, Key=self.ITEM)
        assert response["outcome"] == "allowed"
        assert f"assumed-role/{role_of(stack).rsplit('/', 1)[-1]}/" in response["caller"]
        assert missing["outcome"] == "NoSuchKey"  # AccessDenied would look like a missing permission

    def test_orchestrator_role_is_denied_other_access(self, stack: Stack) -> None:
        denied: list[tuple[str, str, dict[str, Any]]] = [
            ("dynamodb", "delete_item", {"TableName": stack.table, "Key": self.ITEM}),
            ("dynamodb", "scan", {"TableName": stack.table}),
            ("s3", "put_object", {"Bucket": stack.bucket, "Key": "mine", "Body": "x"}),
            ("s3", "delete_object", {"Bucket": stack.bucket, "Key": "mine"}),
            ("iam", "list_roles", {}),
        ]
        with probe(stack, role_of(stack)) as attempt:
            outcomes = {action: attempt(service, action, **args)["outcome"] for service, action, args in denied}
        assert set(outcomes.values()) <= {"AccessDenied", "AccessDeniedException"}, outcomes

    def test_unknown_credentials_are_rejected(self, stack: Stack) -> None:
        table = stack.session().client(
            "dynamodb", endpoint_url=stack.endpoint_url, aws_access_key_id="AKIAUNKNOWN", aws_secret_access_key="x"
        )
        with pytest.raises(ClientError, match=r"UnrecognizedClientException|InvalidClientTokenId"):
            table.scan(TableName=stack.table)


class TestLoadBalancer:
    @pytest.mark.parametrize("version", ["v1", "v2", "v3"])
    def test_path_is_routed_to_its_version(self, stack: Stack, version: str) -> None:
        response = requests.get(f"{load_balancer_url(stack)}/{version}/models/{version}", timeout=5)
        assert response.status_code == 200
        assert response.json()["version"] == version

    def test_other_paths_are_not_found(self, stack: Stack) -> None:
        for path in ("v4/predict", "predict", "v1x/predict", ""):
            response = requests.get(f"{load_balancer_url(stack)}/{path}", timeout=5)
            assert (response.status_code, response.text) == (404, "No such model version")


class TestDeadLetters:
    def test_event_that_fails_every_attempt_becomes_a_dead_letter(self, stack: Stack) -> None:
        """As on AWS, the queue receives the event and its error after three attempts."""
        event = {"this is": "no S3 notification"}
        client(stack, "lambda").invoke(
            FunctionName=stack.function, Qualifier="live", InvocationType="Event", Payload=json.dumps(event)
        )
        queue, deadline = client(stack, "sqs"), time.monotonic() + 3 * RETRY_SECONDS + 60
        received: list[dict[str, Any]] = []
        while event not in [body["requestPayload"] for body in received]:
            assert time.monotonic() < deadline, f"not in the queue: {received}"
            for message in queue.receive_message(QueueUrl=stack.dead_letter_queue_url, WaitTimeSeconds=2).get(
                "Messages", []
            ):
                received.append(json.loads(message["Body"]))
                queue.delete_message(QueueUrl=stack.dead_letter_queue_url, ReceiptHandle=message["ReceiptHandle"])
        assert "responsePayload" in received[-1]


class TestStart:
    def test_every_part_is_ready(self, stack: Stack, home: Home) -> None:
        assert stack_status(home).healthy
        assert sorted(stack.ports) == ["v1", "v2", "v3"]
        assert len({*stack.ports.values(), stack.endpoint_url.rsplit(":", 1)[-1]}) == 4

    def test_second_start_changes_nothing(self, stack: Stack, home: Home) -> None:
        running, before = running_stack(home), process_ids(home)
        assert start_stack(home=home) == running
        assert process_ids(home) == before

    def test_start_replaces_only_a_service_that_ended(self, stack: Stack, home: Home) -> None:
        before = process_ids(home)
        stop_processes(StackState.load(home).services["v3"].process, grace=0)
        assert stack_status(home).services == {"v1": True, "v2": True, "v3": False}

        start_stack(home=home)

        after = process_ids(home)
        assert stack_status(home).healthy
        assert {name for name in after if after[name] != before[name]} == {"v3"}
