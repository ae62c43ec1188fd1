"""Expiry of labelled records, which happens on request only: DynamoDB never deletes them automatically."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from boto3.dynamodb.conditions import Attr
from botocore.exceptions import ClientError

from records.record import Record
from triptych.storage.results import Results

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table


def last_written(record: Record) -> datetime:
    """Return when the record was last classified or labelled."""
    return max([record.classified_at, *(review.at for review in record.reviews)])


class LabelExpiry:
    """Deletes labelled records of a table that are older than a point in time.

    Args:
        table: The table of records.
        before: Records that were last written before this are deleted.
    """

    def __init__(self, table: "Table", before: datetime) -> None:
        self._table, self._before = table, before

    def expired(self) -> Iterator[Record]:
        """Yield the records to delete, a page at a time."""
        for record in Results(self._table).labelled(until=self._before):
            if last_written(record) < self._before:
                yield record

    def delete(self, record: Record) -> bool:
        """Delete a record, and return whether it was deleted: not if it was written since it was read."""
        try:
            self._table.delete_item(
                Key={"document": record.upload.document, "sequencer": record.upload.sort_key},
                ConditionExpression=Attr("revision").eq(record.revision),
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return False
            raise
        return True
