"""Decode S3's notifications of new objects, sent by S3 itself or by EventBridge, into uploads."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import unquote_plus

from records.errors import MalformedEvent
from records.uploads import Upload

Event = Mapping[str, Any]
T = TypeVar("T")


def parse_notification(event: Event) -> list[Upload]:
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
    return parse_event(
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
    return parse_event(
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


def parse_event(build: Callable[[], T]) -> T:
    """Build something from parts of an event.

    Raises:
        MalformedEvent: A part is missing or invalid.
    """
    try:
        return build()
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise MalformedEvent(f"invalid event: {error!r}") from error
