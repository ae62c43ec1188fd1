"""What the functions of this package share: they read changes of items and keep what they cannot send."""

import json
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

logger = logging.getLogger(__name__)

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
