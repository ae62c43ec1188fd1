"""Reading of the further pages of a long document in parts, by as many decoder processes as are free.

    pages 1 to 8 ──► first process                             the front; an ordinary document has no more
    pages 9 to 12, 13 to 16 … ──► the document's place         one part after the other
                             └──► spare places                 only while no other document waits for them

A part that cannot be read never makes its document unreadable: the document then ends before it.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Final

import numpy as np

from decoding.batch import PageBatch, PageBatches
from decoding.errors import DecoderCrashedError, DecoderTimeoutError, DocumentError
from decoding.isolation.jobs import BatchJob

logger = logging.getLogger(__name__)

PART_PAGES: Final = 4
"""Pages of a part: few, so that a spare place is soon free for another document."""
PART_SECONDS: Final = 5.0
"""Time limit of a part. Ordinary ones take a tenth of a second."""
_RETRY_SECONDS: Final = 0.02

PartReader = Callable[[BatchJob], PageBatches]
"""Decodes the part of the document that a job is about."""
SpareReader = Callable[[], AbstractContextManager[PartReader | None]]
"""Enters a spare place and yields its reader; None if the lane is full."""


class IrregularDocumentError(Exception):
    """A page of a part is damaged or above a limit, so that one process must read the whole document."""


class FurtherPages:
    """The pages after the front of one document.

    Args:
        front: The front of the document.
        job: The job for the whole document.
        began: When decoding began, on the clock of `time.monotonic`. After the job's `further_seconds`, no further part
            is begun.
    """

    def __init__(self, front: PageBatches, job: BatchJob, began: float) -> None:
        limits = job.limits
        seconds = min(limits.max_seconds, PART_SECONDS)
        part = replace(job, limits=replace(limits, max_seconds=seconds, further_seconds=None))
        first = len(front[0].pixels)
        stop = first + front[0].unread
        self._front: Final = front
        self._end: Final = None if limits.further_seconds is None else began + limits.further_seconds
        self._parts: Final = [
            replace(part, part=(at, min(at + PART_PAGES, stop))) for at in range(first, stop, PART_PAGES)
        ]
        self._batches: Final[dict[int, PageBatches]] = {}
        self._begun = 0
        self._irregular = False
        # Guards the attributes above.
        self._lock: Final = threading.Lock()

    def read(self, read_here: PartReader, read_elsewhere: SpareReader, helpers: int) -> PageBatches:
        """Read the parts, and return the front and all parts up to the first that was not read.

        Args:
            read_here: Reads a part at the document's place. What it raises, other than a `DocumentError`, propagates.
            read_elsewhere: Reads a part at a spare place.
            helpers: Number of threads that use spare places.

        Raises:
            IrregularDocumentError: If the parts must be read together.
        """
        threads = [
            threading.Thread(target=self._help, args=(read_elsewhere,), name="decoder-helper", daemon=True)
            for _ in range(min(helpers, len(self._parts) - 1))
        ]
        started: list[threading.Thread] = []
        try:
            for thread in threads:
                thread.start()
                started.append(thread)
            while not self._is_over:
                self._read_next(read_here)
        finally:
            self._stop()
            for thread in started:
                thread.join()
        return self._join()

    @property
    def _is_over(self) -> bool:
        late = self._end is not None and time.monotonic() >= self._end
        return late or self._begun >= len(self._parts)

    def _help(self, read_elsewhere: SpareReader) -> None:
        while not self._is_over:
            try:
                with read_elsewhere() as read:
                    if read is not None:
                        self._read_next(read)
            except Exception:  # the document was cancelled, or no process could be started
                logger.debug("helper stopped", exc_info=True)
                return
            if read is None:
                time.sleep(_RETRY_SECONDS)

    def _read_next(self, read: PartReader) -> None:
        with self._lock:
            if self._is_over:
                return
            number = self._begun
            self._begun += 1
        try:
            self._batches[number] = read(self._parts[number])
        except (DecoderCrashedError, DecoderTimeoutError):
            logger.warning("document truncated: a part of it was not decoded", exc_info=True)
            self._stop()
        except DocumentError:
            self._irregular = True
            self._stop()

    def _stop(self) -> None:
        with self._lock:
            self._begun = len(self._parts)

    def _join(self) -> PageBatches:
        if self._irregular:
            raise IrregularDocumentError
        read = [self._front]
        for number in range(len(self._parts)):
            if number not in self._batches:
                break
            read.append(self._batches[number])
        truncated = self._front[0].truncated or len(read) <= len(self._parts)
        views = np.concatenate([batches[0].views for batches in read])
        cropped = [mark for batches in read for mark in batches[0].cropped]
        upright = [mark for batches in read for mark in batches[0].known_upright]
        return tuple(
            PageBatch(np.concatenate([batch.pixels for batch in of_input]), views, cropped, truncated, upright=upright)
            for of_input in zip(*read, strict=True)
        )
