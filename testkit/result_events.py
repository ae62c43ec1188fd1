"""The result events of a local stack, received through a rule and a queue, and compared with the records."""

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from records.record import Record
from triptych.storage.connection import StackConnection

if TYPE_CHECKING:
    from mypy_boto3_events.client import EventBridgeClient

_NAME = "result-events"


@dataclass(frozen=True)
class ReceivedEvent:
    """One event.

    Attributes:
        detail_type: What happened.
        detail: Its content.
        delivered: When the event bus put it into the queue.
    """

    detail_type: str
    detail: dict[str, Any]
    delivered: datetime

    @property
    def latency_ms(self) -> float:
        """Milliseconds from just before the record was written until the event was in the queue."""
        written = datetime.fromisoformat(self.detail["classified_at"])
        return (self.delivered - written).total_seconds() * 1000


class ResultQueue:
    """A queue that receives every result event of a stack from now on."""

    def __init__(self, connection: StackConnection) -> None:
        self._sqs = connection.sqs
        self._url = self._sqs.create_queue(QueueName=_NAME)["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self._sqs.set_queue_attributes(QueueUrl=self._url, Attributes={"Policy": _policy(arn)})
        events: EventBridgeClient = connection.session.client("events", endpoint_url=connection.endpoint_url)
        events.put_rule(Name=_NAME, EventPattern=json.dumps({"source": ["triptych"]}))
        events.put_targets(Rule=_NAME, Targets=[{"Id": "queue", "Arn": arn}])

    def receive(self) -> list[ReceivedEvent]:
        """Return and delete the events that are in the queue."""
        received = []
        while messages := self._sqs.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["SentTimestamp"]
        ).get("Messages", []):
            for message in messages:
                body = json.loads(message["Body"])
                sent = datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000, UTC)
                received.append(ReceivedEvent(body["detail-type"], body["detail"], sent))
            entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
            self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)  # type: ignore[arg-type]
        return received

    def receive_about(self, records: Sequence[Record], *, seconds: float) -> list[ReceivedEvent]:
        """Return the events in the queue, after waiting until none about these records is missing."""
        deadline = time.monotonic() + seconds
        received = self.receive()
        while missing_events(records, received) and time.monotonic() < deadline:
            time.sleep(0.2)
            received += self.receive()
        return received


def event_ids(record: Record) -> set[str]:
    """Return the ids of the events about all revisions of a record."""
    upload = record.upload
    return {f"{upload.document}:{upload.sort_key}:{revision}" for revision in range(1, record.revision + 1)}


def missing_events(records: Iterable[Record], received: Iterable[ReceivedEvent]) -> set[str]:
    """Return the ids of the events that were not received."""
    expected = {event_id for record in records for event_id in event_ids(record)}
    return expected - {event.detail["id"] for event in received}


def _policy(queue_arn: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
