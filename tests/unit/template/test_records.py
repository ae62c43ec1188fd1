"""The table, its indexes, and what is retained with the stack's data."""

from testkit.template import resource_of_type, rollout


def test_table_key_is_document_and_sequencer() -> None:
    table = resource_of_type("AWS::DynamoDB::Table")
    assert table["KeySchema"] == [
        {"AttributeName": "document", "KeyType": "HASH"},
        {"AttributeName": "sequencer", "KeyType": "RANGE"},
    ]


def test_every_index_has_a_shard_and_the_event_time() -> None:
    table = resource_of_type("AWS::DynamoDB::Table")
    indexes = {index["IndexName"]: index for index in table["GlobalSecondaryIndexes"]}
    assert set(indexes) == {"by_time", "by_label", "by_status", "by_review"}
    for name, index in indexes.items():
        shard = name.removeprefix("by_") + "_shard"
        assert [part["AttributeName"] for part in index["KeySchema"]] == [shard, "event_time"], name
        assert index["Projection"] == {"ProjectionType": "ALL"}, name


def test_table_has_point_in_time_recovery_and_on_demand_billing() -> None:
    table = resource_of_type("AWS::DynamoDB::Table")
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"


def test_only_data_and_its_key_are_retained_when_the_stack_is_deleted() -> None:
    """A table is lost without its key. After a failed first deployment, nothing is retained."""
    resources = rollout(Ingest="queue", Encryption="customer-managed").resources
    retained = {name for name, body in resources.items() if body.get("DeletionPolicy", "Delete") != "Delete"}
    assert retained == {"Records", "Inbox", "InboxQueue", "Key"}
    assert {resources[name]["DeletionPolicy"] for name in retained} == {"RetainExceptOnCreate"}
    assert {resources[name]["UpdateReplacePolicy"] for name in retained} == {"Retain"}
