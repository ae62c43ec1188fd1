import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from boto3.dynamodb.types import TypeSerializer
from moto import mock_aws

from publisher.analytics import RowSender
from publisher.changes import UnsentQueue
from publisher.handler import Publisher
from records.record import Record

BUS = "results"


@dataclass
class FakeEvents:
    """EventBridge: it keeps the entries that it accepts. `refuse` returns the error code of an entry, if any."""

    refuse: Callable[[Mapping[str, Any]], str | None] = lambda _: None
    accepted: list[dict[str, Any]] = field(default_factory=list)

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 -- as in boto3
        assert 0 < len(Entries) <= 10
        results = []
        for entry in Entries:
            if code := self.refuse(entry):
                results.append({"ErrorCode": code, "ErrorMessage": "refused"})
            else:
                self.accepted.append(entry)
                results.append({"EventId": "1"})
        return {"FailedEntryCount": len(Entries), "Entries": results}


@dataclass
class FakeFirehose:
    """Firehose: it keeps the rows that it accepts. `refuse` returns whether a row is refused.

    Attributes:
        requests: The rows of each request.
    """

    refuse: Callable[[Mapping[str, Any]], bool] = lambda _: False
    requests: list[list[dict[str, Any]]] = field(default_factory=list)

    def put_record_batch(self, *, DeliveryStreamName: str, Records: list[dict[str, bytes]]) -> dict[str, Any]:  # noqa: N803 -- as in boto3
        assert DeliveryStreamName == "rows"
        assert 0 < len(Records) <= 500
        assert sum(len(record["Data"]) for record in Records) <= 4 * 1024 * 1024
        rows = [json.loads(record["Data"]) for record in Records]
        self.requests.append([row for row in rows if not self.refuse(row)])
        refused = {"ErrorCode": "ServiceUnavailableException", "ErrorMessage": "slow down"}
        responses = [refused if self.refuse(row) else {"RecordId": "1"} for row in rows]
        return {"FailedPutCount": sum(map(self.refuse, rows)), "RequestResponses": responses}

    @property
    def rows(self) -> list[dict[str, Any]]:
        """All accepted rows."""
        return [row for request in self.requests for row in request]


@pytest.fixture
def firehose() -> FakeFirehose:
    return FakeFirehose()


@pytest.fixture
def sender(firehose: FakeFirehose, queue: Any) -> RowSender:
    url = queue.get_queue_url(QueueName="unsent")["QueueUrl"]
    return RowSender(firehose, UnsentQueue(queue, url), "rows")  # type: ignore[arg-type]


@pytest.fixture
def events() -> FakeEvents:
    return FakeEvents()


@pytest.fixture
def queue() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client(
            "sqs", region_name="us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing"
        )
        client.create_queue(QueueName="unsent")
        yield client


@pytest.fixture
def publisher(events: FakeEvents, queue: Any) -> Publisher:
    url = queue.get_queue_url(QueueName="unsent")["QueueUrl"]
    return Publisher(events, UnsentQueue(queue, url), BUS, "triptych")  # type: ignore[arg-type]


def serialized(record: Record) -> dict[str, Any]:
    """Return the item of a record as the stream represents it."""
    return {name: TypeSerializer().serialize(value) for name, value in record.to_item().items()}


def change(new: Record | None, old: Record | None = None) -> dict[str, Any]:
    """Return the stream's record of a change."""
    images = {"NewImage": new, "OldImage": old}
    return {"dynamodb": {name: serialized(record) for name, record in images.items() if record}}


def kept(queue: Any) -> list[dict[str, Any]]:
    """Return what is in the dead-letter queue."""
    url = queue.get_queue_url(QueueName="unsent")["QueueUrl"]
    messages = queue.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(message["Body"]) for message in messages]
