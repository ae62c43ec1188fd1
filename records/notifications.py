"""Decode notifications of new objects from S3, EventBridge and SNS."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_plus

from records.errors import MalformedEvent
from records.uploads import Upload

Event = Mapping[str, Any]

BUDGET_FIELD = "budget_seconds"
"""Field that a redrive adds to an event: the time for each of its documents, instead of the orchestrator's budget."""


def parse_notification(event: Event) -> list[Upload]:
    """Return the uploads that a notification announces.

    The notification has the form of S3 or of EventBridge. SNS may have wrapped it, in either of its two forms: the
    event with which SNS invokes a function, and the message that it sends to a queue. S3's test event, other kinds of
    event, folder markers and converted pages announce no upload.

    Raises:
        MalformedEvent: The event is not a notification.
    """
    found = [upload for notification in _unwrap_sns(event) for upload in _uploads(notification)]
    return [upload for upload in found if upload.is_document]


def _unwrap_sns(event: Any) -> list[Any]:
    """Return the notifications that SNS wrapped, or the event itself if it does not come from SNS."""
    if not isinstance(event, Mapping):
        raise MalformedEvent("the event is not a JSON object")
    if "Message" in event:
        return [_sns_message(event)]
    records = event.get("Records")
    if isinstance(records, list) and records and all(isinstance(r, Mapping) and "Sns" in r for r in records):
        return [_sns_message(record["Sns"]) for record in records]
    return [event]


def _sns_message(envelope: Any) -> Any:
    with reject_malformed():
        return json.loads(envelope["Message"])


def _uploads(event: Any) -> list[Upload]:
    if not isinstance(event, Mapping):
        raise MalformedEvent("the notification is not a JSON object")
    if event.get("Event") == "s3:TestEvent":
        return []
    if event.get("source") == "aws.s3":
        return [_from_eventbridge(event)] if event.get("detail-type") == "Object Created" else []
    return [_from_s3(record) for record in _s3_records(event) if _is_creation(record)]


def _s3_records(event: Event) -> list[Any]:
    records = event.get("Records")
    if not isinstance(records, list):
        raise MalformedEvent("the event has no list of Records")
    return records


def _is_creation(record: Any) -> bool:
    if not isinstance(record, Mapping) or "s3" not in record:
        raise MalformedEvent("a record of the event does not come from S3")
    return str(record.get("eventName", "")).removeprefix("s3:").startswith("ObjectCreated:")


def _from_s3(record: Event) -> Upload:
    with reject_malformed():
        described = record["s3"]["object"]
        return Upload(
            bucket=record["s3"]["bucket"]["name"],
            # S3 encodes keys as HTML forms do: a space is a plus, a plus is %2B.
            key=unquote_plus(described["key"], errors="strict"),
            sequencer=described["sequencer"],
            event_time=_parse_time(record["eventTime"]),
            size=_parse_size(described),
            etag=_parse_etag(described.get("eTag")),
            version_id=described.get("versionId"),
        )


def _from_eventbridge(event: Event) -> Upload:
    with reject_malformed():
        described = event["detail"]["object"]
        return Upload(
            bucket=event["detail"]["bucket"]["name"],
            key=described["key"],  # not encoded, unlike in S3's own notifications
            sequencer=described["sequencer"],
            event_time=_parse_time(event["time"]),
            size=_parse_size(described),
            etag=_parse_etag(described.get("etag")),
            version_id=described.get("version-id"),
        )


def _parse_time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _parse_size(described: Event) -> int | None:
    size = described.get("size")
    return None if size is None else int(size)


def _parse_etag(text: str | None) -> str:
    return (text or "").strip('"')


@contextmanager
def reject_malformed() -> Iterator[None]:
    """Raise `MalformedEvent` if the block finds a part of an event missing or invalid."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise MalformedEvent(f"invalid event: {error!r}") from error
