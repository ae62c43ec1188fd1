"""Analytics=events: what exists with it, who may do what, and that its tables have the columns of an export."""

import json
from typing import Any

import pyarrow as pa
import pytest

from records.rows import KEY_COLUMNS
from testkit.template import ROOT, rollout
from triptych.tables.schemas import REVISIONS, SCHEMAS

ANALYTICS = rollout(Analytics="events")
ADDED = {
    "AnalyticsBucket", "AnalyticsBucketPolicy", "AnalyticsDatabase", "AnalyticsLabels", "AnalyticsLogs",
    "AnalyticsLogStream", "AnalyticsPredictions", "AnalyticsRecords", "AnalyticsRevisions", "AnalyticsStream",
    "AnalyticsStreamRole", "AnalyticsWorkGroup", "LateAnalyticsFiles", "LateAnalyticsRows", "RowSender",
    "RowSenderLogs", "RowSenderRole", "RowSenderSource", "UnconvertedAnalyticsRows", "UnsentAnalyticsRows",
    "UnsentRows", "UnsentRowsPolicy",
}  # fmt: skip

HIVE = {
    pa.string(): "string",
    pa.int32(): "int",
    pa.int64(): "bigint",
    pa.float64(): "double",
    pa.bool_(): "boolean",
    pa.timestamp("ms", tz="UTC"): "timestamp",
}
"""Types of Glue by the types of an export."""

TRINO = {"string": "varchar", "int": "integer", "timestamp": "timestamp(3)"}
"""Names of types in Athena that differ from those of Glue."""

VIEWS = {"records": "AnalyticsRecords", "predictions": "AnalyticsPredictions", "labels": "AnalyticsLabels"}


def exported_columns(table: str) -> dict[str, str]:
    """Return the columns of a table of `triptych export`, with Glue's types."""
    return {field.name: HIVE[field.type] for field in SCHEMAS[table]}


def glue_columns(resource: str) -> dict[str, str]:
    columns = ANALYTICS[resource]["TableInput"]["StorageDescriptor"]["Columns"]
    return {column["Name"]: column["Type"] for column in columns}


def definition_of(view: str) -> dict[str, Any]:
    """Return what Athena reads from the text of a view, with the name of the database in it."""
    text, values = ANALYTICS[view]["TableInput"]["ViewOriginalText"]["Sub"]
    assert text == "/* Presto View: ${View} */"
    content: dict[str, Any] = json.loads(values["View"]["Base64"]["Fn::Sub"])
    return content


def statements(role: str, **parameters: str) -> dict[str, dict[str, Any]]:
    policies = rollout(Analytics="events", **parameters)[role]["Policies"]
    return {statement["Sid"]: statement for statement in policies[0]["PolicyDocument"]["Statement"]}


def test_resources_exist_with_analytics_only() -> None:
    assert ANALYTICS.resources.keys() - rollout().resources.keys() == ADDED


def test_table_has_a_stream_with_analytics() -> None:
    assert ANALYTICS["Records"]["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}


def test_a_row_contains_the_columns_of_all_exported_tables() -> None:
    nested = {
        table: "array<struct<{}>>".format(
            ",".join(f"{name}:{kind}" for name, kind in exported_columns(table).items() if name not in KEY_COLUMNS)
        )
        for table in ("predictions", "labels")
    }
    assert glue_columns("AnalyticsRevisions") == exported_columns("records") | nested


@pytest.mark.parametrize("table", VIEWS)
def test_a_view_has_the_columns_of_the_exported_table_and_the_day(table: str) -> None:
    expected = exported_columns(table) | {"day": "date"}
    assert glue_columns(VIEWS[table]) == expected
    in_athena = [{"name": name, "type": TRINO.get(kind, kind)} for name, kind in expected.items()]
    assert definition_of(VIEWS[table])["columns"] == in_athena


@pytest.mark.parametrize("table", VIEWS)
def test_a_view_is_one_that_athena_recognises(table: str) -> None:
    content = ANALYTICS[VIEWS[table]]["TableInput"]
    assert (content["Name"], content["TableType"]) == (table, "VIRTUAL_VIEW")
    assert content["Parameters"] == {"presto_view": "true", "comment": "Presto View"}
    assert content["ViewExpandedText"] == "/* Presto View */"
    assert definition_of(VIEWS[table])["catalog"] == "awsdatacatalog"


def test_export_for_athena_writes_the_columns_of_the_table() -> None:
    def hive(kind: pa.DataType) -> str:
        if isinstance(kind, pa.ListType):
            return f"array<{hive(kind.value_type)}>"
        if isinstance(kind, pa.StructType):
            return f"struct<{','.join(f'{field.name}:{hive(field.type)}' for field in kind)}>"
        return HIVE[kind]

    assert {field.name: hive(field.type) for field in REVISIONS} == glue_columns("AnalyticsRevisions")


def test_columns_that_events_have_as_well_have_the_same_meaning() -> None:
    """A field of a result event is a column of the same name, or part of one that a row has under another name."""
    schema = json.loads((ROOT / "docs" / "result-event.schema.json").read_text())["properties"]
    columns = glue_columns("AnalyticsRevisions")
    elsewhere = {"id", "stack", "final", "review", "reason"}  # made of other columns, or the same for all rows
    assert set(schema) - elsewhere <= set(columns)
    types = {
        "string": {"string", "timestamp"},
        "integer": {"int", "bigint"},
        "number": {"double"},
        "boolean": {"boolean"},
    }
    for name in set(schema) - elsewhere - {"predictions", "review_reasons"}:
        assert columns[name] in types[schema[name].get("type", "string")], name


def test_partitions_need_no_registration() -> None:
    table = ANALYTICS["AnalyticsRevisions"]["TableInput"]
    assert table["PartitionKeys"] == [{"Name": "arrived", "Type": "date"}]
    assert table["Parameters"]["projection.arrived.format"] == "yyyy-MM-dd"
    folder = ANALYTICS["AnalyticsStream"]["ExtendedS3DestinationConfiguration"]["Prefix"]
    assert folder == "revisions/arrived=!{timestamp:yyyy-MM-dd}/"
    template = table["Parameters"]["storage.location.template"]["Sub"]
    assert template == "s3://${AnalyticsBucket}/revisions/arrived=${!arrived}/"


def test_a_row_is_in_its_file_within_15_minutes() -> None:
    hints = ANALYTICS["AnalyticsStream"]["ExtendedS3DestinationConfiguration"]["BufferingHints"]
    waiting = ANALYTICS["RowSenderSource"]["MaximumBatchingWindowInSeconds"] + hints["IntervalInSeconds"]
    assert waiting <= 15 * 60 - 120, "two minutes are left for the conversion and the upload"
    assert ANALYTICS["LateAnalyticsFiles"]["Threshold"] == 15 * 60


def test_row_sender_may_read_the_stream_and_send_rows_and_nothing_else() -> None:
    allowed = {sid: statement["Action"] for sid, statement in statements("RowSenderRole").items()}
    assert allowed == {
        "ReadStream": ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"],
        "SendRows": "firehose:PutRecordBatch",
        "KeepUnsentRows": "sqs:SendMessage",
        "WriteLogs": ["logs:CreateLogStream", "logs:PutLogEvents"],
    }


def test_firehose_may_write_rows_and_errors_and_read_the_columns_and_nothing_else() -> None:
    found = statements("AnalyticsStreamRole")
    assert set(found) == {"WriteFiles", "FindBucket", "ReadColumns", "WriteLogs"}
    assert found["WriteFiles"]["Resource"] == [
        {"Sub": "${AnalyticsBucket.Arn}/revisions/*"},
        {"Sub": "${AnalyticsBucket.Arn}/errors/*"},
    ]
    assert "UseKey" in statements("AnalyticsStreamRole", Encryption="customer-managed")


@pytest.mark.parametrize("role", ["RowSenderRole", "AnalyticsStreamRole"])
def test_no_statement_covers_every_resource(role: str) -> None:
    for statement in statements(role, Encryption="customer-managed").values():
        assert statement["Resource"] != "*", statement["Sid"]


def test_bucket_is_private_and_retained() -> None:
    bucket = ANALYTICS["AnalyticsBucket"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert ANALYTICS.resources["AnalyticsBucket"]["DeletionPolicy"] == "RetainExceptOnCreate"
    assert "BucketName" not in bucket, "a retained bucket with a fixed name would prevent the next start of Analytics"


def test_rows_expire_with_the_records() -> None:
    def expiring(**parameters: str) -> dict[str, Any]:
        rules = rollout(Analytics="events", **parameters)["AnalyticsBucket"]["LifecycleConfiguration"]["Rules"]
        return {rule["Prefix"]: rule["ExpirationInDays"] for rule in rules if "Prefix" in rule}

    assert expiring() == {"query-results/": 7, "errors/": 30}
    assert expiring(RecordDays="730") == {"query-results/": 7, "errors/": 30, "revisions/": "730"}


def test_everything_is_encrypted_with_the_stacks_key_if_it_has_one() -> None:
    stack = rollout(Analytics="events", Encryption="customer-managed")
    key = {"GetAtt": "Key.Arn"}
    rules = stack["AnalyticsBucket"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rules[0]["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    results = stack["AnalyticsWorkGroup"]["WorkGroupConfiguration"]["ResultConfiguration"]
    assert results["EncryptionConfiguration"] == {"EncryptionOption": "SSE_KMS", "KmsKey": key}
    assert stack["AnalyticsStream"]["DeliveryStreamEncryptionConfigurationInput"] == {
        "KeyType": "CUSTOMER_MANAGED_CMK",
        "KeyARN": key,
    }


def test_queries_cannot_write_elsewhere() -> None:
    assert ANALYTICS["AnalyticsWorkGroup"]["WorkGroupConfiguration"]["EnforceWorkGroupConfiguration"] is True
