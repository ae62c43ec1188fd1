"""The rollout itself: each combination of parameters is deployed and removed; an update in place keeps everything."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from records.record import Record, Status
from testkit.template import ROOT
from tests.support.account import Account, Holdings, difference, opened, waited_for
from tests.support.pages import encode, page
from tests.support.probe import client
from tests.support.rollouts import COMBINATIONS, THEIRS
from triptych.stack import Home, Stack, deployment, environment, fingerprints, services, start_stack
from triptych.stack.state import StackState
from triptych.storage import connection
from triptych.storage.results import Results

pytestmark = pytest.mark.timeout(900)  # seconds each on a quiet machine, minutes on one that is busy

RETAINED = {
    "dynamodb TableNames": "triptych-Records-",
    "s3 Buckets": "triptych-inbox-",
    "sqs QueueUrls": "triptych-InboxQueue-",
    "kms Keys": "",
}
"""What the template keeps when it is deleted, and how its name begins."""


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account of its own, IAM enforced, with the template built, and a bucket that was there before."""
    with opened(Home(tmp_path_factory.mktemp("account"))) as account:
        deployment.sam_build(account.home, fingerprints.deployment_fingerprint())
        s3 = account.client("s3")
        s3.create_bucket(Bucket=THEIRS)
        s3.put_bucket_notification_configuration(
            Bucket=THEIRS, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
        yield account


def forget(account: Account) -> None:
    """Delete what a deleted stack has left: a person decides that, and then its names are free again."""
    for table in account.client("dynamodb").list_tables()["TableNames"]:
        account.client("dynamodb").delete_table(TableName=table)
    for url in account.client("sqs").list_queues().get("QueueUrls", []):
        account.client("sqs").delete_queue(QueueUrl=url)
    s3 = account.client("s3")
    for bucket in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
        if bucket.startswith(RETAINED["s3 Buckets"]):
            for version in s3.list_object_versions(Bucket=bucket).get("Versions", []):
                s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
            s3.delete_bucket(Bucket=bucket)


def kept(given: dict[str, str]) -> set[str]:
    """Which kinds of things a stack with these parameters leaves behind."""
    left = {"dynamodb TableNames"}
    left |= set() if given.get("ExistingBucketName") else {"s3 Buckets"}
    left |= {"sqs QueueUrls"} if given.get("Ingest") == "queue" else set()
    left |= {"kms Keys"} if given.get("Encryption") == "customer-managed" else set()
    return left


@pytest.mark.parametrize("name", COMBINATIONS)
def test_it_comes_up_and_goes_and_leaves_only_what_it_should(account: Account, packaged: str, name: str) -> None:
    given = COMBINATIONS[name]
    before: Holdings = account.holdings()

    outputs = account.create(packaged, given)

    there = difference(account.holdings(), before)
    assert outputs["TableName"] in there["dynamodb TableNames"]
    assert outputs["OrchestratorFunctionName"] in there["lambda Functions"]
    answer = account.client("lambda").invoke(
        FunctionName=outputs["OrchestratorFunctionName"], Qualifier="live", Payload=json.dumps({"Records": []})
    )
    assert "FunctionError" not in answer, answer["Payload"].read()

    account.remove()

    left = difference(account.holdings(), before)
    assert set(left) == kept(given)
    for kind, names in left.items():
        assert all(RETAINED[kind] in name for name in names), left
    forget(account)


@pytest.mark.parametrize("ingest", ["direct", "queue"])
def test_uploads_to_a_bucket_that_was_there_find_their_way(account: Account, packaged: str, ingest: str) -> None:
    """No model service runs here, so the record says so; that there is one is what was to be shown."""
    outputs = account.create(packaged, {"ExistingBucketName": THEIRS, "Ingest": ingest})
    try:
        assert outputs["InboxBucketName"] == THEIRS
        key = f"{ingest}/Größe 50% + Ä.png"
        account.client("s3").put_object(Bucket=THEIRS, Key=key, Body=encode(page(), "PNG"))
        if ingest == "queue":
            receive = account.client("sqs").receive_message
            [message] = waited_for(lambda: receive(QueueUrl=outputs["InboxQueueUrl"]).get("Messages"))
            assert json.loads(message["Body"])["detail"]["object"]["key"] == key
            return
        table = (
            environment.local_session().resource("dynamodb", endpoint_url=account.endpoint).Table(outputs["TableName"])
        )
        [record] = waited_for(lambda: Results(table).history(f"{THEIRS}/{key}"))
        assert record.status is Status.FAILED
        assert record.upload.key == key
    finally:
        account.sam_delete()
        forget(account)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout like ours, to change things in, which the local stack takes for its own."""
    for name in ("template.yaml", "samconfig.toml"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("orchestrator", "image_build", "models"):
        shutil.copytree(ROOT / name, tmp_path / name, symlinks=True)
    (tmp_path / "model_service").symlink_to(ROOT / "model_service")
    for module in (deployment, fingerprints, services):
        monkeypatch.setattr(module, "REPOSITORY", tmp_path)
    return tmp_path


def put(key: str, size: int) -> Record:
    """Drop a page and wait for its record."""
    to = connection.connect_local()
    to.s3.put_object(Bucket=to.bucket, Key=key, Body=encode(page((size, size)), "PNG"))
    history = waited_for(lambda: Results(to.table).history(f"{to.bucket}/{key}"))
    assert isinstance(history[0], Record)
    return history[0]


def answer_of(stack: Stack) -> dict[str, Any]:
    """What the orchestrator says to an event that announces nothing."""
    call = client(stack, "lambda").invoke(FunctionName=stack.function, Qualifier="live", Payload='{"Records": []}')
    answer = json.loads(call["Payload"].read())
    assert isinstance(answer, dict)
    return answer


def test_an_update_in_place_keeps_every_record(stack: Stack, home: Home, checkout: Path) -> None:
    """A new handler, a new model for one version, and another ingest, one after the other on a stack in use."""
    try:
        assert not start_stack(home=home, ingest="direct").inbox_queue_url
        first = put("before.png", 300)
        assert first.status is Status.COMPLETE
        running = {name: server.process for name, server in StackState.load(home).services.items()}

        handler = checkout / "orchestrator" / "handler.py"
        told = handler.read_text().replace('return {"records": [', 'return {"release": "next", "records": [')
        assert told != handler.read_text()
        handler.write_text(told)
        updated = start_stack(home=home)
        assert answer_of(updated)["release"] == "next"
        assert (updated.bucket, updated.table, updated.dead_letter_queue_url) == (
            stack.bucket,
            stack.table,
            stack.dead_letter_queue_url,
        )
        second = put("after-handler.png", 301)

        new_model(checkout / "models", "v3", like="v2")
        start_stack(home=home)
        now = {name: server.process for name, server in StackState.load(home).services.items()}
        assert {name for name in now if now[name] != running[name]} == {"v3"}
        third = put("after-model.png", 302)
        assert third.status is Status.COMPLETE
        assert {name for name in digests(third) if digests(third)[name] != digests(second)[name]} == {"v3"}

        assert start_stack(home=home, ingest="queue").inbox_queue_url
        put("after-queue.png", 303)

        to = connection.connect_local()
        for record in (first, second, third):
            [found] = Results(to.table).history(record.upload.document)
            assert found.as_dict() == record.as_dict()
    finally:
        with pytest.MonkeyPatch.context() as patch:
            for module in (deployment, fingerprints, services):
                patch.setattr(module, "REPOSITORY", ROOT)
            assert "release" not in answer_of(start_stack(home=home, ingest="direct"))


def new_model(models: Path, version: str, *, like: str) -> None:
    """Put the weights of one version in another's place, as a training would put new ones there."""
    manifest = json.loads((models / like / "manifest.json").read_text())
    shutil.rmtree(models / version)
    shutil.copytree(models / like, models / version)
    (models / version / "manifest.json").write_text(json.dumps({**manifest, "version": version}))


def digests(record: Record) -> dict[str, str]:
    """Which weights each version answered with."""
    return {name: prediction.model_sha256 for name, prediction in record.answered().items()}
