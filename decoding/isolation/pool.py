"""A pool of decoder processes, which isolates its parent from hostile documents.

    request ──► idle process ──► document ──► pages ──► idle again
                                    │ crashed, timed out, violated the protocol or did not stop
                                    └──► killed and replaced

A document that takes over or crashes a decoder process fails its own request only. A process that ends while it is
idle, or fails before it has a document, is replaced without a failed request. A slow document makes way for others, see
`decoding.isolation.lanes`.
"""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Final, Self

from decoding.batch import BatchDecoder, PageBatch, PageBatches
from decoding.cancellation import CancelCheck, never_cancel
from decoding.cost import is_likely_slow
from decoding.errors import DecoderCrashedError, DecoderTimeoutError, DecoderUnavailableError, DecodingError
from decoding.isolation.jobs import BatchJob, Job, Result
from decoding.isolation.lanes import Lanes, Place
from decoding.isolation.parts import FurtherPages, IrregularDocumentError, PartReader
from decoding.isolation.process import DecoderLostError, DecoderProcess
from decoding.isolation.start_threads import StartThreads
from decoding.limits import Limits
from decoding.preprocessing import Preprocessing
from decoding.reader import sniff

logger = logging.getLogger(__name__)

# How often a waiting request calls its cancel check.
_CHECK_SECONDS: Final = 0.05
# Decoder processes that a document is offered to before its request fails.
_ATTEMPTS: Final = 3
# Processes are replaced in a fraction of this time; longer without any process is an outage.
_REPLACEMENT_SECONDS: Final = 5.0
_CLOSE_SECONDS: Final = 5.0


class DecoderPool:
    """Decoder processes for the threads of one parent.

    Each process passes a self-test before it gets a document. Use the pool as a context manager, or call `close`.

    Args:
        size: Ordinary documents that are decoded at the same time: as many as there are CPUs.
        slow: Slow documents that make way for others, in addition; each has a process.
        ahead: Further ordinary documents, which are begun before a CPU is free for them; each has a process.
        lazy: Start processes when they are needed, instead of keeping them running.
    """

    def __init__(self, size: int, *, slow: int = 0, ahead: int = 0, lazy: bool = False) -> None:
        self._lanes: Final = Lanes(size, slow, ahead=ahead)
        self._size: Final = size
        self._spare: Final = slow + ahead
        self._lazy: Final = lazy
        # Guards all attributes below and is notified of their changes.
        self._changed: Final = threading.Condition()
        self._processes: Final[set[DecoderProcess]] = set()
        self._idle: Final[list[DecoderProcess]] = []
        self._starts: Final = StartThreads(self._start, "decoder")
        self._empty_since: float | None = time.monotonic()  # if there is no process
        self._closed = False
        if not lazy:
            with self._changed:
                self._start_missing()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pids(self) -> list[int]:
        """The ids of the processes that have passed the self-test."""
        with self._changed:
            return [process.pid for process in self._processes]

    @property
    def busy(self) -> int:
        """The number of processes that have a document."""
        with self._changed:
            return len(self._processes) - len(self._idle)

    def wait_until_ready(self) -> None:
        """Wait until ordinary documents need not wait for the start of a process.

        Raises:
            DecoderUnavailableError: If a process does not start.
        """
        with self._changed:
            while len(self._processes) < self._size:
                self._check_closed()
                if self._starts.failed:
                    raise DecoderUnavailableError("A decoder process did not start.")
                self._start_missing()
                self._changed.wait(_CHECK_SECONDS)

    def outage_seconds(self) -> float:
        """Return for how long no decoder process has been available; 0 while one is, or is about to be."""
        self._replace_dead()
        with self._changed:
            if self._empty_since is None:
                return 0.0
            seconds = time.monotonic() - self._empty_since
            return seconds if self._starts.failed or seconds > _REPLACEMENT_SECONDS else 0.0

    def decode_batch(
        self, data: bytes, preprocessing: Preprocessing, limits: Limits, check_cancelled: CancelCheck = never_cancel
    ) -> PageBatch:
        """Decode a document like `decoding.batch.decode_batch`, in a decoder process.

        Raises:
            DocumentError: See `run`.
            DecoderUnavailableError: See `run`.
        """
        with self.batch_decoder(data, check_cancelled) as decode:
            return decode(data, [preprocessing], limits, check_cancelled)[0]

    def run(self, job: Job[Result], data: bytes, check_cancelled: CancelCheck = never_cancel) -> Result:
        """Process a document in a decoder process. Safe to call from several threads.

        Args:
            job: What to do with the document, within its limits.
            data: The whole document.
            check_cancelled: Called several times a second; if it raises, decoding is stopped.

        Raises:
            DocumentError: If the document cannot be read; `DecoderCrashedError` or `DecoderTimeoutError` if the
                decoder process crashed or exceeded the time limit.
            DecoderUnavailableError: If no decoder process is available. The document is not the cause.
        """
        with self._place(data, check_cancelled) as place:
            return self._run(place, job, data, check_cancelled)

    @contextmanager
    def batch_decoder(
        self, data: bytes, check_cancelled: CancelCheck = never_cancel, *, first: bool = False
    ) -> Iterator[BatchDecoder]:
        """Wait for a place for a document, and yield a function like `decode_batches` that uses it.

        The place is kept until the end of the `with` statement, so that further work on the document counts, too.

        Args:
            data: The whole document, whose estimated cost decides where it waits.
            check_cancelled: Called several times a second while the document waits.
            first: Whether the document waits before all others.
        """

        def decode(data: bytes, inputs: Sequence[Preprocessing], limits: Limits, check: CancelCheck) -> PageBatches:
            return self._decode(place, BatchJob(limits, tuple(inputs)), data, check)

        with self._place(data, check_cancelled, first=first) as place:
            yield decode

    @contextmanager
    def place_for_decoded(self, check_cancelled: CancelCheck = never_cancel, *, first: bool = False) -> Iterator[None]:
        """Wait for a place for further work on a document that is decoded already, before all others if `first`."""
        with Place(self._lanes) as place:
            place.enter(lambda: self._check(check_cancelled), first=first)
            yield

    @contextmanager
    def _place(self, data: bytes, check_cancelled: CancelCheck, *, first: bool = False) -> Iterator[Place]:
        with Place(self._lanes) as place:
            place.enter(lambda: self._check(check_cancelled), likely_slow=is_likely_slow(data), first=first)
            yield place

    def _decode(self, place: Place, job: BatchJob, data: bytes, check_cancelled: CancelCheck) -> PageBatches:
        """Decode the front of a document, and its further pages in parts."""

        def read(place: Place, part: BatchJob) -> PageBatches:
            return self._run_in_process(place, part, data, check_cancelled)

        @contextmanager
        def read_elsewhere() -> Iterator[PartReader | None]:
            with Place(self._lanes) as spare:
                yield partial(read, spare) if spare.try_enter(slow=place.is_slow) else None

        began = time.monotonic()
        front = self._run(place, replace(job, part=(0, job.limits.front_pages)), data, check_cancelled)
        if not front[0].unread:
            return front
        try:
            return FurtherPages(front, job, began).read(partial(read, place), read_elsewhere, self._size - 1)
        except IrregularDocumentError:
            return self._run(place, job, data, check_cancelled)

    def _run(self, place: Place, job: Job[Result], data: bytes, check_cancelled: CancelCheck) -> Result:
        try:
            return self._run_in_process(place, job, data, check_cancelled)
        except DecoderCrashedError:
            if not job.limits.forms or sniff(data) != "PDF":
                raise
        # The code that draws forms crashes more often than the rest of PDFium.
        logger.warning("PDF crashed its decoder process and is decoded again without form fields")
        return self._run_in_process(place, job.without_forms(), data, check_cancelled)

    def _run_in_process(self, place: Place, job: Job[Result], data: bytes, check_cancelled: CancelCheck) -> Result:
        for _ in range(_ATTEMPTS):
            process = self._acquire(place, check_cancelled)
            place.begin()
            try:
                return process.run(job, data, self._making_way(place, process, check_cancelled))
            except DecoderLostError:
                logger.warning("decoder process lost", exc_info=True)
            except (DecoderCrashedError, DecoderTimeoutError):
                if self._closed:
                    raise DecoderUnavailableError("The decoder pool was closed.") from None
                raise
            except DecodingError:
                raise
            except Exception as cancelled:
                seconds = place.seconds_decoding
                if job.limits.slow_after is None or seconds < job.limits.slow_after:
                    raise
                raise DecoderTimeoutError(
                    f"The document was not decoded within {seconds:.1f} s, its share of the time next to others."
                ) from cancelled
            finally:
                self._release(process)
        raise DecoderUnavailableError("No decoder process accepted the document.")

    def _making_way(self, place: Place, process: DecoderProcess, check_cancelled: CancelCheck) -> CancelCheck:
        """Return a cancel check that also pauses the process while other documents precede this one."""

        def check() -> None:
            check_cancelled()
            place.make_way(process, lambda: self._check(check_cancelled))

        return check

    def close(self) -> None:
        """Kill all processes, including those that have a document."""
        with self._changed:
            self._closed = True
            idle, starting = list(self._idle), self._starts.running
            self._idle.clear()
            for process in self._processes:
                process.kill()
            self._processes.difference_update(idle)
            self._changed.notify_all()
        for process in idle:
            process.close()
        give_up = time.monotonic() + _CLOSE_SECONDS
        for thread in starting:
            thread.join(max(0.0, give_up - time.monotonic()))

    def _acquire(self, place: Place, check_cancelled: CancelCheck) -> DecoderProcess:
        """Take an idle process, or wait for one. Slow documents leave those that ordinary ones may need."""
        while True:
            self._replace_dead()
            with self._changed:
                self._check_closed()
                reserved = self._lanes.ordinary.free if place.is_slow and not self._starts.failed else 0
                if len(self._idle) > reserved:
                    return self._idle.pop()  # the most recently used one, whose memory is in the caches
                self._start_missing()
                if not self._processes and (self._starts.failed or not self._starts):
                    raise DecoderUnavailableError("No decoder process can be started.")
                self._changed.wait(_CHECK_SECONDS)
            check_cancelled()

    def _release(self, process: DecoderProcess) -> None:
        """Return a process to the pool, or replace it."""
        with self._changed:
            if process.is_idle() and not self._closed:
                self._idle.append(process)
                self._changed.notify()
                return
            self._discard(process)
            if not self._lazy:
                self._start_missing()
        process.close()

    def _replace_dead(self) -> None:
        """Replace processes that ended, or sent something, while they were idle."""
        with self._changed:
            dead = [process for process in self._idle if not process.is_idle()]
            for process in dead:
                self._idle.remove(process)
                self._discard(process)
            if not self._lazy:
                self._start_missing()
        for process in dead:
            process.close()

    def _discard(self, process: DecoderProcess) -> None:
        if not self._closed:
            logger.warning("decoder process discarded", extra={"fields": {"exit_code": process.exit_code}})
        self._processes.discard(process)
        if not self._processes and self._empty_since is None:
            self._empty_since = time.monotonic()

    def _start_missing(self) -> None:
        """Start processes in threads, unless the last start has just failed."""
        if self._closed or self._starts.pausing:
            return
        missing = self._size - len(self._processes) - len(self._starts)
        if missing <= 0:  # those for slow documents, in the background
            missing = min(missing + self._spare, 1 - len(self._starts))
        self._starts.launch(min(missing, 1 - len(self._starts)) if self._lazy else missing)

    def _start(self) -> None:
        """Start one process and add it to the pool."""
        try:
            process = self._start_process()
        except Exception:  # no process, memory or file descriptor available, or a failed self-test
            process = None
            if not self._closed:
                logger.exception("decoder process not started")
        with self._changed:
            self._starts.finish(succeeded=process is not None)
            if process is not None and not self._closed:
                self._processes.add(process)
                self._idle.append(process)
                self._empty_since = None
                process = None
                if not self._lazy:
                    self._start_missing()
            self._changed.notify_all()
        if process is not None:
            process.close()

    def _start_process(self) -> DecoderProcess:
        process = DecoderProcess()
        try:
            process.wait_until_ready(self._check_closed)
        except BaseException:
            process.close()
            raise
        return process

    def _check(self, check_cancelled: CancelCheck) -> None:
        self._check_closed()
        check_cancelled()

    def _check_closed(self) -> None:
        if self._closed:
            raise DecoderUnavailableError("The decoder pool was closed.")
