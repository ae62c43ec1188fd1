"""Decode the events that invoke the function: notifications, batches of a queue, and S3 Batch Operations jobs.

Events are named tuples, because creating a data class takes five times as long, at each cold start.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

from records.errors import MalformedEvent
from records.notifications import BUDGET_FIELD, Event, parse_notification, reject_malformed
from records.uploads import Upload

MAX_BUDGET_S = 900.0
"""Largest budget that an event may request: the longest timeout of a Lambda function."""


class Notification(NamedTuple):
    """A notification that invoked the function directly: from S3, EventBridge or SNS.

    Attributes:
        uploads: The uploads that it announces.
        budget_s: Seconds for each upload instead of the usual budget; None in all events but those of a redrive.
    """

    uploads: list[Upload]
    budget_s: float | None = None


class QueueMessage(NamedTuple):
    """One message of a queue. Its body is decoded separately, so that an invalid one does not affect the others."""

    id: str
    body: str

    def uploads(self) -> list[Upload]:
        """Return the uploads that the body announces.

        Raises:
            MalformedEvent: The body is not a notification.
        """
        try:
            event = json.loads(self.body)
        except ValueError as error:
            raise MalformedEvent(f"the message's body is not JSON: {error}") from error
        return parse_notification(event)


class QueueBatch(NamedTuple):
    """Messages that Lambda received from a queue."""

    messages: list[QueueMessage]


class BatchTask(NamedTuple):
    """One object of an S3 Batch Operations job. Without an event there is neither a sequencer nor a size."""

    id: str
    bucket: str
    key: str
    version_id: str | None


class BatchInvocation(NamedTuple):
    """One invocation by an S3 Batch Operations job (schema 2.0)."""

    schema_version: str
    invocation_id: str | None
    tasks: list[BatchTask]


def parse_event(event: Event) -> Notification | QueueBatch | BatchInvocation:
    """Decode an event.

    Raises:
        MalformedEvent: The event has none of the known forms.
    """
    if not isinstance(event, Mapping):
        raise MalformedEvent("the event is not a JSON object")
    if "invocationSchemaVersion" in event:
        return _batch_invocation(event)
    if _is_from_queue(event):
        with reject_malformed():
            return QueueBatch([QueueMessage(record["messageId"], record["body"]) for record in event["Records"]])
    return Notification(parse_notification(event), _budget(event))


def _budget(event: Event) -> float | None:
    if BUDGET_FIELD not in event:
        return None
    with reject_malformed():
        seconds = float(event[BUDGET_FIELD])
    if not 0 < seconds <= MAX_BUDGET_S:
        raise MalformedEvent(f"{BUDGET_FIELD} must be between 0 and {MAX_BUDGET_S:g}, not {seconds:g}")
    return seconds


def _is_from_queue(event: Event) -> bool:
    records = event.get("Records")
    if not isinstance(records, list) or not records or not isinstance(records[0], Mapping):
        return False
    return records[0].get("eventSource") == "aws:sqs"


def _batch_invocation(event: Event) -> BatchInvocation:
    with reject_malformed():
        return BatchInvocation(
            schema_version=event["invocationSchemaVersion"],
            invocation_id=event.get("invocationId"),
            tasks=[_batch_task(task) for task in event["tasks"]],
        )


def _batch_task(task: Mapping[str, Any]) -> BatchTask:
    return BatchTask(
        id=task["taskId"],
        bucket=task["s3Bucket"],
        key=unquote_plus(task["s3Key"], errors="strict"),
        version_id=task.get("s3VersionId") or None,
    )
