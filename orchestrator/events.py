"""Decode what AWS delivers into uploads: S3's notifications, EventBridge's, queues of them, and batches of keys."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import unquote_plus

from orchestrator.errors import MalformedEvent
from orchestrator.uploads import Upload

Event = Mapping[str, Any]
T = TypeVar("T")


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
        return uploads(event)


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
    return _read(
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


def uploads(event: Event) -> list[Upload]:
    """The uploads that a notification announces, be it S3's own or EventBridge's.

    S3's test event, other kinds of event and folder markers announce none.

    Raises:
        MalformedEvent: the event is no notification.
    """
    if not isinstance(event, Mapping):
        raise MalformedEvent("the event is no JSON object")
    if event.get("Event") == "s3:TestEvent":
        return []
    if event.get("source") == "aws.s3":
        found = [_from_eventbridge(event)] if event.get("detail-type") == "Object Created" else []
    else:
        found = [_from_s3(record) for record in _records(event) if _is_creation(record)]
    return [upload for upload in found if not upload.is_folder_marker]


def _records(event: Event) -> list[Any]:
    records = event.get("Records")
    if not isinstance(records, list):
        raise MalformedEvent("the event has no list of Records")
    return records


def _is_creation(record: Any) -> bool:
    if not isinstance(record, Mapping) or "s3" not in record:
        raise MalformedEvent("a record of the event does not come from S3")
    return str(record.get("eventName", "")).removeprefix("s3:").startswith("ObjectCreated:")


def _from_s3(record: Event) -> Upload:
    return _read(
        lambda: _upload(
            bucket=record["s3"]["bucket"]["name"],
            # S3 encodes keys as HTML forms do: a space is a plus, a plus is %2B.
            key=unquote_plus(record["s3"]["object"]["key"], errors="strict"),
            moment=record["eventTime"],
            thing=record["s3"]["object"],
            etag="eTag",
            version_id="versionId",
        )
    )


def _from_eventbridge(event: Event) -> Upload:
    return _read(
        lambda: _upload(
            bucket=event["detail"]["bucket"]["name"],
            key=event["detail"]["object"]["key"],  # here S3 encodes nothing
            moment=event["time"],
            thing=event["detail"]["object"],
            etag="etag",
            version_id="version-id",
        )
    )


def _upload(*, bucket: str, key: str, moment: str, thing: Event, etag: str, version_id: str) -> Upload:
    at = datetime.fromisoformat(moment)
    return Upload(
        bucket=bucket,
        key=key,
        sequencer=thing["sequencer"],
        event_time=at if at.tzinfo else at.replace(tzinfo=UTC),
        size=int(thing.get("size", 0)),
        etag=str(thing.get(etag, "")).strip('"'),
        version_id=thing.get(version_id) or None,
    )


def _read(build: Callable[[], T]) -> T:
    try:
        return build()
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise MalformedEvent(f"a part of the event cannot be read: {error!r}") from error
