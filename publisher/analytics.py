"""The entry point of Analytics=events: reads changes from the table's stream and passes a row about each to Firehose.

passed on                              the next batch follows
Firehose is throttled or fails         an exception: Lambda delivers the batch again, until it leaves the stream
the item cannot be read                the change goes to the dead-letter queue

A batch that is delivered again repeats rows. The views in template.yaml show one row for each upload.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from publisher.changes import Change, UnsentQueue, image, messages
from records.keys import timestamp
from records.policy import POLICY_KEY
from records.record import Record
from records.rows import revision_row

if TYPE_CHECKING:
    from mypy_boto3_firehose.client import FirehoseClient
    from mypy_boto3_firehose.type_defs import RecordTypeDef

_AWS = Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 4})

_REQUEST_BYTES = 4_000_000
_REQUEST_ROWS = 500
"""Maximum size and number of rows of one request (AWS, "PutRecordBatch")."""


class RowsNotSent(Exception):
    """Some rows could not be sent now."""


class RowSender:
    """Sends rows about changes of records.

    Args:
        firehose: The client of Firehose.
        unsent: The dead-letter queue.
        stream: Name of the Firehose stream.
    """

    def __init__(self, firehose: "FirehoseClient", unsent: UnsentQueue, stream: str) -> None:
        self._firehose, self._unsent, self._stream = firehose, unsent, stream

    def send(self, changes: Sequence[Mapping[str, Any]]) -> int:
        """Send a row about each change of a record, and return how many were sent.

        Raises:
            RowsNotSent: Firehose did not accept rows.
        """
        sent, refused = 0, set()
        for group in _groups(messages(changes, _row, self._unsent)):
            records: Sequence[RecordTypeDef] = [{"Data": row} for row in group]
            response = self._firehose.put_record_batch(DeliveryStreamName=self._stream, Records=records)
            sent += len(group) - response["FailedPutCount"]
            refused |= {result["ErrorCode"] for result in response["RequestResponses"] if "ErrorCode" in result}
        if refused:
            raise RowsNotSent(f"Firehose did not accept all rows: {', '.join(sorted(refused))}")
        return sent


def _row(change: Change) -> bytes | None:
    """Return the row about a change; None for a deletion or a policy."""
    item = image(change, "NewImage")
    return _encoded(Record.from_item(item)) if item and item["document"] != POLICY_KEY else None


def _encoded(record: Record) -> bytes:
    """Return the row of a record as a line of JSON."""
    return json.dumps(revision_row(record), default=_json_value, ensure_ascii=False).encode() + b"\n"


def _json_value(value: datetime) -> str:
    return timestamp(value)


def _groups(rows: Iterator[bytes]) -> Iterator[list[bytes]]:
    """Yield the rows in groups that fit into a request."""
    group: list[bytes] = []
    size = 0
    for row in rows:
        if group and (len(group) == _REQUEST_ROWS or size + len(row) > _REQUEST_BYTES):
            yield group
            group, size = [], 0
        group.append(row)
        size += len(row)
    if group:
        yield group


@cache
def row_sender() -> RowSender:
    """Return the sender of this process, built on first use."""
    return RowSender(
        boto3.client("firehose", config=_AWS),
        UnsentQueue(boto3.client("sqs", config=_AWS), os.environ["UNSENT_QUEUE_URL"]),
        stream=os.environ["DELIVERY_STREAM_NAME"],
    )


def handler(event: Mapping[str, Any], context: object) -> dict[str, int]:  # noqa: ARG001 -- Lambda passes both
    """Send a row about each change in a batch of the table's stream.

    Raises:
        RowsNotSent: Firehose did not accept rows. Lambda delivers the batch again.
    """
    return {"sent": row_sender().send(event["Records"])}


if "_HANDLER" in os.environ:  # Lambda imports the module before the first event
    row_sender()
