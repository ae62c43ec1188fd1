"""Processes that are started in advance, each of which converts one document.

document ──► ready process ──► conversion ──► closed
                 └──► its replacement starts
"""

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from converter.conversion import Conversion, ConversionLimits
from converter.process import ConverterProcess, ProcessLostError
from decoding.cancellation import CancelCheck, never_cancel
from decoding.errors import DecoderUnavailableError
from decoding.isolation.start_threads import StartThreads

logger = logging.getLogger(__name__)

# How often a waiting request calls its cancel check.
_CHECK_SECONDS: Final = 0.05
# Processes that a document is offered to before its request fails.
_ATTEMPTS: Final = 3
_CLOSE_SECONDS: Final = 5.0


class SparePool:
    """Keeps processes ready. Safe to use from several threads.

    Use the pool as a context manager, or call `close`.

    Args:
        start: Starts a process.
        spares: Number of processes that are kept ready.
    """

    def __init__(self, start: Callable[[], ConverterProcess], spares: int) -> None:
        self._start_process: Final = start
        self._spares: Final = spares
        # Guards all attributes below and is notified of their changes.
        self._changed: Final = threading.Condition()
        self._ready: Final[list[ConverterProcess]] = []
        self._starts: Final = StartThreads(self._start, "converter")
        self._closed = False
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
        """The ids of the processes that are ready."""
        with self._changed:
            return [process.pid for process in self._ready]

    def wait_until_ready(self) -> None:
        """Wait until all processes are ready.

        Raises:
            DecoderUnavailableError: If a process does not start.
        """
        with self._changed:
            while len(self._ready) < self._spares:
                self._check_available()
                self._changed.wait(_CHECK_SECONDS)

    def outage_seconds(self) -> float:
        """Return for how long no process could be started; 0 if the last start succeeded."""
        self._replace_dead()
        with self._changed:
            since = self._starts.failing_since
            return 0.0 if since is None else time.monotonic() - since

    def convert(
        self, document_format: str, data: bytes, limits: ConversionLimits, check_cancelled: CancelCheck = never_cancel
    ) -> Conversion:
        """Convert a document in a process that only this document uses.

        Raises:
            DocumentError: If the document cannot be converted; see `ConverterProcess.convert`.
            DecoderUnavailableError: If no process can be started. The document is not the cause.
        """
        for _ in range(_ATTEMPTS):
            process = self._take(check_cancelled)
            try:
                return process.convert(document_format, data, limits, check_cancelled)
            except ProcessLostError:
                logger.warning("conversion process lost", exc_info=True)
            finally:
                process.close()
        raise DecoderUnavailableError("No process accepted the document.")

    def close(self) -> None:
        """Kill the processes that are ready, and wait for those that are starting."""
        with self._changed:
            self._closed = True
            ready, starting = list(self._ready), self._starts.running
            self._ready.clear()
            self._changed.notify_all()
        for process in ready:
            process.close()
        give_up = time.monotonic() + _CLOSE_SECONDS
        for thread in starting:
            thread.join(max(0.0, give_up - time.monotonic()))

    def _take(self, check_cancelled: CancelCheck) -> ConverterProcess:
        """Take a process that is ready, or wait for one."""
        while True:
            self._replace_dead()
            with self._changed:
                self._check_available()
                if self._ready:
                    process = self._ready.pop(0)
                    self._start_missing()
                    return process
                self._changed.wait(_CHECK_SECONDS)
            check_cancelled()

    def _replace_dead(self) -> None:
        """Replace processes that ended while they waited for a document."""
        with self._changed:
            dead = [process for process in self._ready if not process.is_ready]
            for process in dead:
                self._ready.remove(process)
            self._start_missing()
        for process in dead:
            process.close()

    def _check_available(self) -> None:
        if self._closed:
            raise DecoderUnavailableError("The converter was closed.")
        if not self._ready and not self._starts and self._starts.failed:
            raise DecoderUnavailableError("No conversion process can be started.")

    def _start_missing(self) -> None:
        """Start processes in threads, unless the last start has just failed."""
        if not self._closed and not self._starts.pausing:
            self._starts.launch(self._spares - len(self._ready) - len(self._starts))

    def _start(self) -> None:
        """Start one process and add it to those that are ready."""
        process: ConverterProcess | None = None
        try:
            process = self._start_process()
            process.wait_until_ready(self._check_closed)
        except Exception:
            if not self._closed:
                logger.exception("conversion process not started")
            self._finish_start(None)
            if process is not None:
                process.close()
        else:
            self._finish_start(process)

    def _finish_start(self, process: ConverterProcess | None) -> None:
        with self._changed:
            self._starts.finish(succeeded=process is not None)
            if process is not None and not self._closed:
                self._ready.append(process)
                process = None
            self._changed.notify_all()
        if process is not None:
            process.close()

    def _check_closed(self) -> None:
        if self._closed:
            raise DecoderUnavailableError("The converter was closed.")
