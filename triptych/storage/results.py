"""Read records back: every question is a query on a key or an index, never a scan."""

import heapq
import itertools
import math
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import ConditionBase, Key

from records.keys import ALL, SHARDS, shard_key, timestamp
from records.record import Record, Status
from records.reviews import REVIEWED, Queue
from triptych.storage.inbox import StoredObject

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

_FIRST, _LAST = "0000", "9999"
"""Sort before and after every timestamp."""

_PAUSE_S, _LONGEST_PAUSE_S = 0.02, 1.0
"""Seconds between two looks for a record that is not there yet."""


@dataclass(frozen=True)
class RecordQuery:
    """Which records: one index, one value in it, and a time range (both ends included)."""

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
        reviewed: bool = False,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> "RecordQuery":
        """The question for at most one of `label`, `status`, `review` and `reviewed`.

        Raises:
            ValueError: more than one is given: no index answers that.
        """
        if sum((label is not None, status is not None, review, reviewed)) > 1:
            raise ValueError("label, status, review and reviewed cannot be combined: each is an index of its own")
        if label is not None:
            return cls("by_label", label, since, until)
        if status is not None:
            return cls("by_status", str(status), since, until)
        if review:
            return cls("by_review", Queue.REVIEW, since, until)
        if reviewed:
            return cls("by_review", REVIEWED, since, until)
        return cls(since=since, until=until)

    def condition(self, shard: int) -> ConditionBase:
        """The key condition of this question in one shard."""
        attribute = self.index.removeprefix("by_") + "_shard"
        since = timestamp(self.since) if self.since else _FIRST
        until = timestamp(self.until) if self.until else _LAST
        return Key(attribute).eq(shard_key(self.value, shard)) & Key("event_time").between(since, until)


class Results:
    """The table of records as people read it."""

    def __init__(self, table: "Table") -> None:
        self._table = table

    def newest(self, question: RecordQuery, *, limit: int) -> list[Record]:
        """At most `limit` records that answer the question, newest first.

        The shards are asked at the same time, each for its share and some more; of one that holds more than that of
        the newest, the next page is read when it is come to.
        """
        share = limit / SHARDS
        page = math.ceil(share + 3 * math.sqrt(share))  # documents fall to shards by chance: three deviations more
        shards = [self._shard(question, shard, page) for shard in range(SHARDS)]
        with ThreadPoolExecutor(max_workers=SHARDS) as pool:
            firsts = list(pool.map(lambda records: list(itertools.islice(records, 1)), shards))
        begun = (itertools.chain(first, rest) for first, rest in zip(firsts, shards, strict=True))
        return list(itertools.islice(heapq.merge(*begun, key=_age, reverse=True), limit))

    def newest_of_each_shard(self, question: RecordQuery, *, limit: int) -> list[Record]:
        """At most `limit` of the newest records of each shard, in no order.

        As documents fall to shards by chance, they are as fair a sample of the newest as any.
        """
        with ThreadPoolExecutor(max_workers=SHARDS) as pool:
            return [*itertools.chain(*pool.map(lambda shard: self._some(question, shard, limit), range(SHARDS)))]

    def count(self, question: RecordQuery, *, most: int) -> int:
        """How many records answer the question, counted up to `most`: DynamoDB reads every item that it counts."""
        with ThreadPoolExecutor(max_workers=SHARDS) as pool:
            return min(most, sum(pool.map(lambda shard: self._count(question, shard, most), range(SHARDS))))

    def history(self, document: str, *, limit: int = 100) -> list[Record]:
        """The records of one document, one for each upload of its name, newest first."""
        items = self._pages(KeyConditionExpression=Key("document").eq(document), Limit=limit, ConsistentRead=True)
        return [Record.from_item(item) for item in itertools.islice(items, limit)]

    def find(self, dropped: StoredObject) -> Record | None:
        """The record of one particular upload, once there is one.

        The version id tells it from other uploads of its name; without one, its content and its time do.
        """
        for record in self.history(dropped.document, limit=10):
            upload = record.upload
            if dropped.version_id:
                if upload.version_id == dropped.version_id:
                    return record
            elif upload.etag == dropped.etag and upload.event_time >= dropped.at:
                return record
        return None

    def wait_for(self, dropped: StoredObject, patience: float) -> Record | None:
        """The record of one upload, after waiting for it at most `patience` seconds."""
        until = time.monotonic() + patience
        pause = _PAUSE_S  # short at first, for a warm stack answers in a blink
        while time.monotonic() < until:
            if record := self.find(dropped):
                return record
            time.sleep(pause)
            pause = min(pause * 1.3, _LONGEST_PAUSE_S)
        return None

    def _shard(self, question: RecordQuery, shard: int, page: int) -> Iterator[Record]:
        """Every record of a shard that answers, newest first, read page by page as it is asked for."""
        items = self._pages(IndexName=question.index, KeyConditionExpression=question.condition(shard), Limit=page)
        return (Record.from_item(item) for item in items)

    def _some(self, question: RecordQuery, shard: int, limit: int) -> list[Record]:
        return list(itertools.islice(self._shard(question, shard, limit), limit))

    def _count(self, question: RecordQuery, shard: int, most: int) -> int:
        counted = 0
        query: dict[str, Any] = {
            "IndexName": question.index,
            "KeyConditionExpression": question.condition(shard),
            "Select": "COUNT",
        }
        while counted < most:
            page = self._table.query(**query, Limit=most - counted)
            counted += page["Count"]
            if "LastEvaluatedKey" not in page:
                break
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]
        return counted

    def _pages(self, **query: Any) -> Iterator[dict[str, Any]]:
        """Items newest first. A page holds as many as `Limit` says, or a megabyte, however few items that is."""
        while True:
            page = self._table.query(**query, ScanIndexForward=False)
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def poll_changes(
    ask: Callable[[], Iterable[Record]], *, pause: float, sleep: Callable[[float], None] = time.sleep
) -> Iterator[list[Record]]:
    """Ask again and again, and give what is new or changed each time, oldest first; an empty list where nothing is."""
    seen: dict[tuple[str, str], int] = {}
    while True:
        fresh = []
        for record in ask():
            key = (record.upload.document, record.upload.sort_key)
            if seen.get(key) != record.revision:
                seen[key] = record.revision
                fresh.append(record)
        yield sorted(fresh, key=_age)
        sleep(pause)


def _age(record: Record) -> tuple[datetime, str, str]:
    return record.upload.event_time, record.upload.document, record.upload.sort_key
