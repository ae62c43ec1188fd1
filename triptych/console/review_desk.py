"""The desk at which one person reviews: the document on it, those that come next, and what was just done."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from records.record import Record
from triptych.console.access import Access
from triptych.console.views import identity

DECK = 40
"""Documents that the queue deals at a time: dealing reads several hundred records, so it is not done for each."""

_AWAY_SECONDS = 300.0
"""Whoever takes longer over a document has been away; that says nothing about the work."""


@dataclass
class Desk:
    """What one console remembers of a review. The labels themselves are in the table.

    Args:
        access: the stack.
        who: in whose name.
        clock: seconds that only ever grow.
    """

    access: Access
    who: str
    clock: Callable[[], float] = time.monotonic
    done: list[Record] = field(default_factory=list)
    """What was labelled at this desk and not taken back, oldest first."""

    def __post_init__(self) -> None:
        self._deck: deque[Record] = deque()
        self._skipped: set[str] = set()
        self._shown: dict[str, float] = {}
        self._spent: list[float] = []
        self.changes = 0
        """Counts labels given and taken back, so that others see that something changed."""
        self._lock = threading.RLock()  # one person, but a browser may ask twice at once

    def current(self) -> Record | None:
        """The document that lies on the desk: as it stands now, and still waiting. None when nothing waits."""
        with self._lock:
            reviews = self.access().reviews
            dealt = False
            while True:
                if not self._deck:
                    if dealt:
                        return None
                    self._deal()
                    dealt = True
                    continue
                first = self._deck[0].upload
                record = reviews.find(first.document, first.sort_key)
                if record and record.queue:  # else somebody else was quicker, or the index is behind
                    self._deck[0] = record
                    self._shown.setdefault(identity(record), self.clock())
                    return record
                self._deck.popleft()

    def ahead(self, number: int = 2) -> list[Record]:
        """What comes next: its pictures may be fetched already."""
        with self._lock:
            return list(self._deck)[1 : number + 1]

    def label(self, document: str, sequencer: str, label: str, *, picked: bool = False) -> Record:
        """Write a label; the document leaves the desk.

        Raises:
            TriptychError: it cannot be given.
        """
        with self._lock:
            seconds = None if picked else self._seconds(f"{document}\n{sequencer}")
            record = self.access().reviews.label(document, sequencer, label, self.who, seconds=seconds, picked=picked)
            self.changes += 1
            self._put_aside(identity(record))
            if seconds is not None:
                self._spent.append(seconds)
            if not picked:
                self.done.append(record)
            return record

    def undo(self) -> Record | None:
        """Take the last label back; its document lies on the desk again. None where nothing was labelled here.

        Raises:
            TriptychError: it cannot be taken back.
        """
        with self._lock:
            if not self.done:
                return None
            last = self.done[-1].upload
            record = self.access().reviews.undo(last.document, last.sort_key, self.who)
            self.changes += 1
            self.done.pop()
            if self._spent:
                self._spent.pop()
            self._shown.pop(identity(record), None)
            self._deck.appendleft(record)
            return record

    def skip(self, document: str, sequencer: str) -> None:
        """Leave a document for another day."""
        with self._lock:
            self._skipped.add(f"{document}\n{sequencer}")
            self._put_aside(f"{document}\n{sequencer}")

    def pace(self) -> int | None:
        """Documents an hour, by how long the last fifty took; None before there is enough to tell."""
        with self._lock:
            recent = self._spent[-50:]
            return round(3600 * len(recent) / total) if len(recent) >= 3 and (total := sum(recent)) > 0 else None

    def _deal(self) -> None:
        dealt = self.access().reviews.queue(DECK + len(self._skipped))
        self._deck.extend(record for record in dealt if identity(record) not in self._skipped)

    def _put_aside(self, name: str) -> None:
        self._deck = deque(record for record in self._deck if identity(record) != name)

    def _seconds(self, name: str) -> float | None:
        shown = self._shown.pop(name, None)
        if shown is None or self.clock() - shown > _AWAY_SECONDS:
            return None
        return round(self.clock() - shown, 2)
