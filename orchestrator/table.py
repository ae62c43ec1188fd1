"""The table of records: consistent reads, one conditional write."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Attr, ConditionBase, Key
from botocore.exceptions import BotoCoreError, ClientError

from orchestrator.errors import RecordConflict, RecordsUnavailable
from orchestrator.records import Record, Upload

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table


class Records:
    """The table as the orchestrator uses it.

    Two handlers may hold the same upload (S3 delivers at least once, Lambda retries), so a write names the revision
    that its writer saw:

        A reads nothing ──────────── A writes revision 1 ✓
        B reads nothing ─────────────────────── B writes revision 1 ✗ conflict: B reads A's record,
                                                  keeps what A has, adds its own ── writes revision 2 ✓
    """

    def __init__(self, table: "Table") -> None:
        self._table = table

    def find(self, upload: Upload) -> Record | None:
        """The record under the upload's own key, read consistently; None where there is none.

        Raises:
            RecordsUnavailable: the table cannot be read just now.
        """
        key = {"document": upload.document, "sequencer": upload.sort_key}
        with _readable():
            item = self._table.get_item(Key=key, ConsistentRead=True).get("Item")
        return Record.from_item(item) if item else None

    def find_same(self, upload: Upload) -> Record | None:
        """The record of the same upload under whatever sequencer, looked for in the document's whole history.

        Raises:
            RecordsUnavailable: the table cannot be read just now.
        """
        query: dict[str, Any] = {"KeyConditionExpression": Key("document").eq(upload.document), "ConsistentRead": True}
        while True:
            with _readable():
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


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise RecordsUnavailable(f"the table cannot be read: {error}") from error
