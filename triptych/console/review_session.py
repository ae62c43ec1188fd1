"""The review session of one user: the current document, those that follow, and the labels assigned so far."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from records.record import Record
from records.reviews import Draw, Queue
from triptych.console.access import StackAccess
from triptych.console.views import upload_id
from triptych.review.focus import Focus
from triptych.review.queues import Deal

BATCH_SIZE = 40
"""Number of documents fetched from the review queue at once, because each fetch reads several hundred records."""

_MAX_SECONDS = 300.0
"""Longer times for one document are not recorded: the user was probably away."""


@dataclass
class ReviewSession:
    """State of a review that is not in the table. The labels themselves are. Safe to use from several threads.

    Args:
        access: The stack.
        user: Name recorded with the labels.
        focus: Returns the pairs of versions that are still open.
        clock: Monotonic clock, in seconds.
    """

    access: StackAccess
    user: str
    focus: Callable[[], Focus] = tuple
    clock: Callable[[], float] = time.monotonic
    labelled: list[Record] = field(default_factory=list)
    """Records labelled in this session and not undone, oldest first."""

    def __post_init__(self) -> None:
        self._pending: deque[Deal] = deque()
        self._shown: dict[str, Deal] = {}
        self._skipped: set[str] = set()
        self._shown_at: dict[str, float] = {}
        self._seconds_spent: list[float] = []
        self.changes = 0
        """Number of labels assigned and undone, by which cached results are invalidated."""
        self._lock = threading.RLock()

    def current(self) -> Record | None:
        """Return the document to label next, freshly read and still unlabelled; None if the queue is empty."""
        with self._lock:
            reviews = self.access().reviews
            fetched = False
            while True:
                if not self._pending:
                    if fetched:
                        return None
                    self._fetch()
                    fetched = True
                    continue
                first = self._pending[0].record.upload
                record = reviews.find(first.document, first.sort_key)
                if record and record.verdict and not record.review:
                    self._pending[0] = replace(self._pending[0], record=record)
                    self._shown[upload_id(record)] = self._pending[0]
                    self._shown_at.setdefault(upload_id(record), self.clock())
                    return record
                self._pending.popleft()  # labelled by another reviewer, or the index is not up to date

    def reason(self) -> str:
        """Return why the current document is asked for; empty if there is none."""
        with self._lock:
            return self._pending[0].reason if self._pending else ""

    def upcoming(self, number: int = 2) -> list[Record]:
        """Return the documents after the current one, whose pictures can be preloaded."""
        with self._lock:
            return [deal.record for deal in list(self._pending)[1 : number + 1]]

    def label(self, document: str, sequencer: str, label: str, *, picked: bool = False) -> Record:
        """Write a label and remove the document from the session.

        Args:
            document: Partition key of the record.
            sequencer: Sort key of the record.
            label: The label.
            picked: Whether the user selected the document instead of taking it from the review queue.

        Returns:
            The record as stored.

        Raises:
            TriptychError: The label cannot be assigned.
        """
        with self._lock:
            seconds = None if picked else self._seconds_shown(f"{document}\n{sequencer}")
            shown = self._shown.get(f"{document}\n{sequencer}")
            draw = shown.draw if shown else None
            record = self.access().reviews.label(
                document, sequencer, label, self.user, seconds=seconds, picked=picked, draw=draw
            )
            self.changes += 1
            self._remove(upload_id(record))
            if seconds is not None:
                self._seconds_spent.append(seconds)
            if not picked:
                self.labelled.append(record)
            return record

    def undo(self) -> Record | None:
        """Undo the last label of this session and return its document as the current one; None without a label.

        Raises:
            TriptychError: The label cannot be undone.
        """
        with self._lock:
            if not self.labelled:
                return None
            last = self.labelled[-1].upload
            record = self.access().reviews.undo(last.document, last.sort_key, self.user)
            self.changes += 1
            self.labelled.pop()
            if self._seconds_spent:
                self._seconds_spent.pop()
            self._shown_at.pop(upload_id(record), None)
            shown = self._shown.get(upload_id(record)) or Deal(record, Draw(record.queue or Queue.OTHER, 1.0), "")
            self._pending.appendleft(replace(shown, record=record))
            return record

    def skip(self, document: str, sequencer: str) -> None:
        """Remove a document from this session without a label. It stays in the review queue."""
        with self._lock:
            self._skipped.add(f"{document}\n{sequencer}")
            self._remove(f"{document}\n{sequencer}")

    def documents_per_hour(self) -> int | None:
        """Return the pace over the last fifty documents; None for fewer than three."""
        with self._lock:
            recent = self._seconds_spent[-50:]
            return round(3600 * len(recent) / total) if len(recent) >= 3 and (total := sum(recent)) > 0 else None

    def _fetch(self) -> None:
        deals = self.access().reviews.deal(BATCH_SIZE + len(self._skipped), self.focus())
        self._pending.extend(deal for deal in deals if upload_id(deal.record) not in self._skipped)

    def _remove(self, upload: str) -> None:
        self._pending = deque(deal for deal in self._pending if upload_id(deal.record) != upload)

    def _seconds_shown(self, upload: str) -> float | None:
        shown_at = self._shown_at.pop(upload, None)
        if shown_at is None or self.clock() - shown_at > _MAX_SECONDS:
            return None
        return round(self.clock() - shown_at, 2)
