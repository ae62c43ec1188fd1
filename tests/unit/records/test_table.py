"""Protects: concurrent writers never overwrite each other, and records are in the indexes of the template."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from boto3.dynamodb.conditions import Key
from botocore.stub import Stubber

from records.errors import RecordConflict, RecordsUnavailable
from records.keys import shard_key, shard_of
from records.reviews import Queue, Review
from records.table import EXPIRY, PolicyTable, RecordTable
from tests.support.uploads import NOON, model_failure, policy, prediction, record, upload

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

PARTIAL = record({"v1": prediction(), "v2": model_failure(), "v3": prediction()})
DISPUTED = record({"v1": prediction(), "v2": model_failure(), "v3": prediction("receipt")})


def test_saved_record_is_found(table: "Table") -> None:
    records = RecordTable(table)
    records.save(PARTIAL, replacing=None)
    found = records.find(PARTIAL.upload)
    assert found is not None
    assert found.as_dict() == PARTIAL.as_dict()


def test_missing_record_is_not_found(table: "Table") -> None:
    assert RecordTable(table).find(upload()) is None


def test_second_first_write_conflicts_and_changes_nothing(table: "Table") -> None:
    records = RecordTable(table)
    records.save(PARTIAL, replacing=None)
    with pytest.raises(RecordConflict):
        records.save(record({"v1": prediction("receipt")}), replacing=None)
    found = records.find(PARTIAL.upload)
    assert found is not None
    assert found.as_dict() == PARTIAL.as_dict()


def test_write_over_an_outdated_revision_conflicts(table: "Table") -> None:
    records = RecordTable(table)
    records.save(PARTIAL, replacing=None)
    records.save(PARTIAL.next_revision(PARTIAL), replacing=PARTIAL)
    with pytest.raises(RecordConflict):
        records.save(DISPUTED.next_revision(PARTIAL), replacing=PARTIAL)


def test_write_that_the_sdk_repeats_after_a_lost_answer_is_not_a_conflict(table: "Table") -> None:
    records = RecordTable(table)
    for _ in range(2):
        records.save(PARTIAL, replacing=None)
    for _ in range(2):
        records.save(DISPUTED.next_revision(PARTIAL), replacing=PARTIAL)
    found = records.find(PARTIAL.upload)
    assert found is not None
    assert found.revision == 2


def test_promotion_that_the_sdk_repeats_after_a_lost_answer_is_not_a_conflict(table: "Table") -> None:
    policies = PolicyTable(table)
    for _ in range(2):
        policies.add(policy(1))
    with pytest.raises(RecordConflict):
        policies.add(policy(1, why="another reason"))


def test_uploads_under_one_key_are_separate_records_in_order(table: "Table") -> None:
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
def test_record_is_in_each_index_of_the_template(table: "Table", index: str, attribute: str, value: str) -> None:
    RecordTable(table).save(DISPUTED, replacing=None)
    wanted = Key(attribute).eq(shard_key(value, shard_of(DISPUTED.upload.document)))
    assert table.query(IndexName=index, KeyConditionExpression=wanted)["Count"] == 1


def test_record_without_a_queue_is_not_in_the_review_index(table: "Table") -> None:
    RecordTable(table).save(PARTIAL, replacing=None)
    assert table.scan(IndexName="by_time")["Count"] == 1
    assert table.scan(IndexName="by_review")["Count"] == 0


@pytest.mark.parametrize(
    ("stored", "repeated"),
    [
        ({"version_id": "one", "backfilled": True}, {"version_id": "one"}),
        ({"version_id": "one"}, {"version_id": "one", "backfilled": True}),
        ({"etag": "abc"}, {"etag": "abc", "backfilled": True}),
    ],
)
def test_same_upload_is_found_under_another_sequencer(
    table: "Table", stored: dict[str, Any], repeated: dict[str, Any]
) -> None:
    records = RecordTable(table)
    first = record({"v1": prediction()}, of=upload(**stored))
    records.save(first, replacing=None)
    again = upload(**{**repeated, "sequencer": "00AA"})
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
def test_throttled_table_is_unavailable_without_a_conflict(
    operation: str, use: Callable[[RecordTable], object]
) -> None:
    resource = boto3.resource("dynamodb", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(resource.meta.client) as stub:
        stub.add_client_error(operation, service_error_code="ProvisionedThroughputExceededException")
        with pytest.raises(RecordsUnavailable):
            use(RecordTable(resource.Table("records")))


class TestExpiry:
    """With a retention, DynamoDB deletes records some time after their last write, but never a label."""

    KEEP = timedelta(days=30)

    def expiry(self, table: "Table") -> int | None:
        [item] = table.scan()["Items"]
        return int(item[EXPIRY]) if EXPIRY in item else None  # type: ignore[arg-type]

    def test_record_without_a_retention_never_expires(self, table: "Table") -> None:
        RecordTable(table).save(PARTIAL, replacing=None)
        assert self.expiry(table) is None

    def test_record_expires_after_its_last_write(self, table: "Table") -> None:
        RecordTable(table, keep=self.KEEP).save(PARTIAL, replacing=None)
        assert self.expiry(table) == (NOON + self.KEEP).timestamp()
        later = replace(PARTIAL, classified_at=NOON + timedelta(days=1), revision=2)
        RecordTable(table, keep=self.KEEP).save(later, replacing=PARTIAL)
        assert self.expiry(table) == (NOON + timedelta(days=31)).timestamp()

    def test_labelled_record_never_expires(self, table: "Table") -> None:
        RecordTable(table, keep=self.KEEP).save(PARTIAL, replacing=None)
        labelled = replace(PARTIAL, review=Review("invoice", "ada", NOON, Queue.OTHER), revision=2)
        RecordTable(table).save(labelled, replacing=PARTIAL)  # commands know no retention
        assert self.expiry(table) is None
        RecordTable(table, keep=self.KEEP).save(replace(labelled, revision=3), replacing=labelled)
        assert self.expiry(table) is None
