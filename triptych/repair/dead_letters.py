"""The failure queue: events that failed every attempt, each as a letter that says why.

What lies there depends on how the event went in:

    Ingest=direct   Lambda's envelope around the event: `requestPayload`, and why it failed in `responsePayload`
    Ingest=queue    the event itself, as it lay in the queue before

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
"""Seconds that a letter is hidden once it was read: time to look at the preview, and for those before it."""

WAIT_S = 1
"""Without a wait SQS asks only some of its servers, and may miss letters."""

_A_PAGE = 10
"""The most that SQS hands out at once."""

_NOT_OURS = {"MessageNotInflight", "ReceiptHandleIsInvalid", "InvalidParameterValue"}
"""What SQS says of a message whose time was up, so that it shows again, is with another reader, or gone."""


@dataclass(frozen=True)
class DeadLetter:
    """One message of the failure queue. `why` is the name of the error that sent it there, where it says so."""

    id: str
    receipt: str = field(repr=False)
    sent: datetime
    event: Event
    uploads: tuple[Upload, ...] = ()
    why: str = ""
    parse_error: str = ""
    """Why it cannot be read; empty where it can."""


class DeadLetterQueue:
    """The failure queue as a repair sees it.

    To be used in a `with`: at its end, however that comes, every letter that was read and not discarded shows again.
    """

    def __init__(self, sqs: "SQSClient", queue_url: str) -> None:
        self._sqs = sqs
        self._url = queue_url
        self._held: dict[str, DeadLetter] = {}

    def __enter__(self) -> "DeadLetterQueue":
        return self

    def __exit__(self, *_: object) -> None:
        for letter in self._held.values():
            with suppress(BotoCoreError, ClientError):  # it shows by itself when its time is up
                self._hide(letter, 0)
        self._held.clear()

    def approximate_count(self) -> int:
        """About how many letters can be read now: SQS counts them only roughly."""
        answer = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["ApproximateNumberOfMessages"])
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def receive(self, limit: int) -> list[DeadLetter]:
        """At most `limit` letters, hidden from now on for `VISIBILITY_TIMEOUT_S`."""
        while len(self._held) < limit and (page := self._page(min(_A_PAGE, limit - len(self._held)))):
            self._held.update({letter.id: letter for letter in page})  # SQS may hand one out twice
        return list(self._held.values())

    def extend(self, letter: DeadLetter) -> bool:
        """Hide a letter for another `VISIBILITY_TIMEOUT_S`; false if it is no longer ours to hide."""
        ours = self._hide(letter, VISIBILITY_TIMEOUT_S)
        if not ours:
            self._held.pop(letter.id, None)
        return ours

    def delete(self, letter: DeadLetter) -> None:
        """Take a letter out of the queue for good."""
        self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=letter.receipt)
        self._held.pop(letter.id, None)

    def _page(self, size: int) -> list[DeadLetter]:
        answer = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=size,
            VisibilityTimeout=VISIBILITY_TIMEOUT_S,
            WaitTimeSeconds=WAIT_S,
            MessageSystemAttributeNames=["SentTimestamp"],
            MessageAttributeNames=["ErrorMessage"],
        )
        return [parse_message(message) for message in answer.get("Messages", [])]

    def _hide(self, letter: DeadLetter, seconds: int) -> bool:
        try:
            self._sqs.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=letter.receipt, VisibilityTimeout=seconds
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code", "").rpartition(".")[2] in _NOT_OURS:
                return False
            raise
        return True


def parse_message(message: "MessageTypeDef") -> DeadLetter:
    """Read a message. One that announces nothing readable becomes a letter with a `parse_error`, never an error."""
    sent = datetime.fromtimestamp(int(message.get("Attributes", {}).get("SentTimestamp", 0)) / 1000, UTC)
    event: Event = {}
    why = parse_error = ""
    announced: tuple[Upload, ...] = ()
    try:
        event, why = _unwrap(json.loads(message["Body"]), message)
        announced = tuple(parse_notification(event))
    except json.JSONDecodeError as error:
        parse_error = f"the message is not JSON: {error}"
    except MalformedEvent as error:
        parse_error = str(error)
    return DeadLetter(message["MessageId"], message["ReceiptHandle"], sent, event, announced, why, parse_error)


def _unwrap(body: Any, message: "MessageTypeDef") -> tuple[Event, str]:
    """The event in a message's body, and the name of the error that it met."""
    if not isinstance(body, Mapping):
        raise MalformedEvent("the message is no JSON object")
    if "requestPayload" in body:
        said, context = body.get("responsePayload"), body.get("requestContext")
        kind = said.get("errorType") if isinstance(said, Mapping) else None
        condition = context.get("condition") if isinstance(context, Mapping) else None
        return body["requestPayload"], str(kind or condition or "")
    told = message.get("MessageAttributes", {})  # where it comes from a function's dead-letter queue
    return body, told["ErrorMessage"].get("StringValue", "") if "ErrorMessage" in told else ""
