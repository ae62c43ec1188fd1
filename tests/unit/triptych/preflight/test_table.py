"""Protects: a table that cannot hold records, or that the orchestrator could not use, is found."""

from typing import Any

from testkit.template import table_definition
from tests.unit.triptych.preflight.conftest import ACCOUNT
from triptych.preflight.clients import PreflightClients
from triptych.preflight.deployment import Deployment
from triptych.preflight.findings import Finding, Severity
from triptych.preflight.table import find_existing_table, find_wrong_schema

RECOVERY = {"PointInTimeRecoveryEnabled": True}


def findings(clients: PreflightClients, key: str = "") -> list[Finding]:
    parameters = {"ExistingTableName": "records", "ExistingTableKeyArn": key}
    plan = Deployment("triptych", "us-east-1", ACCOUNT, "aws", parameters)
    return list(find_existing_table(clients.dynamodb, clients.kms, plan))


def create_table(clients: PreflightClients, **encryption: Any) -> None:
    clients.dynamodb.create_table(**table_definition("records"), **encryption)
    clients.dynamodb.update_continuous_backups(TableName="records", PointInTimeRecoverySpecification=RECOVERY)  # type: ignore[arg-type]


def test_a_table_like_the_stacks_own_is_accepted(clients: PreflightClients) -> None:
    create_table(clients)
    assert findings(clients) == []


def test_a_missing_table_is_found(clients: PreflightClients) -> None:
    [finding] = findings(clients)
    assert finding.sentence == "The table records does not exist in us-east-1."


def test_a_restored_table_without_recovery_is_a_warning(clients: PreflightClients) -> None:
    create_table(clients)
    clients.dynamodb.restore_table_to_point_in_time(
        SourceTableName="records", TargetTableName="restored", UseLatestRestorableTime=True
    )
    plan = Deployment("triptych", "us-east-1", ACCOUNT, "aws", {"ExistingTableName": "restored"})
    [finding] = find_existing_table(clients.dynamodb, clients.kms, plan)
    assert finding.severity is Severity.WARNING
    assert "update-continuous-backups --table-name restored" in finding.remedy


def test_other_keys_missing_indexes_and_a_table_that_is_not_ready_are_found(clients: PreflightClients) -> None:
    create_table(clients)
    table = clients.dynamodb.describe_table(TableName="records")["Table"]
    table["TableStatus"] = "CREATING"
    table["KeySchema"] = [{"AttributeName": "id", "KeyType": "HASH"}]
    table["GlobalSecondaryIndexes"] = table["GlobalSecondaryIndexes"][:3]
    status, key, indexes = find_wrong_schema(table)
    assert "is CREATING" in status.sentence
    assert "has the key id instead of document and sequencer" in key.sentence
    assert "lacks the indexes by_review" in indexes.sentence


def test_the_key_of_the_table_has_to_be_given(clients: PreflightClients) -> None:
    key = clients.kms.create_key()["KeyMetadata"]["Arn"]
    create_table(clients, SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key})
    [finding] = findings(clients)
    assert finding.remedy == f"Set ExistingTableKeyArn={key}"
    assert findings(clients, key) == []
