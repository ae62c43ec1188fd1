"""The local stack as a whole: it is the real rollout, permissions included, and it mends itself."""

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


def balancer(stack: Stack) -> str:
    """Where the emulator plays the load balancer."""
    return f"{stack.endpoint_url}/_alb/{stack.outputs['LoadBalancerName']}"


def processes(home: Home) -> dict[str, int]:
    """The process ids of the stack's servers."""
    state = StackState.load(home)
    assert state.emulator is not None
    return {"emulator": state.emulator.process.pid, **{name: s.process.pid for name, s in state.services.items()}}


@pytest.fixture
def powerless_role(stack: Stack) -> Iterator[str]:
    """A role that Lambda may take and that allows nothing."""
    iam = client(stack, "iam")
    created = iam.create_role(RoleName="powerless", AssumeRolePolicyDocument=json.dumps(TRUST))
    yield created["Role"]["Arn"]
    iam.delete_role(RoleName="powerless")


class TestPermissions:
    ITEM = {"document": {"S": "probe"}, "sequencer": {"S": "0"}}  # noqa: RUF012

    def test_a_function_whose_role_lacks_putitem_is_refused(self, stack: Stack, powerless_role: str) -> None:
        with probe(stack, powerless_role) as attempt:
            answer = attempt("dynamodb", "put_item", TableName=stack.table, Item=self.ITEM)
        assert answer["outcome"] == "AccessDeniedException"
        assert "assumed-role/powerless/" in answer["caller"]

    def test_the_orchestrators_role_may_write_records_and_read_documents(self, stack: Stack) -> None:
        with probe(stack, role_of(stack)) as attempt:
            answer = attempt("dynamodb", "put_item", TableName=stack.table, Item=self.ITEM)
            missing = attempt("s3", "get_object", Bucket=stack.bucket, Key="nothing-here")
        client(stack, "dynamodb").delete_item(TableName=stack.table, Key=self.ITEM)
        assert answer["outcome"] == "allowed"
        assert f"assumed-role/{role_of(stack).rsplit('/', 1)[-1]}/" in answer["caller"]
        assert missing["outcome"] == "NoSuchKey"  # and not AccessDenied: that would look like a fault of ours

    def test_it_may_do_nothing_else_to_them(self, stack: Stack) -> None:
        beyond: list[tuple[str, str, dict[str, Any]]] = [
            ("dynamodb", "delete_item", {"TableName": stack.table, "Key": self.ITEM}),
            ("dynamodb", "scan", {"TableName": stack.table}),
            ("s3", "put_object", {"Bucket": stack.bucket, "Key": "mine", "Body": "x"}),
            ("s3", "delete_object", {"Bucket": stack.bucket, "Key": "mine"}),
            ("iam", "list_roles", {}),
        ]
        with probe(stack, role_of(stack)) as attempt:
            outcomes = {action: attempt(service, action, **args)["outcome"] for service, action, args in beyond}
        assert set(outcomes.values()) <= {"AccessDenied", "AccessDeniedException"}, outcomes

    def test_strangers_have_no_credentials(self, stack: Stack) -> None:
        table = stack.session().client(
            "dynamodb", endpoint_url=stack.endpoint_url, aws_access_key_id="AKIASTRANGER", aws_secret_access_key="x"
        )
        with pytest.raises(ClientError, match=r"UnrecognizedClientException|InvalidClientTokenId"):
            table.scan(TableName=stack.table)


class TestLoadBalancer:
    @pytest.mark.parametrize("version", ["v1", "v2", "v3"])
    def test_each_path_leads_to_its_version(self, stack: Stack, version: str) -> None:
        answer = requests.get(f"{balancer(stack)}/{version}/models/{version}", timeout=5)
        assert answer.status_code == 200
        assert answer.json()["version"] == version

    def test_other_paths_lead_nowhere(self, stack: Stack) -> None:
        for path in ("v4/predict", "predict", "v1x/predict", ""):
            answer = requests.get(f"{balancer(stack)}/{path}", timeout=5)
            assert (answer.status_code, answer.text) == (404, "No such model version")


class TestFailures:
    def test_an_event_that_fails_every_attempt_waits_in_the_queue(self, stack: Stack) -> None:
        """As on AWS: three attempts, and then the event itself, with why it failed, in the on-failure queue."""
        event = {"this is": "no S3 notification"}
        client(stack, "lambda").invoke(
            FunctionName=stack.function, Qualifier="live", InvocationType="Event", Payload=json.dumps(event)
        )
        queue, deadline = client(stack, "sqs"), time.monotonic() + 3 * RETRY_SECONDS + 60
        kept: list[dict[str, Any]] = []
        while event not in [body["requestPayload"] for body in kept]:
            assert time.monotonic() < deadline, f"not in the queue: {kept}"
            for message in queue.receive_message(QueueUrl=stack.dead_letter_queue_url, WaitTimeSeconds=2).get(
                "Messages", []
            ):
                kept.append(json.loads(message["Body"]))
                queue.delete_message(QueueUrl=stack.dead_letter_queue_url, ReceiptHandle=message["ReceiptHandle"])
        assert "responsePayload" in kept[-1]


class TestMending:
    def test_everything_answers(self, stack: Stack, home: Home) -> None:
        assert stack_status(home).healthy
        assert sorted(stack.ports) == ["v1", "v2", "v3"]
        assert len({*stack.ports.values(), stack.endpoint_url.rsplit(":", 1)[-1]}) == 4

    def test_a_second_up_touches_nothing(self, stack: Stack, home: Home) -> None:
        running, before = running_stack(home), processes(home)
        assert start_stack(home=home) == running
        assert processes(home) == before

    def test_up_replaces_a_service_that_died_and_only_that(self, stack: Stack, home: Home) -> None:
        before = processes(home)
        stop_processes(StackState.load(home).services["v3"].process, grace=0)
        assert stack_status(home).services == {"v1": True, "v2": True, "v3": False}

        start_stack(home=home)

        after = processes(home)
        assert stack_status(home).healthy
        assert {name for name in after if after[name] != before[name]} == {"v3"}
