"""The check of an existing table of records."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from triptych.preflight.deployment import Deployment
from triptych.preflight.findings import Finding, Findings, warning

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import KeySchemaElementTypeDef, TableDescriptionTypeDef
    from mypy_boto3_kms.client import KMSClient

TABLE_KEYS: Final = ("document", "sequencer")
TABLE_INDEXES: Final[Mapping[str, tuple[str, str]]] = {
    "by_time": ("time_shard", "event_time"),
    "by_label": ("label_shard", "event_time"),
    "by_status": ("status_shard", "event_time"),
    "by_review": ("review_shard", "event_time"),
}
"""Partition and sort key of each index."""


def find_existing_table(dynamodb: "DynamoDBClient", kms: "KMSClient", deployment: Deployment) -> Findings:
    """Yield what an existing table lacks to hold records."""
    name = deployment["ExistingTableName"]
    if not name:
        return
    try:
        table = dynamodb.describe_table(TableName=name)["Table"]
    except ClientError as error:
        if error.response["Error"].get("Code") != "ResourceNotFoundException":
            raise
        yield Finding(
            f"The table {name} does not exist in {deployment.region}.",
            "Correct ExistingTableName, or leave it empty.",
        )
        return
    yield from find_wrong_schema(table)
    yield from _find_table_key(table, kms, deployment)
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    recovery = backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus")
    if recovery != "ENABLED":
        yield warning(
            f"The table {name} has no point-in-time recovery; a restored table starts without it.",
            f"aws dynamodb update-continuous-backups --table-name {name} --region {deployment.region} "
            "--point-in-time-recovery-specification PointInTimeRecoveryEnabled=true",
        )


def find_wrong_schema(table: "TableDescriptionTypeDef") -> Findings:
    """Yield whether the table is ready, and which keys and indexes it lacks."""
    name = table["TableName"]
    if table["TableStatus"] != "ACTIVE":
        yield Finding(
            f"The table {name} is {table['TableStatus']}.",
            f"Wait for it: aws dynamodb wait table-exists --table-name {name}",
        )
    if _names(table["KeySchema"]) != TABLE_KEYS:
        yield Finding(
            f"The table {name} has the key {' and '.join(_names(table['KeySchema']))} instead of "
            f"{' and '.join(TABLE_KEYS)}, so it is not a table of records.",
            "Correct ExistingTableName, or leave it empty.",
        )
    found = {index["IndexName"]: _names(index["KeySchema"]) for index in table.get("GlobalSecondaryIndexes", [])}
    missing = [index for index, keys in TABLE_INDEXES.items() if found.get(index) != keys]
    if missing:
        yield Finding(
            f"The table {name} lacks the indexes {', '.join(missing)}.",
            "Restore it again with all indexes (docs/restore.md).",
        )


def _names(keys: "list[KeySchemaElementTypeDef]") -> tuple[str, ...]:
    """Return the names of a partition key and a sort key, in this order."""
    return tuple(key["AttributeName"] for key in sorted(keys, key=lambda key: key["KeyType"]))


def _find_table_key(table: "TableDescriptionTypeDef", kms: "KMSClient", deployment: Deployment) -> Findings:
    """Yield a finding if the orchestrator could not use the customer-managed key of the table."""
    arn = table.get("SSEDescription", {}).get("KMSMasterKeyArn")
    given = deployment["ExistingTableKeyArn"]
    if not arn or arn == given or kms.describe_key(KeyId=arn)["KeyMetadata"].get("KeyManager") == "AWS":
        return
    found = f"ExistingTableKeyArn is {given}" if given else "ExistingTableKeyArn is empty"
    yield Finding(
        f"The table {table['TableName']} is encrypted with the key {arn}, but {found}, so no record could be written.",
        f"Set ExistingTableKeyArn={arn}",
    )
