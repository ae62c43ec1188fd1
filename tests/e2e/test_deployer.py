"""Protects: a deployer with docs/deployer-policy.json deploys and deletes the stack, and may do nothing else.

The emulator checks the calls that the deployer makes, not those that CloudFormation makes on the deployer's behalf:
tests/unit/template/test_deployer_policy.py compares the policy with these.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from testkit.template import ROOT
from tests.support.account import Account, Credentials
from triptych.stack.deployment import STACK_NAME
from triptych.stack.environment import REGION

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("account")]

POLICY = (ROOT / "docs" / "deployer-policy.json").read_text()
DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")

Call = Callable[[Callable[[str], Any], dict[str, str]], object]

FORBIDDEN: dict[str, Call] = {
    "create a user": lambda client, _: client("iam").create_user(UserName="other"),
    "create a role outside the stack": lambda client, _: client("iam").create_role(
        RoleName="triptych-other", AssumeRolePolicyDocument="{}"
    ),
    "create a network outside the stack": lambda client, _: client("ec2").create_vpc(CidrBlock="10.0.0.0/16"),
    "create another bucket": lambda client, _: client("s3").create_bucket(Bucket="other-bucket"),
    "upload a document": lambda client, out: client("s3").put_object(Bucket=out["InboxBucketName"], Key="x", Body=b""),
    "list documents": lambda client, out: client("s3").list_objects_v2(Bucket=out["InboxBucketName"]),
    "read records": lambda client, out: client("dynamodb").scan(TableName=out["TableName"]),
    "delete the table": lambda client, out: client("dynamodb").delete_table(TableName=out["TableName"]),
    "run the orchestrator": lambda client, out: client("lambda").invoke(FunctionName=out["OrchestratorFunctionName"]),
    "read dead letters": lambda client, out: client("sqs").receive_message(QueueUrl=out["FailureQueueUrl"]),
    "delete another stack": lambda client, _: client("cloudformation").delete_stack(StackName="other"),
}


@pytest.fixture(scope="module")
def deployer(account: Account) -> Credentials:
    return account.create_user("deployer", POLICY)


@pytest.fixture
def deployed(account: Account, deployer: Credentials) -> Iterator[dict[str, str]]:
    """The outputs of a stack that the deployer has deployed."""
    account.sam_deploy(deployer)
    [stack] = account.client("cloudformation").describe_stacks(StackName=STACK_NAME)["Stacks"]
    yield {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    account.delete_retained()


def test_a_deployer_deploys_deletes_and_may_do_nothing_else(
    account: Account, deployer: Credentials, deployed: dict[str, str]
) -> None:
    session = deployer.session()

    def client(service: str) -> Any:
        return session.client(service, endpoint_url=account.endpoint)  # type: ignore[call-overload]

    for what, call in FORBIDDEN.items():
        with pytest.raises(ClientError) as denied:
            call(client, deployed)
        assert denied.value.response["Error"]["Code"] in DENIED, what

    account.sam("delete", "--stack-name", STACK_NAME, "--region", REGION, "--no-prompts", credentials=deployer)
    names = [stack["StackName"] for stack in account.client("cloudformation").describe_stacks()["Stacks"]]
    assert STACK_NAME not in names


@pytest.mark.parametrize("removed", ["Stacks", "CodeBucket"])
def test_a_deployment_needs_each_statement_about_direct_calls(account: Account, removed: str) -> None:
    policy = json.loads(POLICY)
    policy["Statement"] = [each for each in policy["Statement"] if each["Sid"] != removed]
    lesser = account.create_user(f"without-{removed}", json.dumps(policy))
    with pytest.raises(AssertionError, match=r"(?i)not authorized|access ?denied|forbidden"):
        account.sam_deploy(lesser)
