"""The dead-letter queue in memory, with the interface of boto3's SQS client, as far as the project uses it."""

import itertools
from dataclasses import dataclass
from typing import Any

from testkit.simulation.aws import Client, World, error_response


@dataclass
class Message:
    """A message.

    Attributes:
        number: Its number.
        body: Its content.
        visible_at: Time from which it may be received.
        receipts: Number of times that it was received.
    """

    number: int
    body: str
    visible_at: float
    receipts: int = 0

    @property
    def receipt(self) -> str:
        """The receipt handle of the newest delivery."""
        return f"{self.number}/{self.receipts}"


class SimulatedQueue:
    """The messages of a queue."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.messages: dict[int, Message] = {}
        self._numbers = itertools.count(1)

    def send(self, body: str) -> None:
        """Add a message."""
        number = next(self._numbers)
        self.messages[number] = Message(number, body, self._world.scheduler.now)

    def receive(self, limit: int, hidden_s: float) -> list[Message]:
        """Return visible messages and hide them."""
        now = self._world.scheduler.now
        found = [message for message in self.messages.values() if message.visible_at <= now][:limit]
        for message in found:
            message.visible_at, message.receipts = now + hidden_s, message.receipts + 1
        return found

    def held(self, receipt: str) -> Message:
        """Return the message that a receipt handle still holds.

        Raises:
            ClientError: The message is visible again, or another consumer has it.
        """
        message = self.messages.get(int(receipt.partition("/")[0]))
        if not message or message.receipt != receipt or message.visible_at <= self._world.scheduler.now:
            raise error_response("MessageNotInflight")
        return message


class QueueClient:
    """A client of the queue, with the interface of boto3's SQS client."""

    def __init__(self, queue: SimulatedQueue, client: Client) -> None:
        self._queue, self._client = queue, client

    def receive_message(self, *, MaxNumberOfMessages: int, VisibilityTimeout: int, **_: Any) -> dict[str, Any]:  # noqa: N803
        """Receive messages."""
        found = self._client.call(lambda: self._queue.receive(MaxNumberOfMessages, VisibilityTimeout))
        return {
            "Messages": [
                {
                    "MessageId": str(message.number),
                    "ReceiptHandle": message.receipt,
                    "Body": message.body,
                    "Attributes": {"SentTimestamp": "0"},
                }
                for message in found
            ]
        }

    def change_message_visibility(self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> None:  # noqa: N803, ARG002
        """Hide a message for longer, or show it again."""

        def change() -> None:
            message = self._queue.held(ReceiptHandle)
            message.visible_at = self._client.world.scheduler.now + VisibilityTimeout

        self._client.call(change)

    def delete_message(self, *, QueueUrl: str, ReceiptHandle: str) -> None:  # noqa: N803, ARG002
        """Delete a message, also if another consumer has received it since."""
        number = int(ReceiptHandle.partition("/")[0])
        self._client.call(lambda: self._queue.messages.pop(number, None))

    def get_queue_attributes(self, **_: Any) -> dict[str, Any]:
        """Return the number of messages."""
        return {"Attributes": {"ApproximateNumberOfMessages": str(len(self._queue.messages))}}
