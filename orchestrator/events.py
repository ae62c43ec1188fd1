"""Decode what S3 sends into uploads."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_plus

from orchestrator.errors import MalformedEvent
from orchestrator.records import Upload


def uploads(event: Mapping[str, Any]) -> list[Upload]:
    """The uploads that an S3 notification announces.

    S3's test event, other kinds of S3 event and folder markers (zero bytes under a name that ends with a slash,
    which the console writes for "Create folder") announce none.

    Raises:
        MalformedEvent: the event is not an S3 notification.
    """
    if event.get("Event") == "s3:TestEvent":
        return []
    records = event.get("Records")
    if not isinstance(records, list):
        raise MalformedEvent("the event has no list of Records")
    found = [_upload(record) for record in records if _is_creation(record)]
    return [upload for upload in found if not (upload.key.endswith("/") and upload.size == 0)]


def _is_creation(record: Any) -> bool:
    if not isinstance(record, Mapping) or "s3" not in record:
        raise MalformedEvent("a record of the event does not come from S3")
    return str(record.get("eventName", "")).removeprefix("s3:").startswith("ObjectCreated:")


def _upload(record: Mapping[str, Any]) -> Upload:
    try:
        thing = record["s3"]["object"]
        moment = datetime.fromisoformat(record["eventTime"])
        return Upload(
            bucket=record["s3"]["bucket"]["name"],
            # S3 encodes keys as HTML forms do: a space is a plus, a plus is %2B.
            key=unquote_plus(thing["key"], errors="strict"),
            sequencer=thing["sequencer"],
            event_time=moment if moment.tzinfo else moment.replace(tzinfo=UTC),
            size=int(thing.get("size", 0)),
            etag=str(thing.get("eTag", "")).strip('"'),
            version_id=thing.get("versionId") or None,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedEvent(f"a record of the event cannot be read: {error!r}") from error
