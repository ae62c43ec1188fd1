"""What the functions of this package share: they read changes of items and keep what they cannot send."""

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from boto3.dynamodb.types import TypeDeserializer

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

logger = logging.getLogger(__name__)

Message = TypeVar("Message")

Change = Mapping[str, Any]
"""A change in the table's stream: the field `dynamodb` of a stream record."""


def image(change: Change, name: str) -> dict[str, Any] | None:
    """Return an item of a change with plain values: `NewImage` or `OldImage`; None if there is none."""
    if name not in change:
        return None
    deserialize = TypeDeserializer().deserialize
    return {attribute: deserialize(value) for attribute, value in change[name].items()}


class UnsentQueue:
    """The dead-letter queue of a function.

    Args:
        client: The client of SQS.
        url: URL of the queue.
    """

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client, self._url = client, url

    def keep(self, content: Mapping[str, Any], reason: str) -> None:
        """Write what cannot be sent into the queue, with the reason."""
        logger.error("not sent: %s", reason)
        body = json.dumps({"reason": reason, "content": content}, default=str)
        self._client.send_message(QueueUrl=self._url, MessageBody=body)


def messages(
    changes: Sequence[Mapping[str, Any]], read: Callable[[Change], Message | None], unsent: UnsentQueue
) -> Iterator[Message]:
    """Yield what `read` makes of each change, other than None. Changes that it cannot read go to the dead-letter queue.

    Args:
        changes: Records of the table's stream.
        read: Returns what to send about a change.
        unsent: The dead-letter queue.
    """
    for change in changes:
        try:
            message = read(change["dynamodb"])
        except (KeyError, ValueError, TypeError) as error:
            unsent.keep(change["dynamodb"], f"not a record: {error!r}")
            continue
        if message is not None:
            yield message
