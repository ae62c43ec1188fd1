"""The dead-letter queue: events that failed every attempt.

The form of a message depends on how events reach the orchestrator:

    Ingest=direct   Lambda's envelope: the event in `requestPayload`, the error in `responsePayload`
    Ingest=queue    the event, as it was in the ingest queue

A received message stays hidden from other consumers for `VISIBILITY_TIMEOUT_S` and then becomes visible again by
itself: a command that is killed loses nothing.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from records.errors import MalformedEvent
from records.notifications import parse_notification
from records.uploads import Upload
from triptych.repair.invocation import Event

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

VISIBILITY_TIMEOUT_S = 900
"""Seconds that a received message stays hidden: enough to read the preview and to process the messages before it."""

WAIT_S = 1
"""Seconds of long polling. Without it, SQS samples only some of its servers and may miss messages."""

_BATCH_SIZE = 10
"""Maximum number of messages that SQS returns at a time."""

_NOT_HELD = {"MessageNotInflight", "ReceiptHandleIsInvalid", "InvalidParameterValue"}
"""SQS's error codes for a message that is visible again, held by another consumer, or deleted."""


@dataclass(frozen=True)
class DeadLetter:
    """One message of the dead-letter queue.

    Attributes:
        id: The message id.
        receipt: The receipt handle of this delivery.
        sent: When the message was sent to the queue.
        event: The event, or an empty mapping if the message cannot be parsed.
        uploads: The uploads that the event announces.
        error_name: Name of the error that the event failed with, or an empty string if the message does not say.
        parse_error: Why the message cannot be parsed, or an empty string.
    """

    id: str
    receipt: str = field(repr=False)
    sent: datetime
    event: Event
    uploads: tuple[Upload, ...] = ()
    error_name: str = ""
    parse_error: str = ""


class DeadLetterQueue:
    """The dead-letter queue of a stack, as a context manager.

    On exit, even after an error, every received message that was not deleted becomes visible again.
    """

    def __init__(self, sqs: "SQSClient", queue_url: str) -> None:
        self._sqs = sqs
        self._url = queue_url
        self._held: dict[str, DeadLetter] = {}

    def __enter__(self) -> "DeadLetterQueue":
        return self

    def __exit__(self, *_: object) -> None:
        for dead_letter in self._held.values():
            with suppress(BotoCoreError, ClientError):  # it becomes visible at the visibility timeout anyway
                self._set_visibility_timeout(dead_letter, 0)
        self._held.clear()

    def approximate_count(self) -> int:
        """Return the number of visible messages, which SQS only approximates."""
        response = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["ApproximateNumberOfMessages"])
        return int(response["Attributes"]["ApproximateNumberOfMessages"])

    def receive(self, limit: int) -> list[DeadLetter]:
        """Receive at most `limit` messages and hide them from other consumers for `VISIBILITY_TIMEOUT_S`."""
        while len(self._held) < limit and (batch := self._batch(min(_BATCH_SIZE, limit - len(self._held)))):
            self._held.update({dead_letter.id: dead_letter for dead_letter in batch})  # SQS may deliver one twice
        return list(self._held.values())

    def extend(self, dead_letter: DeadLetter) -> bool:
        """Hide a message for another `VISIBILITY_TIMEOUT_S`. Return whether this consumer still holds it."""
        held = self._set_visibility_timeout(dead_letter, VISIBILITY_TIMEOUT_S)
        if not held:
            self._held.pop(dead_letter.id, None)
        return held

    def delete(self, dead_letter: DeadLetter) -> None:
        """Delete a message from the queue."""
        self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=dead_letter.receipt)
        self._held.pop(dead_letter.id, None)

    def _batch(self, size: int) -> list[DeadLetter]:
        response = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=size,
            VisibilityTimeout=VISIBILITY_TIMEOUT_S,
            WaitTimeSeconds=WAIT_S,
            MessageSystemAttributeNames=["SentTimestamp"],
            MessageAttributeNames=["ErrorMessage"],
        )
        return [parse_message(message) for message in response.get("Messages", [])]

    def _set_visibility_timeout(self, dead_letter: DeadLetter, seconds: int) -> bool:
        """Return whether this consumer holds the message."""
        try:
            self._sqs.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=dead_letter.receipt, VisibilityTimeout=seconds
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code", "").rpartition(".")[2] in _NOT_HELD:
                return False
            raise
        return True


def parse_message(message: "MessageTypeDef") -> DeadLetter:
    """Parse an SQS message. If that fails, the result has the reason in `parse_error`; nothing is raised."""
    sent = datetime.fromtimestamp(int(message.get("Attributes", {}).get("SentTimestamp", 0)) / 1000, UTC)
    event: Event = {}
    error_name = parse_error = ""
    uploads: tuple[Upload, ...] = ()
    try:
        event, error_name = _unwrap(json.loads(message["Body"]), message)
        uploads = tuple(parse_notification(event))
    except json.JSONDecodeError as error:
        parse_error = f"the message is not JSON: {error}"
    except MalformedEvent as error:
        parse_error = str(error)
    return DeadLetter(message["MessageId"], message["ReceiptHandle"], sent, event, uploads, error_name, parse_error)


def _unwrap(body: Any, message: "MessageTypeDef") -> tuple[Event, str]:
    """Return the event in a message's body, and the name of the error that it failed with."""
    if not isinstance(body, Mapping):
        raise MalformedEvent("the message is not a JSON object")
    if "requestPayload" in body:
        response, context = body.get("responsePayload"), body.get("requestContext")
        error_type = response.get("errorType") if isinstance(response, Mapping) else None
        condition = context.get("condition") if isinstance(context, Mapping) else None
        return body["requestPayload"], str(error_type or condition or "")
    attributes = message.get("MessageAttributes", {})  # set by a function's own dead-letter queue
    return body, attributes["ErrorMessage"].get("StringValue", "") if "ErrorMessage" in attributes else ""
