"""Protects: `triptych preflight` on an account with real resources, with exactly the permissions of its policy."""

import json
from collections.abc import Iterator

import pytest

from testkit.template import ROOT
from tests.support.account import Account, Credentials
from tests.support.commands import run_triptych
from tests.support.rollouts import EXISTING_BUCKET
from triptych.stack.deployment import STACK_NAME
from triptych.stack.environment import REGION

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("account")]

POLICY = (ROOT / "docs" / "preflight-policy.json").read_text()
NOT_EMULATED = {"fargate-vcpus", "codebuild-builds", "vpcs"}
"""Checks that may need Service Quotas, which the emulator does not have."""

FAILING_TEMPLATE = {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": EXISTING_BUCKET}}}}
"""A template whose resource cannot be created."""


@pytest.fixture(scope="module")
def reader(account: Account) -> Credentials:
    return account.create_user("preflight", POLICY)


@pytest.fixture
def findings(account: Account, reader: Credentials, monkeypatch: pytest.MonkeyPatch) -> "Inspect":
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", reader.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", reader.secret_key)
    return Inspect(account.endpoint)


class Inspect:
    """Run the command on the account."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint

    def __call__(self, *options: str) -> dict[str, tuple[str, str, str]]:
        """Return severity, sentence and remedy by check. Leave out what the emulator cannot answer."""
        fixed = ["--config-file", str(ROOT / "samconfig.toml"), "--endpoint-url", self._endpoint, "--json"]
        done = run_triptych("preflight", *fixed, *options, check=False)
        assert done.exit_code == 1, "the quotas cannot be read"
        found = {each["check"]: (each["severity"], each["sentence"], each["remedy"]) for each in done.json["findings"]}
        assert {name for name, finding in found.items() if finding[0] == "unchecked"} <= NOT_EMULATED
        return {name: finding for name, finding in found.items() if name not in NOT_EMULATED}


@pytest.fixture
def rolled_back(account: Account) -> Iterator[None]:
    """A stack whose creation failed."""
    cloudformation = account.client("cloudformation")
    cloudformation.create_stack(StackName=STACK_NAME, TemplateBody=json.dumps(FAILING_TEMPLATE))
    with pytest.raises(Exception, match="ROLLBACK"):
        cloudformation.get_waiter("stack_create_complete").wait(
            StackName=STACK_NAME, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )
    yield
    account.delete_stack()


def test_what_a_new_account_lacks_is_reported(account: Account, findings: Inspect) -> None:
    found = findings("--stack-name", "Preflight")
    assert found["ecs-role"][0] == "problem"
    account.client("iam").create_service_linked_role(AWSServiceName="ecs.amazonaws.com")
    assert "ecs-role" not in findings("--stack-name", "Preflight")
    assert found["stack-name"][2] == "Use lower case: preflight."
    assert "deployer-policy.json" in found["permissions"][2]
    assert found["lambda-concurrency"][0] == "warning"  # the emulator has a concurrency of 16


def test_a_stack_that_was_rolled_back_has_to_be_deleted(rolled_back: None, findings: Inspect) -> None:
    severity, sentence, remedy = findings()["stack-state"]
    assert severity == "problem"
    assert "ROLLBACK_COMPLETE" in sentence
    assert remedy.endswith(f"sam delete --stack-name {STACK_NAME} --region {REGION}")


def test_a_bucket_that_a_stack_left_behind_is_found(account: Account, findings: Inspect) -> None:
    bucket = f"left-inbox-000000000000-{REGION}"
    assert "bucket-name" not in findings("--stack-name", "left")
    account.client("s3").create_bucket(Bucket=bucket)
    assert f"ExistingBucketName={bucket}" in findings("--stack-name", "left")["bucket-name"][2]
    found = findings("--stack-name", "left", "--parameter", f"ExistingBucketName={bucket}")
    assert "does not send its events to EventBridge" in found["bucket-events"][1]
    found = findings("--stack-name", "left", "--parameter", f"ExistingBucketName={EXISTING_BUCKET}")
    assert not {"bucket-name", "existing-bucket", "bucket-events", "bucket-key"} & set(found)


def test_an_image_that_does_not_exist_is_found(findings: Inspect) -> None:
    image = f"000000000000.dkr.ecr.{REGION}.amazonaws.com/model:1"
    assert findings("--parameter", f"ModelImageUri={image}")["images"][1] == f"The image {image} does not exist."


def test_a_deployed_stack_has_no_finding(account: Account, packaged: str, findings: Inspect) -> None:
    account.create_stack(packaged, {})
    try:
        assert not {"stack-name", "stack-state", "bucket-name", "zones"} & set(findings())
    finally:
        account.delete_stack()
        account.delete_retained()
