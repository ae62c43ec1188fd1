"""Protects: two writers of one record never lose what either of them knows, and the rolled-out keys hold records."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from boto3.dynamodb.conditions import Key
from botocore.stub import Stubber

from records.errors import RecordConflict, RecordsUnavailable
from records.keys import shard_key, shard_of
from records.table import RecordTable
from tests.support.uploads import model_failure, prediction, record, upload

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

PARTIAL = record({"v1": prediction(), "v2": model_failure(), "v3": prediction()})
DISPUTED = record({"v1": prediction(), "v2": model_failure(), "v3": prediction("receipt")})


def test_what_was_saved_is_found(table: "Table") -> None:
    records = RecordTable(table)
    records.save(PARTIAL, replacing=None)
    found = records.find(PARTIAL.upload)
    assert found is not None
    assert found.as_dict() == PARTIAL.as_dict()


def test_nothing_is_found_where_nothing_was_saved(table: "Table") -> None:
    assert RecordTable(table).find(upload()) is None


def test_a_second_first_write_conflicts_and_changes_nothing(table: "Table") -> None:
    records = RecordTable(table)
    records.save(PARTIAL, replacing=None)
    with pytest.raises(RecordConflict):
        records.save(record({"v1": prediction("receipt")}), replacing=None)
    found = records.find(PARTIAL.upload)
    assert found is not None
    assert found.as_dict() == PARTIAL.as_dict()


def test_a_write_over_a_revision_that_is_gone_conflicts(table: "Table") -> None:
    records = RecordTable(table)
    records.save(PARTIAL, replacing=None)
    records.save(PARTIAL.next_revision(PARTIAL), replacing=PARTIAL)
    with pytest.raises(RecordConflict):
        records.save(PARTIAL.next_revision(PARTIAL), replacing=PARTIAL)


def test_two_uploads_of_one_name_are_two_records_the_later_one_last(table: "Table") -> None:
    records = RecordTable(table)
    for sequencer in ("00B", "00A1"):
        records.save(record({"v1": prediction()}, of=upload(sequencer=sequencer)), replacing=None)
    found = table.query(KeyConditionExpression=Key("document").eq(upload().document))["Items"]
    assert [str(item["sequencer"]).rstrip("0") for item in found] == ["00A1", "00B"]


@pytest.mark.parametrize(
    ("index", "attribute", "value"),
    [
        ("by_time", "time_shard", "all"),
        ("by_label", "label_shard", "invoice"),
        ("by_status", "status_shard", "PARTIAL"),
        ("by_review", "review_shard", "review"),
    ],
)
def test_a_record_stands_in_each_index_of_the_template(table: "Table", index: str, attribute: str, value: str) -> None:
    RecordTable(table).save(DISPUTED, replacing=None)
    wanted = Key(attribute).eq(shard_key(value, shard_of(DISPUTED.upload.document)))
    assert table.query(IndexName=index, KeyConditionExpression=wanted)["Count"] == 1


def test_a_record_that_nobody_is_to_look_at_does_not_stand_among_those_to_review(table: "Table") -> None:
    RecordTable(table).save(PARTIAL, replacing=None)
    assert table.scan(IndexName="by_time")["Count"] == 1
    assert table.scan(IndexName="by_review")["Count"] == 0


@pytest.mark.parametrize(
    ("known", "met_again"),
    [
        ({"version_id": "one", "backfilled": True}, {"version_id": "one"}),
        ({"version_id": "one"}, {"version_id": "one", "backfilled": True}),
        ({"etag": "abc"}, {"etag": "abc", "backfilled": True}),
    ],
)
def test_the_same_upload_is_found_under_another_sequencer(
    table: "Table", known: dict[str, Any], met_again: dict[str, Any]
) -> None:
    records = RecordTable(table)
    first = record({"v1": prediction()}, of=upload(**known))
    records.save(first, replacing=None)
    again = upload(**{**met_again, "sequencer": "00AA"})
    assert records.find(again) is None
    found = records.find_same(again)
    assert found is not None
    assert found.upload == replace(first.upload, sequencer=first.upload.sort_key)
    assert records.find_same(replace(again, version_id="two", etag="def")) is None


@pytest.mark.parametrize(
    ("operation", "use"),
    [
        ("get_item", lambda records: records.find(upload())),
        ("query", lambda records: records.find_same(upload())),
        ("put_item", lambda records: records.save(PARTIAL, replacing=None)),
    ],
)
def test_a_throttled_table_is_unavailable_and_no_conflict(operation: str, use: Callable[[RecordTable], object]) -> None:
    resource = boto3.resource("dynamodb", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(resource.meta.client) as stub:
        stub.add_client_error(operation, service_error_code="ProvisionedThroughputExceededException")
        with pytest.raises(RecordsUnavailable):
            use(RecordTable(resource.Table("records")))
