"""Protects: the template whose resources the emulator knows can be created and deleted."""

from collections.abc import Iterator

import pytest

from testkit.template import ROOT
from tests.support.account import Account, open_account
from triptych.stack.home import Home

IMAGE = "000000000000.dkr.ecr.us-east-1.amazonaws.com/triptych:v2"


@pytest.fixture(scope="module")
def empty_account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with open_account(Home(tmp_path_factory.mktemp("account")), "apigateway") as account:
        yield account


@pytest.mark.slow
def test_api_of_a_function_is_created_and_deleted(empty_account: Account) -> None:
    """SageMaker, Express Mode and EC2 instances are unknown to the emulator."""
    cloudformation = empty_account.client("cloudformation")
    cloudformation.create_stack(
        StackName="api",
        TemplateBody=(ROOT / "hosting" / "lambda.yaml").read_text(),
        Capabilities=["CAPABILITY_IAM"],
        Parameters=[{"ParameterKey": "Image", "ParameterValue": IMAGE}],
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName="api", WaiterConfig={"Delay": 1})
    [stack] = cloudformation.describe_stacks(StackName="api")["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    [api] = empty_account.client("apigatewayv2").get_apis()["Items"]
    assert outputs["Url"] == api["ApiEndpoint"]
    function = empty_account.client("lambda").get_function(FunctionName=outputs["FunctionName"])
    assert function["Code"]["ImageUri"] == IMAGE

    cloudformation.delete_stack(StackName="api")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="api", WaiterConfig={"Delay": 1})
    assert not empty_account.client("apigatewayv2").get_apis()["Items"]
    assert not empty_account.client("lambda").list_functions()["Functions"]
    assert not empty_account.client("iam").list_roles()["Roles"]
