"""Results=events: the publisher, what it may do, and that nothing of it exists otherwise."""

from testkit.template import rollout

EVENTS = rollout(Results="events")
ADDED = {
    "LateResultEvents", "Publisher", "PublisherLogs", "PublisherRole", "PublisherSource", "UnsentResultEvents",
    "UnsentResults", "UnsentResultsPolicy",
}  # fmt: skip


def allowed(stack_parameters: dict[str, str]) -> dict[str, list[str]]:
    """Return the actions of the publisher's role by statement."""
    role = rollout(**stack_parameters)["PublisherRole"]
    statements = role["Policies"][0]["PolicyDocument"]["Statement"]
    return {each["Sid"]: [each["Action"]] if isinstance(each["Action"], str) else each["Action"] for each in statements}


def test_resources_exist_with_events_only() -> None:
    assert EVENTS.resources.keys() - rollout().resources.keys() == ADDED


def test_only_events_and_the_local_stack_have_a_stream() -> None:
    assert "StreamSpecification" not in rollout()["Records"]
    for stack in (EVENTS, rollout(LocalEndpoint="http://127.0.0.1:4566")):
        assert stack["Records"]["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}


def test_publisher_may_read_the_stream_and_send_and_nothing_else() -> None:
    expected = {
        "ReadStream": ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"],
        "SendEvents": ["events:PutEvents"],
        "KeepUnsentEvents": ["sqs:SendMessage"],
        "WriteLogs": ["logs:CreateLogStream", "logs:PutLogEvents"],
    }
    assert allowed({"Results": "events"}) == expected
    with_key = allowed({"Results": "events", "Encryption": "customer-managed"})
    assert with_key == expected | {"UseKey": ["kms:Decrypt", "kms:GenerateDataKey"]}


def test_no_statement_covers_every_resource() -> None:
    role = EVENTS["PublisherRole"]
    assert all(each["Resource"] != "*" for each in role["Policies"][0]["PolicyDocument"]["Statement"])


def test_changes_are_retried_as_long_as_the_stream_keeps_them() -> None:
    source = EVENTS["PublisherSource"]
    assert source["StartingPosition"] == "TRIM_HORIZON", "what is written during the deployment is published"
    assert source["MaximumRecordAgeInSeconds"] == 24 * 60 * 60
    assert "MaximumRetryAttempts" not in source
    assert source["DestinationConfig"]["OnFailure"]["Destination"] == {"GetAtt": "UnsentResults.Arn"}


def test_existing_table_is_read_through_its_stream() -> None:
    arn = "arn:aws:dynamodb:us-east-1:000000000000:table/restored/stream/2026-11-01T00:00:00.000"
    stack = rollout(Results="events", ExistingTableName="restored", ExistingTableStreamArn=arn)
    assert stack["PublisherSource"]["EventSourceArn"] == arn


def test_retention_is_off_by_default() -> None:
    stack = rollout()
    assert "TimeToLiveSpecification" not in stack["Records"]
    assert [rule["Id"] for rule in stack["Inbox"]["LifecycleConfiguration"]["Rules"]] == ["expire-replaced-documents"]


def test_retention_of_documents_and_records() -> None:
    stack = rollout(DocumentDays="365", RecordDays="730")
    [_, rule] = stack["Inbox"]["LifecycleConfiguration"]["Rules"]
    assert (rule["Status"], rule["ExpirationInDays"]) == ("Enabled", "365")
    assert stack["Records"]["TimeToLiveSpecification"] == {"Enabled": True, "AttributeName": "expires_at"}
    assert stack["Orchestrator"]["Environment"]["Variables"]["RECORD_DAYS"] == "730"
