"""Changes of parameters on a live stack: records are kept, and the orchestrator responds after each of them.

What AWS would refuse is computed in tests/unit/template/test_updates.py, because the emulator refuses nothing.
"""

from collections.abc import Mapping

import pytest

from tests.support.account import Account
from tests.support.rollouts import CERTIFICATE

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("account")]

HTTPS = {"CertificateArn": CERTIFICATE, "ModelDomain": "models.example.com"}
KEY = {"Encryption": "customer-managed"}
SPOT = {"ModelSpot": "extra"}
BY_ADDRESS = {"DocumentTransfer": "address"}

UPDATES: dict[str, list[Mapping[str, str]]] = {
    "HTTPS on and off": [{}, HTTPS, {}],
    "key on and off": [{"Ingest": "queue"}, {**KEY, "Ingest": "queue"}, {"Ingest": "queue"}],
    "Spot on, more tasks, and off": [{}, SPOT, {**SPOT, "MinModelTasks": "2"}, {}],
    "snapshots on and off": [{}, {"SnapStart": "orchestrator"}, {}],
    "ingest": [{}, {"Ingest": "queue"}, {}],
    "events and retention": [{}, {"Results": "events", "DocumentDays": "365", "RecordDays": "730"}, {}],
    "hosting": [{}, {"ModelHosting": "single"}, {"ModelHosting": "lambda"}, {}],
    "documents by address": [{}, BY_ADDRESS, {**BY_ADDRESS, "ModelHosting": "single"}, {}],
    "Athena": [{}, {"Analytics": "events"}, {}, {"Analytics": "events"}],
    "network, shell and tracing": [{}, {"Network": "public"}, {"ExecuteCommand": "enabled", "Tracing": "active"}],
}
"""Parameters of successive deployments."""

FAST = ("HTTPS on and off", "key on and off")

RECORD = {"document": {"S": "inbox/kept.png"}, "sequencer": {"S": "0055"}, "label": {"S": "invoice"}}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in UPDATES]
)
def test_record_survives_changes_of_parameters(account: Account, packaged: str, name: str) -> None:
    first, *others = UPDATES[name]
    dynamodb = account.client("dynamodb")
    outputs = account.create_stack(packaged, first)
    try:
        dynamodb.put_item(TableName=outputs["TableName"], Item=RECORD)
        for parameters in others:
            updated = account.update_stack(packaged, parameters)
            assert {key: updated[key] for key in ("TableName", "InboxBucketName", "OrchestratorFunctionName")} == {
                key: outputs[key] for key in ("TableName", "InboxBucketName", "OrchestratorFunctionName")
            }
            account.start_orchestrator(updated["OrchestratorFunctionName"])
            [item] = dynamodb.scan(TableName=updated["TableName"])["Items"]
            assert item == RECORD
    finally:
        account.delete_stack()
        account.delete_retained()
