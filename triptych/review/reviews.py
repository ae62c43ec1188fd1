"""Reviews of the records: the review queue, labels, and labelled records.

A label is written on the condition that the record has not changed since it was read. So neither a retry of the
orchestrator nor another reviewer's label can be lost.
"""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from records.errors import MAX_CONFLICTS, RecordConflict, RecordsUnavailable
from records.labels import NONE_OF_THESE, normalize_label
from records.record import Record
from records.reviews import REVIEWED, Draw, Queue, Review
from records.table import PolicyTable, RecordTable
from triptych.errors import TriptychError
from triptych.review.focus import Focus
from triptych.review.promise import PromiseGuard
from triptych.review.queues import Deal, Window, deal, queues_to_read
from triptych.storage.results import RecordQuery, Results
from triptych.terminal.text import printable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

logger = logging.getLogger(__name__)

_QUEUES = (Queue.REVIEW, Queue.EVIDENCE, Queue.AUDIT)

WINDOW = 25
"""Minimum number of newest records per queue and shard that the review queue is drawn from."""


class CannotReview(TriptychError):
    """A label cannot be assigned or removed. The message states the reason."""


class RecordStore(Protocol):
    """Reads and writes single records, as `records.table.RecordTable` does."""

    def get(self, document: str, sequencer: str) -> Record | None:
        """Return a record, or None if it does not exist."""

    def save(self, record: Record, *, replacing: Record | None) -> None:
        """Write a record on the condition that `replacing` is the current one."""


@dataclass(frozen=True)
class QueueCounts:
    """Numbers of records, each counted up to `most`.

    Attributes:
        review: Records in the review queue because of a doubtful verdict.
        evidence: Other records on which versions differ. The evidence queue deals those of open pairs.
        audit: Records in the audit sample.
        reviewed: Labelled records.
        most: A number equal to this one means "at least".
    """

    review: int
    evidence: int
    audit: int
    reviewed: int
    most: int


class Reviews:
    """The reviews in one table.

    Args:
        table: The table of records.
        store: Reads and writes single records; by default the table itself.
        now: Returns the current time.
    """

    def __init__(
        self,
        table: "Table",
        *,
        store: RecordStore | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._results = Results(table)
        self._store = store or RecordTable(table)
        self._guard = PromiseGuard(self._results, PolicyTable(table))
        self._now = now

    def deal(self, limit: int = 50, focus: Focus = (), only: Queue | None = None) -> list[Deal]:
        """Return the documents to label next: doubtful ones, evidence and audits in turn, each in pseudorandom order.

        Because of this order, the records labelled so far are a random sample of each queue, wherever a reviewer
        stops. Easy documents first, or those of one morning, would flatter a version. The index lags slightly behind
        the table, so a record that was just labelled may be returned again.

        Args:
            limit: Maximum number of documents.
            focus: The pairs whose disagreements the evidence queue contains.
            only: Restricts the documents to one queue.
        """
        size = max(WINDOW, limit)
        needed = queues_to_read(focus, only)
        with ThreadPoolExecutor(len(needed)) as pool:
            windows = dict(zip(needed, pool.map(lambda queue: self._window(queue, size), needed), strict=True))
        return deal(windows, focus, limit, only)

    def find(self, document: str, sequencer: str = "") -> Record | None:
        """Return the current record of an upload, or of the document's newest upload if no sequencer is given.

        Raises:
            TriptychError: The table cannot be read.
        """
        if "/" not in document:
            return None  # without a bucket it is not a document, but may be the partition key of the policies
        try:
            if not sequencer:
                return next(iter(self._results.history(document, limit=1)), None)
            return self._store.get(document, sequencer)
        except (RecordsUnavailable, BotoCoreError, ClientError) as error:
            raise TriptychError(str(error)) from error

    def label(
        self,
        document: str,
        sequencer: str,
        label: str,
        by: str,
        *,
        seconds: float | None = None,
        picked: bool = False,
        draw: Draw | None = None,
    ) -> Record:
        """Assign a label. The latest label counts; earlier ones are kept.

        Args:
            document: Partition key of the record.
            sequencer: Sort key of the record, or an empty string for the document's newest upload.
            label: A label that a version can predict, or `NONE_OF_THESE`.
            by: Name of the reviewer.
            seconds: How long the reviewer looked at the document.
            picked: Whether the reviewer chose this document instead of taking it from the queue. Such labels are not
                a random sample, and are marked so that the statistics exclude them.
            draw: How the document was drawn, as `deal` returned it.

        Returns:
            The record as stored.

        Raises:
            CannotReview: The record does not exist or has no verdict, or no version can predict the label.
            TriptychError: The table cannot be read or written.
        """
        if not by.strip():
            raise CannotReview("A label needs the name of its reviewer.")

        label, at = normalize_label(label), self._now()

        def review_of(record: Record) -> Review:
            queue = Queue.OTHER if picked else record.queue or Queue.OTHER
            return Review(label, by.strip(), at, queue, seconds, None if picked else draw)

        def change(record: Record) -> Record:
            _check_label(record, label)
            return record.with_review(review_of(record))

        def is_done(record: Record) -> bool:
            return any(review_of(record).same_act(each) for each in record.reviews)

        labelled = self._change(document, sequencer, change, is_done)
        self._keep_promise(labelled)
        return labelled

    def _keep_promise(self, labelled: Record) -> None:
        """Widen doubt if the label shows that a promise is broken. The label is stored even if this fails."""
        try:
            wider = self._guard.check(labelled, self._now())
        except (RecordsUnavailable, BotoCoreError, ClientError) as error:
            logger.warning(
                "This label may show that the promise of the policy is broken, but doubt could not be widened: %s. "
                "Check with triptych report.",
                error,
            )
        else:
            if wider:
                logger.warning("Alarm, %s takes effect within a minute: %s", wider.id, printable(wider.why))

    def undo(self, document: str, sequencer: str, by: str) -> Record:
        """Remove the current label. The one before it, if any, becomes current; otherwise the record waits again.

        Raises:
            CannotReview: There is no label, or the current one is another reviewer's.
            TriptychError: The table cannot be read or written.
        """
        removed: list[Review] = []

        def change(record: Record) -> Record:
            if record.review is None:
                raise CannotReview(f"{document} has no label to undo.")
            if record.review.by != by.strip():
                raise CannotReview(f"The label of {document} is now {record.review.by}'s: assign a new label instead.")
            removed.append(record.review)
            return record.without_review()

        def is_done(record: Record) -> bool:
            return not any(removed[0].same_act(each) for each in record.reviews)

        return self._change(document, sequencer, change, is_done)

    def labelled(self, since: datetime | None = None, until: datetime | None = None, limit: int = 1000) -> list[Record]:
        """Return the newest labelled records, newest first. `since` and `until` are times of upload."""
        return self._results.newest(RecordQuery.where(reviewed=True, since=since, until=until), limit=limit)

    def counts(self, most: int = 1000) -> QueueCounts:
        """Count the records in both queues and the labelled ones, each up to `most`."""
        queries = [RecordQuery("by_review", value) for value in (*_QUEUES, REVIEWED)]
        with ThreadPoolExecutor(len(queries)) as pool:
            review, evidence, audit, reviewed = pool.map(lambda query: self._results.count(query, most=most), queries)
        return QueueCounts(review, evidence, audit, reviewed, most)

    def waiting(self, most: int) -> int:
        """Count the records in all queues together, up to `most`; the queues after that are not read."""
        total = 0
        for queue in _QUEUES:
            if total < most:
                total += self._results.count(RecordQuery("by_review", queue), most=most - total)
        return total

    def _window(self, queue: Queue, limit: int) -> Window:
        return Window.of(self._results.newest_of_each_shard(RecordQuery("by_review", queue), limit=limit), limit)

    def _change(
        self,
        document: str,
        sequencer: str,
        change: Callable[[Record], Record],
        is_done: Callable[[Record], bool],
    ) -> Record:
        """Apply a change to the current record and write it. After a conflict, repeat both.

        Args:
            document: Partition key of the record.
            sequencer: Sort key of the record.
            change: Returns the changed record.
            is_done: Returns whether a record contains the change already. After a conflict, it may: a write whose
                answer was lost may have been stored before others wrote.
        """
        for attempt in range(MAX_CONFLICTS):
            current = self.find(document, sequencer)
            if current is None:
                raise CannotReview(_not_found(document, sequencer))
            if attempt and is_done(current):
                return current
            changed = change(current).next_revision(current)
            try:
                self._store.save(changed, replacing=current)
            except RecordConflict:
                continue
            except RecordsUnavailable as error:
                raise TriptychError(str(error)) from error
            return changed
        raise TriptychError(f"{document} was changed by others {MAX_CONFLICTS} times in a row: try again.")


def _check_label(record: Record, label: str) -> None:
    """Raise CannotReview for a label that cannot be compared with the predictions."""
    name = record.upload.document
    if record.verdict is None:
        raise CannotReview(
            f"{name} is {record.status}: no version predicted a label that yours could be compared with."
        )
    known = record.labels()
    if label not in (*known, NONE_OF_THESE):
        raise CannotReview(
            f"No version knows the label {label!r} of {name}: use {', '.join(known)} or {NONE_OF_THESE}."
        )


def _not_found(document: str, sequencer: str) -> str:
    which = f" with the sequencer {sequencer}" if sequencer else ""
    return f"No record of {document}{which} found. Name a document BUCKET/KEY, as the exported sheet does."
