"""Queries on the table of records, for the commands and for users' own code. Each uses a key or an index.

    from triptych import Results

    for record in Results(stack="NAME").by_label("invoice", since=datetime(2026, 11, 1, tzinfo=UTC)):
        print(record.upload.key, record.verdict.confidence)

docs/records.md has an example of each query.
"""

import heapq
import itertools
import math
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import ConditionBase, Key

from records.keys import ALL, SHARDS, shard_key, timestamp
from records.labels import normalize_label
from records.record import Record, Status
from records.reviews import REVIEWED, Queue
from triptych.storage.connection import connect
from triptych.storage.inbox import StoredObject

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

CLOCK_TOLERANCE = timedelta(seconds=5)
"""How much an event's time may precede the `Date` header of the upload.

The header has whole seconds, and the two times come from different machines of S3.
"""

_FIRST, _LAST = "0000", "9999"
"""Sort before and after every timestamp."""

_PAUSE_S, _MAX_PAUSE_S = 0.02, 1.0
"""Seconds between two attempts to find a new record: the first pause, and the longest."""


@dataclass(frozen=True)
class RecordQuery:
    """One value of one index, and a time range that includes both ends."""

    index: str = "by_time"
    value: str = ALL
    since: datetime | None = None
    until: datetime | None = None

    @classmethod
    def where(
        cls,
        *,
        label: str | None = None,
        status: Status | None = None,
        review: bool = False,
        evidence: bool = False,
        reviewed: bool = False,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> "RecordQuery":
        """Return the query for at most one of `label`, `status`, `review`, `evidence` and `reviewed`.

        Raises:
            ValueError: More than one is given; no index covers a combination.
        """
        if sum((label is not None, status is not None, review, evidence, reviewed)) > 1:
            raise ValueError("label, status, review, evidence and reviewed cannot be combined: each has its own index")
        if label is not None:
            return cls("by_label", normalize_label(label), since, until)
        if status is not None:
            return cls("by_status", str(status), since, until)
        if review:
            return cls("by_review", Queue.REVIEW, since, until)
        if evidence:
            return cls("by_review", Queue.EVIDENCE, since, until)
        if reviewed:
            return cls("by_review", REVIEWED, since, until)
        return cls(since=since, until=until)

    def condition(self, shard: int) -> ConditionBase:
        """Return the key condition of this query in one shard."""
        attribute = self.index.removeprefix("by_") + "_shard"
        since = timestamp(self.since) if self.since else _FIRST
        until = timestamp(self.until) if self.until else _LAST
        return Key(attribute).eq(shard_key(self.value, shard)) & Key("event_time").between(since, until)


class Results:
    """Read access to the table of records.

    The methods `all`, `by_label`, `by_status`, `by_queue` and `labelled` return iterators over the matching records,
    newest first, which read pages as they are needed. Their times are times of upload; both ends are included, and a
    time without a time zone is local time. Each record is a `records.record.Record`.
    """

    def __init__(self, table: "Table | None" = None, *, stack: str | None = None) -> None:
        """Connect to a table.

        Args:
            table: The table. If it is not given, the table of `stack`.
            stack: CloudFormation stack in the account and region of the AWS configuration. None for the local stack.

        Raises:
            StackUnavailable: The stack does not exist, or the credentials do not give access to it.
        """
        self._table = table if table is not None else connect(stack).table

    def all(self, *, since: datetime | None = None, until: datetime | None = None) -> Iterator[Record]:
        """Return all records."""
        return self.matching(RecordQuery.where(since=since, until=until))

    def by_label(self, label: str, *, since: datetime | None = None, until: datetime | None = None) -> Iterator[Record]:
        """Return the records whose verdict is `label`."""
        return self.matching(RecordQuery.where(label=label, since=since, until=until))

    def by_status(
        self, status: Status | str, *, since: datetime | None = None, until: datetime | None = None
    ) -> Iterator[Record]:
        """Return the records of a status: COMPLETE, PARTIAL, REJECTED or FAILED.

        Raises:
            ValueError: There is no such status.
        """
        return self.matching(RecordQuery.where(status=Status(status), since=since, until=until))

    def by_queue(
        self, queue: Queue | str, *, since: datetime | None = None, until: datetime | None = None
    ) -> Iterator[Record]:
        """Return the records in a queue: review, evidence or audit.

        Raises:
            ValueError: There is no such queue.
        """
        return self.matching(RecordQuery("by_review", Queue(queue), since, until))

    def labelled(self, *, since: datetime | None = None, until: datetime | None = None) -> Iterator[Record]:
        """Return the records that a reviewer has labelled."""
        return self.matching(RecordQuery.where(reviewed=True, since=since, until=until))

    def matching(self, query: RecordQuery, *, page: int = 100) -> Iterator[Record]:
        """Return the records that match a query, newest first.

        Args:
            query: The query.
            page: Number of records that are read from each shard at a time.
        """
        shards = [self._shard(query, shard, page) for shard in range(SHARDS)]
        with ThreadPoolExecutor(max_workers=SHARDS) as pool:
            firsts = list(pool.map(lambda records: list(itertools.islice(records, 1)), shards))
        started = (itertools.chain(first, rest) for first, rest in zip(firsts, shards, strict=True))
        return heapq.merge(*started, key=_sort_key, reverse=True)

    def newest(self, query: RecordQuery, *, limit: int) -> list[Record]:
        """Return at most `limit` matching records, newest first.

        All shards are queried at the same time, each for slightly more than its expected share. Further pages of a
        shard are read only if the merge reaches their end.
        """
        share = limit / SHARDS
        page = math.ceil(share + 3 * math.sqrt(share))  # three standard deviations above a shard's expected share
        return list(itertools.islice(self.matching(query, page=page), limit))

    def newest_of_each_shard(self, query: RecordQuery, *, limit: int) -> list[Record]:
        """Return at most `limit` of the newest matching records of each shard, in no particular order.

        Documents are assigned to shards at random, so this is a random sample of the newest documents.
        """
        with ThreadPoolExecutor(max_workers=SHARDS) as pool:
            return [*itertools.chain(*pool.map(lambda shard: self._first(query, shard, limit), range(SHARDS)))]

    def count(self, query: RecordQuery, *, most: int) -> int:
        """Count the matching records, up to `most`: DynamoDB charges for every item that it counts.

        Each shard first counts slightly more than its expected share of `most`, and all that it has only if the sum of
        these does not reach it.
        """
        share = _shard_share(most)
        with ThreadPoolExecutor(max_workers=SHARDS) as pool:
            first = list(pool.map(lambda shard: self._count(query, shard, share), range(SHARDS)))
            if sum(first) >= most:
                return most
            full = [shard for shard, counted in enumerate(first) if counted >= share]
            others = sum(counted for counted in first if counted < share)
            return min(most, others + sum(pool.map(lambda shard: self._count(query, shard, most), full)))

    def history(self, document: str, *, limit: int = 100) -> list[Record]:
        """Return the records of all uploads of one document, newest first."""
        items = self._pages(KeyConditionExpression=Key("document").eq(document), Limit=limit, ConsistentRead=True)
        return [Record.from_item(item) for item in itertools.islice(items, limit)]

    def find(self, stored: StoredObject) -> Record | None:
        """Return the record of one upload, or None if it does not exist yet.

        The version id identifies the upload. In a bucket without versions, the ETag and the time do.
        """
        for record in self.history(stored.document, limit=10):
            upload = record.upload
            if stored.version_id:
                if upload.version_id == stored.version_id:
                    return record
            elif upload.etag == stored.etag and upload.event_time >= stored.at - CLOCK_TOLERANCE:
                return record
        return None

    def wait_for(self, stored: StoredObject, timeout_s: float) -> Record | None:
        """Return the record of one upload, or None if it does not appear within `timeout_s` seconds."""
        deadline = time.monotonic() + timeout_s
        pause = _PAUSE_S  # short at first, because a warm stack needs only a fraction of a second
        while time.monotonic() < deadline:
            if record := self.find(stored):
                return record
            time.sleep(pause)
            pause = min(pause * 1.3, _MAX_PAUSE_S)
        return None

    def _shard(self, query: RecordQuery, shard: int, page: int) -> Iterator[Record]:
        """Yield all matching records of a shard, newest first, reading pages on demand."""
        items = self._pages(IndexName=query.index, KeyConditionExpression=query.condition(shard), Limit=page)
        return (Record.from_item(item) for item in items)

    def _first(self, query: RecordQuery, shard: int, limit: int) -> list[Record]:
        return list(itertools.islice(self._shard(query, shard, limit), limit))

    def _count(self, query: RecordQuery, shard: int, most: int) -> int:
        counted = 0
        arguments: dict[str, Any] = {
            "IndexName": query.index,
            "KeyConditionExpression": query.condition(shard),
            "Select": "COUNT",
        }
        while counted < most:
            page = self._table.query(**arguments, Limit=most - counted)
            counted += page["Count"]
            if "LastEvaluatedKey" not in page:
                break
            arguments["ExclusiveStartKey"] = page["LastEvaluatedKey"]
        return counted

    def _pages(self, **arguments: Any) -> Iterator[dict[str, Any]]:
        """Yield items newest first. DynamoDB ends a page at `Limit` items or at one megabyte."""
        while True:
            page = self._table.query(**arguments, ScanIndexForward=False)
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            arguments["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def poll_changes(
    fetch: Callable[[], Iterable[Record]], *, pause: float, sleep: Callable[[float], None] = time.sleep
) -> Iterator[list[Record]]:
    """Call `fetch` repeatedly and yield the records that are new or changed each time, oldest first.

    The yielded list is empty if nothing changed.
    """
    seen: dict[tuple[str, str], int] = {}
    while True:
        fetched = {(record.upload.document, record.upload.sort_key): record for record in fetch()}
        changed = [record for key, record in fetched.items() if seen.get(key) != record.revision]
        seen = {key: record.revision for key, record in fetched.items()}
        yield sorted(changed, key=_sort_key)
        sleep(pause)


def _shard_share(records: int) -> int:
    """Return how many of a number of records one shard has at most: three standard deviations above its share."""
    share = records / SHARDS
    return math.ceil(share + 3 * math.sqrt(share))


def _sort_key(record: Record) -> tuple[datetime, str, str]:
    return record.upload.event_time, record.upload.document, record.upload.sort_key
