"""A pool of decoder processes: a document that crashes or hangs a decoder takes down its own request, nothing else.

    thread of a request ──► a free decoder: document ──► pixels ──► back in the pool
                                 │ crashed, hung, or busy for nobody
                                 └──► killed; another takes its place

Decoders are spawned, not forked: the service has threads, and forking those is undefined on some systems and
deprecated on others.
"""

import logging
import os
import queue
import subprocess
import sys
import time
from multiprocessing import Pipe
from pathlib import Path
from typing import Final

from decoding.batch import PageBatch
from decoding.errors import DecoderCrashedError, DecoderTimeoutError, DecoderUnavailableError, DocumentError
from decoding.isolation import protocol
from decoding.limits import CancelCheck, Limits, never_cancel
from decoding.preprocessing import Preprocessing

logger = logging.getLogger(__name__)

_PROGRAM: Final = "decoding.isolation.worker"
_START_SECONDS: Final = 30.0
# How often a waiting request looks whether its caller is still there.
_TICK_SECONDS: Final = 0.05
# An abandoned decoder may finish its page: that is cheaper than a new process, up to about this long.
_GRACE_SECONDS: Final = 0.25
_END_SECONDS: Final = 2.0

# Of the service's environment a decoder gets what starts Python, and no credentials.
_PASSED_ON: Final = ("PATH", "PYTHON", "LD_", "DYLD_", "LANG", "LC_", "TZ")
_OWN: Final = {
    "OPENBLAS_NUM_THREADS": "1",
    # glibc: large pictures are given back to the system when they are freed; small ones are kept for the next.
    "MALLOC_MMAP_THRESHOLD_": str(8 * 1024 * 1024),
    "MALLOC_TRIM_THRESHOLD_": str(16 * 1024 * 1024),
}


class DecoderPool:
    """Decoder processes that are always as many as there should be. `read` is safe to call from several threads.

    Args:
        size: Documents decoded at the same time. They start at once; `wait` for them.
    """

    def __init__(self, size: int) -> None:
        self._all: Final = {_Decoder() for _ in range(size)}
        self._free: Final[queue.LifoQueue[_Decoder]] = queue.LifoQueue()
        for decoder in self._all:
            self._free.put(decoder)

    def wait(self) -> None:
        """Until every decoder is ready, so that the first documents need not.

        Raises:
            DecoderUnavailableError: If one did not start.
        """
        for decoder in list(self._all):
            decoder.wait(never_cancel)

    def read(
        self, data: bytes, frame: Preprocessing, limits: Limits, check_cancelled: CancelCheck = never_cancel
    ) -> PageBatch:
        """Do what `frames.read` does, in a process that may die of it.

        Args:
            data: The whole document.
            frame: The model's input.
            limits: Bounds on the document, its time and memory included.
            check_cancelled: Called several times a second; what it raises passes, and the decoder is free soon after.

        Raises:
            DocumentError: If the document cannot be read; `DecoderCrashedError` or `DecoderTimeoutError` if the
                decoder did not survive it.
            DecoderUnavailableError: If there is no decoder just now.
        """
        decoder = self._sound(self._free.get())  # it may have ended while it waited for this document
        try:
            return decoder.read(data, frame, limits, check_cancelled)
        finally:
            self._free.put(self._sound(decoder))

    @property
    def processes(self) -> list[int]:
        """Their process ids."""
        return [decoder.process.pid for decoder in self._all]

    def close(self) -> None:
        """End them all. No document may be in work."""
        for decoder in self._all:
            decoder.hang_up()
        for decoder in self._all:
            decoder.end()

    def _sound(self, decoder: "_Decoder") -> "_Decoder":
        """The decoder, or another in the place of one that has ended.

        Where none can be started just now, it is the ended one: its place must not be lost, and the next document
        tries again.
        """
        if decoder.usable:
            return decoder
        decoder.end(at_once=True)
        try:
            another = _Decoder()
        except Exception:  # no process, no memory or no descriptor to be had
            logger.exception("decoder not replaced")
            return decoder
        logger.warning("decoder replaced", extra={"fields": {"exit_code": decoder.process.returncode}})
        self._all.discard(decoder)
        self._all.add(another)
        return another


class _Decoder:
    """One decoder process. Once it is not `usable`, it never is again."""

    def __init__(self) -> None:
        self._service, theirs = Pipe()
        with theirs:
            self.process: Final = subprocess.Popen(
                [sys.executable, "-m", _PROGRAM, str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                cwd=Path(__file__).parents[2],
                env={name: value for name, value in os.environ.items() if name.startswith(_PASSED_ON)} | _OWN,
            )
        self._ready = False
        self._spoilt = False

    @property
    def usable(self) -> bool:
        """Whether it can be given a document."""
        return not self._spoilt and self.process.poll() is None

    def wait(self, check_cancelled: CancelCheck) -> None:
        """Until it is ready. The failure to start is the service's, not a document's."""
        if self._ready:
            return
        try:
            self._ready = self._answer(_START_SECONDS, check_cancelled) == protocol.READY
        except (OSError, EOFError, TimeoutError):
            self._ready = False
        if not self._ready:
            self._spoilt = True
            raise DecoderUnavailableError("A decoder process did not start.")

    def read(self, data: bytes, frame: Preprocessing, limits: Limits, check_cancelled: CancelCheck) -> PageBatch:
        """Decode one document. What befell the decoder before it had the document is the service's failure."""
        self.wait(check_cancelled)
        try:
            self._service.send_bytes(protocol.job(frame, limits))
        except OSError as error:
            self._spoilt = True
            raise DecoderUnavailableError("A decoder process ended before it had a document.") from error
        try:
            self._service.send_bytes(data)
            fields = protocol.parse_answer(self._answer(limits.max_seconds, check_cancelled))
            return protocol.parse_pixels(fields, self._service.recv_bytes(), frame, limits)
        except DocumentError:  # it lives to tell
            raise
        except TimeoutError:
            self._spoilt = True
            raise DecoderTimeoutError(f"The document was not decoded within {limits.max_seconds:g} s.") from None
        except (OSError, EOFError, protocol.ProtocolError) as error:
            self._spoilt = True
            raise DecoderCrashedError("The decoder did not survive the document.") from error
        except BaseException:
            self._stop()
            raise

    def hang_up(self) -> None:
        """Let it end."""
        self._service.close()

    def end(self, *, at_once: bool = False) -> None:
        """Wait until it has ended, and not for long."""
        self.hang_up()
        if at_once:
            self.process.kill()
        try:
            self.process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _answer(self, seconds: float, check_cancelled: CancelCheck) -> bytes:
        give_up = time.monotonic() + seconds
        while not self._service.poll(_TICK_SECONDS):
            check_cancelled()
            if time.monotonic() >= give_up:
                raise TimeoutError
        return self._service.recv_bytes()

    def _stop(self) -> None:
        """Nobody waits any more: take the answer if it comes soon, and forget it."""
        try:
            self._service.send_bytes(protocol.STOP)
            if not self._service.poll(_GRACE_SECONDS):
                self._spoilt = True
            elif b'"pages"' in self._service.recv_bytes():
                self._service.recv_bytes()
        except (OSError, EOFError):
            self._spoilt = True
