"""Deployments with different parameters: every combination is deployed and deleted."""

import json

import pytest

from records.record import Status
from tests.support.account import BUCKET_PREFIXES, Account, added_resources, wait_for
from tests.support.pages import encode, page
from tests.support.rollouts import COMBINATIONS, EXISTING_BUCKET, EXISTING_TABLE
from triptych.stack import environment
from triptych.storage.results import Results

# Each test takes seconds on an idle machine, and minutes on a busy one.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("account")]

RETAINED = {
    "dynamodb TableNames": ("triptych-Records-",),
    "s3 Buckets": BUCKET_PREFIXES,
    "sqs QueueUrls": ("triptych-InboxQueue-",),
    "kms Keys": ("",),
}
"""Kinds of resources that are retained when the stack is deleted, and parts of their names."""

FAST_COMBINATIONS = ("defaults", "https-public-queue", "existing-bucket-queue-keys", "existing-vpc-endpoints-https")
"""Combinations in a test run without slow tests. Together they cover every kind of resource."""


def retained_kinds(parameters: dict[str, str]) -> set[str]:
    """Return the kinds of resources that a stack with these parameters leaves behind."""
    kinds = set() if parameters.get("ExistingTableName") else {"dynamodb TableNames"}
    kinds |= set() if parameters.get("ExistingBucketName") else {"s3 Buckets"}
    kinds |= {"s3 Buckets"} if parameters.get("Analytics") == "events" else set()
    kinds |= {"sqs QueueUrls"} if parameters.get("Ingest") == "queue" else set()
    kinds |= {"kms Keys"} if parameters.get("Encryption") == "customer-managed" else set()
    return kinds


@pytest.fixture(scope="module")
def network(account: Account) -> dict[str, str]:
    """A network that does not belong to the stack."""
    account.create_table(EXISTING_TABLE)
    return account.create_network()


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name in FAST_COMBINATIONS else pytest.mark.slow) for name in COMBINATIONS],
)
def test_stack_is_deployed_and_deleted_except_for_its_data(
    account: Account, packaged: str, network: dict[str, str], name: str
) -> None:
    parameters = {key: network.get(key, value) for key, value in COMBINATIONS[name].items()}
    before = account.resources()

    outputs = account.create_stack(packaged, parameters)

    created = added_resources(account.resources(), before)
    assert outputs["TableName"] in {EXISTING_TABLE, *created.get("dynamodb TableNames", ())}
    assert outputs["OrchestratorFunctionName"] in created["lambda Functions"]
    account.start_orchestrator(outputs["OrchestratorFunctionName"])

    account.delete_stack()

    retained = added_resources(account.resources(), before)
    assert set(retained) == retained_kinds(parameters)
    for kind, names in retained.items():
        assert all(any(part in name for part in RETAINED[kind]) for name in names), retained
    account.delete_retained()


@pytest.mark.parametrize("ingest", ["direct", "queue"])
def test_uploads_to_an_existing_bucket_reach_the_configured_ingest(
    account: Account, packaged: str, ingest: str
) -> None:
    """No model service runs in this account, so a record with the status FAILED shows that the event arrived."""
    outputs = account.create_stack(packaged, {"ExistingBucketName": EXISTING_BUCKET, "Ingest": ingest})
    try:
        assert outputs["InboxBucketName"] == EXISTING_BUCKET
        key = f"{ingest}/Größe 50% + Ä.png"
        account.client("s3").put_object(Bucket=EXISTING_BUCKET, Key=key, Body=encode(page(), "PNG"))
        if ingest == "queue":
            receive = account.client("sqs").receive_message
            [message] = wait_for(lambda: receive(QueueUrl=outputs["InboxQueueUrl"]).get("Messages"))
            assert json.loads(message["Body"])["detail"]["object"]["key"] == key
            return
        resource = environment.local_session().resource("dynamodb", endpoint_url=account.endpoint)
        results = Results(resource.Table(outputs["TableName"]))
        [record] = wait_for(lambda: results.history(f"{EXISTING_BUCKET}/{key}"))
        assert record.status is Status.FAILED
        assert record.upload.key == key
    finally:
        if ingest == "direct":
            account.sam_delete()
        else:
            account.delete_stack()
        account.delete_retained()
