"""Protects: the restore procedure of docs/restore.md, command by command, on a stack with records.

The emulator restores the present content of a table, whatever the time.
"""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from testkit.template import ROOT
from tests.support.account import Account, wait_for
from tests.support.pages import encode, page
from tests.support.shell_commands import commands_of, parse_aws
from triptych.preflight.clients import PreflightClients
from triptych.preflight.deployment import Deployment
from triptych.preflight.table import find_existing_table
from triptych.stack import environment
from triptych.storage.results import Results

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("account")]

PAGE = ROOT / "docs" / "restore.md"
RESTORED = "restored-records"
STEPS = ("restore-table-to-point-in-time", "wait", "update-continuous-backups", "update-table")
"""The operations of steps 2 and 3."""


def run_steps(account: Account, table: str) -> None:
    """Run the commands of steps 2 and 3 with the names of this account."""
    values = {"TABLE": table, "RESTORED": RESTORED, "TIME": datetime.now(UTC).isoformat()}
    documented = [words for words in commands_of(PAGE, "aws") if words[1] == "dynamodb"]
    for step in STEPS:
        words = next(words for words in documented if words[2] == step)
        call = parse_aws([values.get(word, word) for word in words])
        client = account.client(call.service)
        if call.operation.startswith("wait "):
            client.get_waiter(call.operation.removeprefix("wait ").replace("-", "_")).wait(**call.parameters)
        else:
            getattr(client, call.operation)(**call.parameters)


def records(account: Account, table: str) -> Results:
    resource = environment.local_session().resource("dynamodb", endpoint_url=account.endpoint)
    return Results(resource.Table(table))


def upload(account: Account, bucket: str, key: str) -> None:
    account.client("s3").put_object(Bucket=bucket, Key=key, Body=encode(page(), "PNG"))


def test_a_restored_table_keeps_its_records_and_receives_new_ones(account: Account, packaged: str) -> None:
    outputs = account.create_stack(packaged, {})
    bucket, table = outputs["InboxBucketName"], outputs["TableName"]
    try:
        upload(account, bucket, "before.png")
        [before] = wait_for(lambda: records(account, table).history(f"{bucket}/before.png"))

        run_steps(account, table)
        assert list(_findings(account)) == []
        attached = account.update_stack(packaged, {"ExistingTableName": RESTORED})
        assert attached["TableName"] == RESTORED

        upload(account, bucket, "after.png")
        restored = records(account, RESTORED)
        [after] = wait_for(lambda: restored.history(f"{bucket}/after.png"))
        assert after.upload.key == "after.png"
        assert [record.upload for record in restored.history(f"{bucket}/before.png")] == [before.upload]
        assert records(account, table).history(f"{bucket}/after.png") == []
        _classify_again(account, attached["OrchestratorFunctionName"], bucket, "before.png")
        assert len(restored.history(f"{bucket}/before.png")) == 1, "an upload has one record, also after a restore"
    finally:
        account.delete_stack()
        account.client("dynamodb").update_table(TableName=RESTORED, DeletionProtectionEnabled=False)
        account.delete_retained()


def _findings(account: Account) -> Any:
    clients = PreflightClients(environment.local_session(), account.endpoint)
    plan = Deployment("triptych", "us-east-1", "000000000000", "aws", {"ExistingTableName": RESTORED})
    return find_existing_table(clients.dynamodb, clients.kms, plan)


def _classify_again(account: Account, function: str, bucket: str, key: str) -> None:
    """Invoke the orchestrator as `triptych backfill` does."""
    [version] = account.client("s3").list_object_versions(Bucket=bucket, Prefix=key)["Versions"]
    job = {
        "invocationSchemaVersion": "2.0",
        "invocationId": "id",
        "job": {"id": "restore"},
        "tasks": [
            {
                "taskId": "task",
                "s3Key": key,
                "s3VersionId": version["VersionId"],
                "s3Bucket": bucket,
            }
        ],
    }
    account.client("lambda").invoke(FunctionName=function, Qualifier="live", Payload=json.dumps(job))
