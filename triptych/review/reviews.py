"""What people say of documents: the queue that they work through, their labels, and what has been labelled.

A label is written under the same condition as everything else in a record (nobody wrote since we looked), so neither
a retry of the orchestrator nor another person's label can be lost.
"""

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from records.errors import RecordConflict, RecordsUnavailable
from records.record import Record
from records.reviews import NONE_OF_THESE, REVIEWED, Queue, Review
from records.table import RecordTable
from records.uploads import audit_number
from triptych.errors import TriptychError
from triptych.storage.results import RecordQuery, Results

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

WINDOW = 25
"""The queue deals from so many of the newest of each kind and shard, or from more where more are asked for."""


class CannotReview(TriptychError):
    """The label cannot be given or taken back; the message says why."""


class Store(Protocol):
    """Where the records are."""

    def get(self, document: str, sequencer: str) -> Record | None:
        """See `records.table.RecordTable.get`."""

    def save(self, record: Record, *, replacing: Record | None) -> None:
        """See `records.table.RecordTable.save`."""


@dataclass(frozen=True)
class Counts:
    """How many wait as doubts, how many for an audit, and how many are labelled; `most` means so many or more."""

    review: int
    audit: int
    reviewed: int
    most: int


class Reviews:
    """The labels in one table.

    Args:
        table: the records.
        store: reads and writes single records; the table's own by default.
        now: the time of day.
    """

    def __init__(
        self, table: "Table", *, store: Store | None = None, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._results = Results(table)
        self._store = store or RecordTable(table)
        self._now = now

    def queue(self, limit: int = 50) -> list[Record]:
        """What a person should label next: doubts and audits in turn, each kind in the order of `uploads.audit_number`.

        The order is as good as random within the newest that wait, so that whoever stops anywhere has labelled a
        fair sample of each kind: the easy ones first, or the ones of one morning, would flatter a version. An index
        is a moment behind its table: what was labelled just now may be dealt once more.
        """
        kinds = [self._waiting(Queue.REVIEW, limit), self._waiting(Queue.AUDIT, limit)]
        mixed = (record for pair in itertools.zip_longest(*kinds) for record in pair if record)
        return list(itertools.islice(mixed, limit))

    def find(self, document: str, sequencer: str = "") -> Record | None:
        """The record as it stands now; of the document's newest upload where no sequencer is given.

        Raises:
            TriptychError: the table cannot be read just now.
        """
        if "/" not in document:
            return None  # no bucket, so no document: policies stand there
        try:
            if not sequencer:
                return next(iter(self._results.history(document, limit=1)), None)
            return self._store.get(document, sequencer)
        except (RecordsUnavailable, BotoCoreError, ClientError) as error:
            raise TriptychError(str(error)) from error

    def label(
        self, document: str, sequencer: str, label: str, by: str, *, seconds: float | None = None, picked: bool = False
    ) -> Record:
        """Say what a document is. The last label stands, the ones before it are kept.

        Args:
            document: the record's partition key.
            sequencer: its sort key; where it is empty, the document's newest upload is meant.
            label: one that a version could have given, or `NONE_OF_THESE`.
            by: who says so.
            seconds: how long the person looked.
            picked: the person looked this very document up, it was not dealt by the queue: such labels are no random
                sample, and are marked so that no statistic takes them for one.

        Returns:
            The record as it is stored now.

        Raises:
            CannotReview: there is no such record, it has no verdict, or no version knows the label.
            TriptychError: the table cannot be read or written just now.
        """
        if not by.strip():
            raise CannotReview("A label needs a name: who says so?")

        def change(record: Record) -> Record:
            _check(record, label)
            queue = Queue.OTHER if picked else record.queue or Queue.OTHER
            return record.with_review(Review(label, by.strip(), self._now(), queue, seconds))

        return self._change(document, sequencer, change)

    def undo(self, document: str, sequencer: str, by: str) -> Record:
        """Take back the label that stands; the one before it, if any, stands again, or the document waits again.

        Raises:
            CannotReview: no label stands, or somebody else's does.
            TriptychError: the table cannot be read or written just now.
        """

        def change(record: Record) -> Record:
            if record.review is None:
                raise CannotReview(f"{document} has no label to take back.")
            if record.review.by != by.strip():
                raise CannotReview(f"The label of {document} is {record.review.by}'s now: label it anew instead.")
            return record.without_review()

        return self._change(document, sequencer, change)

    def labelled(self, since: datetime | None = None, until: datetime | None = None, limit: int = 1000) -> list[Record]:
        """The newest uploads that have a label, newest first; `since` and `until` are times of upload."""
        return self._results.newest(RecordQuery.where(reviewed=True, since=since, until=until), limit=limit)

    def counts(self, most: int = 1000) -> Counts:
        """How much waits and how much is done, each counted up to `most`: counting reads what it counts."""
        asked = [RecordQuery("by_review", value) for value in (Queue.REVIEW, Queue.AUDIT, REVIEWED)]
        with ThreadPoolExecutor(len(asked)) as pool:
            review, audit, reviewed = pool.map(lambda question: self._results.count(question, most=most), asked)
        return Counts(review, audit, reviewed, most)

    def _waiting(self, queue: Queue, limit: int) -> list[Record]:
        records = self._results.newest_of_each_shard(RecordQuery("by_review", queue), limit=max(WINDOW, limit))
        return sorted(records, key=lambda record: audit_number(record.upload.document, record.upload.sort_key))

    def _change(self, document: str, sequencer: str, change: Callable[[Record], Record]) -> Record:
        """Write what becomes of the record, and on a conflict of the record as it then is, until it is written."""
        while True:
            seen = self.find(document, sequencer)
            if seen is None:
                raise CannotReview(_unknown(document, sequencer))
            record = change(seen).next_revision(seen)
            try:
                self._store.save(record, replacing=seen)
            except RecordConflict:
                continue
            except RecordsUnavailable as error:
                raise TriptychError(str(error)) from error
            return record


def _check(record: Record, label: str) -> None:
    """Refuse a label that could never be compared with what the versions said."""
    name = record.upload.document
    if record.verdict is None:
        raise CannotReview(
            f"{name} is {record.status}: no version answered, so a label would be compared with nothing."
        )
    known = record.labels()
    if label not in (*known, NONE_OF_THESE):
        raise CannotReview(f"No version that saw {name} knows {label!r}: choose {', '.join(known)} or {NONE_OF_THESE}.")


def _unknown(document: str, sequencer: str) -> str:
    which = f" with the sequencer {sequencer}" if sequencer else ""
    return f"There is no record of {document}{which}. A document is named BUCKET/KEY here, as the exported sheet does."
