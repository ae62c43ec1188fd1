"""The Lambda's entry point: reads changes from the table's stream and sends an event about each.

sent                                   the next batch follows
EventBridge is throttled or fails      an exception: Lambda delivers the batch again, until it leaves the stream
EventBridge refuses one event          the event goes to the dead-letter queue, with the reason
the item cannot be read                the change goes there
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from publisher.changes import Change, UnsentQueue, image, messages
from publisher.result_events import SOURCE, ResultEvent, result_event

if TYPE_CHECKING:
    from mypy_boto3_events.client import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef, PutEventsResultEntryTypeDef

_AWS = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 4})

_ENTRIES = 10
"""Maximum number of events in one request (AWS, "PutEvents")."""

_TEMPORARY_ERRORS = frozenset({"ThrottlingException", "InternalFailure", "InternalException"})
"""Codes of events that EventBridge accepts later."""


class EventsNotSent(Exception):
    """Some events could not be sent now."""


class Publisher:
    """Sends events about changes of records.

    Args:
        events: The client of EventBridge.
        unsent: The dead-letter queue.
        bus: Name of the event bus.
        stack: Name of the stack, which events contain.
    """

    def __init__(self, events: "EventBridgeClient", unsent: UnsentQueue, bus: str, stack: str) -> None:
        self._events, self._unsent = events, unsent
        self._bus, self._stack = bus, stack

    def publish(self, changes: Sequence[Mapping[str, Any]]) -> int:
        """Send an event about each change of a record, in the order of the stream, and return how many were sent.

        Raises:
            EventsNotSent: Events are left, which can be sent later. Those before and after them were sent.
        """
        sent, delayed = 0, []
        for group in _groups(messages(changes, self._entry, self._unsent)):
            results = self._events.put_events(Entries=group)["Entries"]
            for entry, result in zip(group, results, strict=True):
                if "ErrorCode" not in result:
                    sent += 1
                elif result["ErrorCode"] in _TEMPORARY_ERRORS:
                    delayed.append(f"{result['ErrorCode']}: {json.loads(entry['Detail'])['id']}")
                else:
                    self._unsent.keep(dict(entry), _reason(result))
        if delayed:
            raise EventsNotSent("; ".join(delayed))
        return sent

    def _entry(self, change: Change) -> "PutEventsRequestEntryTypeDef | None":
        """Return the entry about a change; None for a deletion or a policy."""
        event = self._event(change)
        if event is None:
            return None
        return {
            "Source": SOURCE,
            "DetailType": event.detail_type,
            "Time": event.time,
            "Detail": json.dumps(event.detail, ensure_ascii=False),
            "EventBusName": self._bus,
        }

    def _event(self, change: Change) -> ResultEvent | None:
        item = image(change, "NewImage")
        return result_event(item, image(change, "OldImage"), stack=self._stack) if item else None


def _groups(
    entries: "Iterator[PutEventsRequestEntryTypeDef]",
) -> "Iterator[list[PutEventsRequestEntryTypeDef]]":
    group: list[PutEventsRequestEntryTypeDef] = []
    for entry in entries:
        group.append(entry)
        if len(group) == _ENTRIES:
            yield group
            group = []
    if group:
        yield group


def _reason(result: "PutEventsResultEntryTypeDef") -> str:
    return f"{result['ErrorCode']}: {result.get('ErrorMessage', '')}"


@cache
def publisher() -> Publisher:
    """Return the publisher of this process, built on first use."""
    return Publisher(
        boto3.client("events", config=_AWS),
        UnsentQueue(boto3.client("sqs", config=_AWS), os.environ["UNSENT_QUEUE_URL"]),
        bus=os.environ["EVENT_BUS_NAME"],
        stack=os.environ["STACK_NAME"],
    )


def handler(event: Mapping[str, Any], context: object) -> dict[str, int]:  # noqa: ARG001 -- Lambda passes both
    """Send an event about each change in a batch of the table's stream.

    Raises:
        EventsNotSent: Some events could not be sent now. Lambda delivers the batch again.
    """
    return {"sent": publisher().publish(event["Records"])}


if "_HANDLER" in os.environ:  # Lambda imports the module before the first event
    publisher()
