"""The table, its indexes, and what is retained with the stack's data."""

import pytest

from testkit.template import Rollout, resource_of_type, rollout


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


def resources_of(stack: Rollout, sid: str) -> list[str]:
    """Return the resources of a policy statement, as texts."""
    [found] = [statement for _, statement in stack.statements() if statement.get("Sid") == sid]
    return [str(found["Resource"])]


class TestExistingTable:
    """ExistingTableName: a table that was restored, or left by a deleted stack."""

    STACK = rollout(ExistingTableName="restored")

    def test_stack_creates_no_table(self) -> None:
        assert not self.STACK.of_type("AWS::DynamoDB::Table")

    def test_orchestrator_and_outputs_name_the_table(self) -> None:
        assert self.STACK["Orchestrator"]["Environment"]["Variables"]["TABLE_NAME"] == "restored"
        assert self.STACK.outputs["TableName"]["Value"] == "restored"

    @pytest.mark.parametrize("sid", ["ReadAndWriteRecords", "DenyPolicyWrites"])
    def test_permissions_cover_this_table_only(self, sid: str) -> None:
        [allowed] = resources_of(self.STACK, sid)
        assert allowed.endswith("table/restored'}")

    def test_endpoint_reaches_this_table(self) -> None:
        [statement] = self.STACK["DynamoDBEndpoint"]["PolicyDocument"]["Statement"]
        assert str(statement["Resource"]).endswith("table/restored'}")

    def test_key_of_the_table_can_be_used(self) -> None:
        key = "arn:aws:kms:us-east-1:000000000000:key/theirs"
        stack = rollout(ExistingTableName="restored", ExistingTableKeyArn=key)
        assert resources_of(stack, "UseKeyOfExistingTable") == [key]


def test_table_and_load_balancer_can_be_protected_from_deletion() -> None:
    for choice, protected in (("disabled", False), ("enabled", True)):
        stack = rollout(DeletionProtection=choice)
        assert stack["Records"]["DeletionProtectionEnabled"] is protected
        attributes = {pair["Key"]: pair["Value"] for pair in stack["LoadBalancer"]["LoadBalancerAttributes"]}
        assert attributes["deletion_protection.enabled"] == str(protected).lower()
