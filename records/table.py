"""The DynamoDB table of records and policies: consistent reads, conditional writes."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Attr, ConditionBase, Key
from botocore.exceptions import BotoCoreError, ClientError

from records.errors import RecordConflict, RecordsUnavailable
from records.policy import DEFAULT_POLICY, POLICY_KEY, Policy, policy_sort_key
from records.record import Record
from records.uploads import Upload

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

logger = logging.getLogger(__name__)

EXPIRY = "expires_at"
"""The attribute with the time of deletion in seconds since the epoch: `TimeToLiveSpecification` in template.yaml."""


class RecordTable:
    """The records in the table.

    Two handlers may process the same upload at once, because S3 delivers events at least once and Lambda retries. Each
    write is therefore conditional on the revision that its writer read:

        A reads nothing ──────────── A writes revision 1 ✓
        B reads nothing ─────────────────────── B writes revision 1 ✗ conflict: B reads A's record,
                                                  merges its own into it ────────── writes revision 2 ✓
    """

    def __init__(self, table: "Table", *, keep: timedelta | None = None) -> None:
        """Use a table.

        Args:
            table: The table.
            keep: How long after its last write a record without a label is kept; None for no limit.
        """
        self._table, self._keep = table, keep

    def find(self, upload: Upload) -> Record | None:
        """Return the record under the upload's own key, read consistently; None if it does not exist.

        Raises:
            RecordsUnavailable: The table cannot be read now.
        """
        return self.get(upload.document, upload.sort_key)

    def get(self, document: str, sequencer: str) -> Record | None:
        """Return the record under a key, read consistently; None if it does not exist.

        Raises:
            RecordsUnavailable: The table cannot be read now.
        """
        with _translated_read_errors():
            item = self._table.get_item(Key={"document": document, "sequencer": sequencer}, ConsistentRead=True)
        return Record.from_item(item["Item"]) if "Item" in item else None

    def find_same(self, upload: Upload) -> Record | None:
        """Return the record of the same upload under any sequencer; None if no record of the document matches.

        Raises:
            RecordsUnavailable: The table cannot be read now.
        """
        query: dict[str, Any] = {"KeyConditionExpression": Key("document").eq(upload.document), "ConsistentRead": True}
        while True:
            with _translated_read_errors():
                page = self._table.query(**query)
            records = map(Record.from_item, page["Items"])
            found = next((record for record in records if record.upload.same_object(upload)), None)
            if found or "LastEvaluatedKey" not in page:
                return found
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def save(self, record: Record, *, replacing: Record | None) -> None:
        """Write a record.

        Args:
            record: The record to write.
            replacing: The record that was read before; None if there was none.

        Raises:
            RecordConflict: Another writer changed the item since it was read. The item keeps the other's content.
            RecordsUnavailable: The table cannot be written now.
        """
        condition: ConditionBase = Attr("document").not_exists()
        if replacing is not None:
            condition = Attr("revision").eq(replacing.revision)
        _put(self._table, self._item(record), condition, name=record.upload.document)

    def _item(self, record: Record) -> dict[str, Any]:
        """Return the item, with the time at which DynamoDB deletes it, if any. Labels are never deleted."""
        if self._keep is None or record.review:
            return record.to_item()
        return {**record.to_item(), EXPIRY: int((record.classified_at + self._keep).timestamp())}


class PolicyTable:
    """The policies in the table. The newest is in force; none is ever changed."""

    def __init__(self, table: "Table") -> None:
        self._table = table

    def newest(self) -> Policy:
        """Return the newest valid policy, or `DEFAULT_POLICY` without one.

        Raises:
            RecordsUnavailable: The table cannot be read now.
        """
        return next(iter(self.history(limit=10)), DEFAULT_POLICY)

    def history(self, *, limit: int = 50) -> list[Policy]:
        """Return the newest policies, newest first, without `DEFAULT_POLICY`. Invalid ones are logged and skipped.

        Raises:
            RecordsUnavailable: The table cannot be read now.
        """
        with _translated_read_errors():
            page = self._table.query(
                KeyConditionExpression=Key("document").eq(POLICY_KEY),
                ScanIndexForward=False,
                Limit=limit,
                ConsistentRead=True,
            )
        return [policy for item in page["Items"] if (policy := _valid_policy(item))]

    def find(self, name: str) -> Policy | None:
        """Return the policy with this ID; None if it does not exist or is invalid.

        Raises:
            RecordsUnavailable: The table cannot be read now.
        """
        if name == DEFAULT_POLICY.id:
            return DEFAULT_POLICY
        if name[:1] != "p" or not name[1:].isdecimal():
            return None
        key = {"document": POLICY_KEY, "sequencer": policy_sort_key(int(name[1:]))}
        with _translated_read_errors():
            item = self._table.get_item(Key=key, ConsistentRead=True)
        return _valid_policy(item["Item"]) if "Item" in item else None

    def add(self, policy: Policy) -> None:
        """Write a new policy.

        Raises:
            RecordConflict: A policy with this ID exists.
            RecordsUnavailable: The table cannot be written now.
        """
        _put(self._table, policy.to_item(), Attr("document").not_exists(), name=policy.id)


def _put(table: "Table", item: dict[str, Any], condition: ConditionBase, *, name: str) -> None:
    """Write an item on a condition.

    If the answer to a write is lost, the SDK sends it again. The condition then fails because of the first attempt. So
    the write has succeeded if the table contains exactly this item.

    Raises:
        RecordConflict: The condition does not hold.
        RecordsUnavailable: The table cannot be written now.
    """
    try:
        table.put_item(Item=item, ConditionExpression=condition)
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") != "ConditionalCheckFailedException":
            raise RecordsUnavailable(f"the table cannot be written: {error}") from error
        if not _contains(table, item):
            raise RecordConflict(f"{name} was changed by another writer") from error
    except BotoCoreError as error:
        raise RecordsUnavailable(f"the table cannot be written: {error}") from error


def _contains(table: "Table", item: dict[str, Any]) -> bool:
    """Return whether the table contains exactly this item."""
    key = {"document": item["document"], "sequencer": item["sequencer"]}
    with _translated_read_errors():
        return bool(table.get_item(Key=key, ConsistentRead=True).get("Item") == item)


def _valid_policy(item: Mapping[str, Any]) -> Policy | None:
    try:
        return Policy.from_item(item)
    except ValueError as error:
        logger.warning("skipped invalid policy %s: %s", item.get("sequencer"), error)
        return None


@contextmanager
def _translated_read_errors() -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise RecordsUnavailable(f"the table cannot be read: {error}") from error
