"""The table of records: one consistent read, one conditional write."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Attr, ConditionBase, Key
from botocore.exceptions import BotoCoreError, ClientError

from orchestrator.errors import RecordConflict, RecordsUnavailable
from orchestrator.records import Record, Upload

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table


LATE = timedelta(minutes=10)
"""An event older than this may find its upload backfilled. Backfills leave younger uploads alone."""


class Records:
    """The table as the orchestrator uses it.

    Two handlers may hold the same upload (S3 delivers at least once, Lambda retries), so a write names the revision
    that its writer saw:

        A reads nothing ──────────── A writes revision 1 ✓
        B reads nothing ─────────────────────── B writes revision 1 ✗ conflict: B reads A's record,
                                                  keeps what A has, adds its own ── writes revision 2 ✓
    """

    def __init__(self, table: "Table", now: Callable[[], datetime]) -> None:
        self._table = table
        self._now = now

    def find(self, upload: Upload) -> Record | None:
        """The upload's record, read consistently; None where there is none.

        An upload can be met by two ways, its own event and a backfill, whose sort keys differ. Backfills pass over
        uploads too young for their event to be late (see `LATE`), so the other way's record is looked for only by a
        backfill and by a late event: the usual event costs one read of one item.

        Raises:
            RecordsUnavailable: the table cannot be read just now.
        """
        key = {"document": upload.document, "sequencer": upload.sort_key}
        try:
            item = self._table.get_item(Key=key, ConsistentRead=True).get("Item")
            if item is not None:
                return Record.from_item(item)
            if upload.backfilled or self._now() - upload.event_time > LATE:
                return self._find_by_identity(upload)
        except (BotoCoreError, ClientError) as error:
            raise RecordsUnavailable(f"the table cannot be read: {error}") from error
        return None

    def _find_by_identity(self, upload: Upload) -> Record | None:
        query: dict[str, Any] = {"KeyConditionExpression": Key("document").eq(upload.document), "ConsistentRead": True}
        while True:
            page = self._table.query(**query)
            records = map(Record.from_item, page["Items"])
            found = next((record for record in records if record.upload.same_object(upload)), None)
            if found or "LastEvaluatedKey" not in page:
                return found
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def save(self, record: Record, *, replacing: Record | None) -> None:
        """Write `record` over the one that was seen, or as the first.

        Raises:
            RecordConflict: somebody wrote in between; nothing is changed.
            RecordsUnavailable: the table cannot be written just now.
        """
        condition: ConditionBase = Attr("document").not_exists()
        if replacing is not None:
            condition = Attr("revision").eq(replacing.revision)
        try:
            self._table.put_item(Item=record.to_item(), ConditionExpression=condition)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "ConditionalCheckFailedException":
                raise RecordConflict(f"{record.upload.document} changed meanwhile") from error
            raise RecordsUnavailable(f"the table cannot be written: {error}") from error
        except BotoCoreError as error:
            raise RecordsUnavailable(f"the table cannot be written: {error}") from error
