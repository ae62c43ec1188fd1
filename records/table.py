"""The table of records and policies: consistent reads, conditional writes."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Attr, ConditionBase, Key
from botocore.exceptions import BotoCoreError, ClientError

from records.errors import RecordConflict, RecordsUnavailable
from records.policy import DEFAULT_POLICY, POLICY_KEY, Policy, sort_key
from records.record import Record
from records.uploads import Upload

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

log = logging.getLogger(__name__)


class RecordTable:
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
        return self.get(upload.document, upload.sort_key)

    def get(self, document: str, sequencer: str) -> Record | None:
        """The record under a key, read consistently; None where there is none.

        Raises:
            RecordsUnavailable: the table cannot be read just now.
        """
        with _readable():
            item = self._table.get_item(Key={"document": document, "sequencer": sequencer}, ConsistentRead=True)
        return Record.from_item(item["Item"]) if "Item" in item else None

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
        with _writable(record.upload.document):
            self._table.put_item(Item=record.to_item(), ConditionExpression=condition)


class PolicyTable:
    """The policies in the table: the newest holds, and none is ever changed."""

    def __init__(self, table: "Table") -> None:
        self._table = table

    def newest(self) -> Policy:
        """The newest policy that makes sense; `DEFAULT_POLICY` where there is none.

        Raises:
            RecordsUnavailable: the table cannot be read just now.
        """
        return next(iter(self.history(limit=10)), DEFAULT_POLICY)

    def history(self, *, limit: int = 50) -> list[Policy]:
        """The newest policies, newest first, without `DEFAULT_POLICY`. One that makes no sense is passed over, and logged.

        Raises:
            RecordsUnavailable: the table cannot be read just now.
        """
        mine = Key("document").eq(POLICY_KEY)
        with _readable():
            page = self._table.query(
                KeyConditionExpression=mine, ScanIndexForward=False, Limit=limit, ConsistentRead=True
            )
        return [policy for item in page["Items"] if (policy := _policy(item))]

    def find(self, name: str) -> Policy | None:
        """The policy with this id.

        Raises:
            RecordsUnavailable: the table cannot be read just now.
        """
        if name == DEFAULT_POLICY.id:
            return DEFAULT_POLICY
        if name[:1] != "p" or not name[1:].isdecimal():
            return None
        with _readable():
            item = self._table.get_item(
                Key={"document": POLICY_KEY, "sequencer": sort_key(int(name[1:]))}, ConsistentRead=True
            )
        return _policy(item["Item"]) if "Item" in item else None

    def add(self, policy: Policy) -> None:
        """Make a policy the newest.

        Raises:
            RecordConflict: there is one with this id.
            RecordsUnavailable: the table cannot be written just now.
        """
        with _writable(policy.id):
            self._table.put_item(Item=policy.to_item(), ConditionExpression=Attr("document").not_exists())


def _policy(item: Mapping[str, Any]) -> Policy | None:
    try:
        return Policy.from_item(item)
    except ValueError as error:
        log.warning("the policy %s makes no sense: %s", item.get("sequencer"), error)
        return None


@contextmanager
def _writable(what: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == "ConditionalCheckFailedException":
            raise RecordConflict(f"{what} changed meanwhile") from error
        raise RecordsUnavailable(f"the table cannot be written: {error}") from error
    except BotoCoreError as error:
        raise RecordsUnavailable(f"the table cannot be written: {error}") from error


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise RecordsUnavailable(f"the table cannot be read: {error}") from error
