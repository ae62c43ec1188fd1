"""Decode what invokes the Lambda: queues of S3's notifications, and S3 Batch Operations jobs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote_plus

from records.errors import MalformedEvent
from records.notifications import Event, parse_event, parse_notification
from records.uploads import Upload


@dataclass(frozen=True)
class Message:
    """One message of a queue; its body is whatever was sent there."""

    id: str
    body: str

    def uploads(self) -> list[Upload]:
        """The uploads that the body announces.

        Raises:
            MalformedEvent: it is no notification.
        """
        try:
            event = json.loads(self.body)
        except ValueError as error:
            raise MalformedEvent(f"the message's body is not JSON: {error}") from error
        return parse_notification(event)


@dataclass(frozen=True)
class Task:
    """One object that an S3 Batch Operations job names: no event, so neither sequencer nor size."""

    id: str
    bucket: str
    key: str
    version_id: str | None


def from_queue(event: Event) -> list[Message] | None:
    """The messages of an SQS event; None if it is none."""
    records = event.get("Records")
    if not isinstance(records, list) or not records or not isinstance(records[0], Mapping):
        return None
    if records[0].get("eventSource") != "aws:sqs":
        return None
    return [Message(record["messageId"], record["body"]) for record in records]


def from_batch(event: Event) -> list[Task] | None:
    """The tasks of an S3 Batch Operations event (invocation schema 2.0); None if it is none.

    Raises:
        MalformedEvent: a task cannot be read.
    """
    if "invocationSchemaVersion" not in event:
        return None
    return parse_event(
        lambda: [
            Task(
                id=task["taskId"],
                bucket=task["s3Bucket"],
                key=unquote_plus(task["s3Key"], errors="strict"),
                version_id=task.get("s3VersionId") or None,
            )
            for task in event["tasks"]
        ]
    )
