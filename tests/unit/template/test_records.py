"""The table and what it is asked."""

from testkit.template import resource_of_type, rollout


def test_the_key_is_the_document_and_its_event() -> None:
    table = resource_of_type("AWS::DynamoDB::Table")
    assert table["KeySchema"] == [
        {"AttributeName": "document", "KeyType": "HASH"},
        {"AttributeName": "sequencer", "KeyType": "RANGE"},
    ]


def test_every_access_pattern_has_its_index_newest_first() -> None:
    table = resource_of_type("AWS::DynamoDB::Table")
    indexes = {index["IndexName"]: index for index in table["GlobalSecondaryIndexes"]}
    assert set(indexes) == {"by_time", "by_label", "by_status", "by_review"}
    for name, index in indexes.items():
        shard = name.removeprefix("by_") + "_shard"
        assert [part["AttributeName"] for part in index["KeySchema"]] == [shard, "event_time"], name
        assert index["Projection"] == {"ProjectionType": "ALL"}, name


def test_they_are_kept_and_can_be_restored() -> None:
    table = resource_of_type("AWS::DynamoDB::Table")
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"


def test_what_a_person_would_miss_outlives_the_stack_and_nothing_else_does() -> None:
    """A table without its key is lost as well. On a failed first deployment nothing of it stays in the way."""
    everything = rollout(Ingest="queue", Encryption="customer-managed").resources
    kept = {name for name, body in everything.items() if "DeletionPolicy" in body}
    assert kept == {"Records", "Inbox", "InboxQueue", "Key"}
    assert {everything[name]["DeletionPolicy"] for name in kept} == {"RetainExceptOnCreate"}
    assert {everything[name]["UpdateReplacePolicy"] for name in kept} == {"Retain"}
