"""One decoder process, as its parent sees it."""

import io
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

from PIL import Image

from decoding.cancellation import CancelCheck, never_cancel
from decoding.errors import DecoderCrashedError, DecoderTimeoutError, DecoderUnavailableError, DocumentError
from decoding.isolation import protocol
from decoding.isolation.channel import Channel, ChannelError, ChannelTimeoutError, Deadline
from decoding.isolation.environment import inherited_environment
from decoding.isolation.jobs import BatchJob, InvalidReplyError, Job, Result
from decoding.isolation.memory import MALLOC_ENVIRONMENT, resident_bytes
from decoding.limits import Limits
from decoding.preprocessing import Preprocessing

WORKER_MODULE = "decoding.isolation.worker"
START_SECONDS = 30.0
"""Time limit from the start of a process until it has decoded the self-test."""
HANDOVER_SECONDS = 2.0
"""Time limit for a process to take a document."""
GRACE_SECONDS = 0.25
"""Time limit for a cancelled process to finish its current page, which is cheaper than a new process."""
_KILL_SECONDS: Final = 2.0

_ENVIRONMENT: Final = {"OPENBLAS_NUM_THREADS": "1", **MALLOC_ENVIRONMENT}
_SELF_TEST: Final = BatchJob(Limits(), (Preprocessing(2, 2, "rgb"),))


class DecoderLostError(Exception):
    """A decoder process failed before it had received a document completely. The document is not the cause."""


class DecoderProcess:
    """A process that decodes one document at a time.

    The process is spawned, not forked: forking a process that has threads is undefined on some systems.

    Raises:
        OSError: If the system cannot start another process.
    """

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self._channel: Final = Channel(ours)
        self._broken = False
        try:
            with theirs:
                self._process: Final = subprocess.Popen(
                    [sys.executable, "-m", WORKER_MODULE, str(theirs.fileno())],
                    pass_fds=(theirs.fileno(),),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    cwd=Path(__file__).parents[2],
                    env=inherited_environment() | _ENVIRONMENT,
                )
        except BaseException:
            self._channel.close()
            raise

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code; None while the process runs."""
        return self._process.poll()

    def is_idle(self) -> bool:
        """Return whether the process, which has no document now, can take one."""
        # An idle process sends nothing. Input is the end of the stream, or the work of a hostile document.
        return not self._broken and self.exit_code is None and not self._channel.has_input()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Pause the process until the end of a `with` statement. The time does not count as decoding."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def resident_bytes(self) -> int:
        """Return the memory that the process occupies; 0 where the system does not report it."""
        return resident_bytes(self.pid)

    def wait_until_ready(self, check_cancelled: CancelCheck) -> None:
        """Wait until the process has started, and test it on a small document.

        Raises:
            DecoderUnavailableError: If the process does not start or fails the test.
        """
        deadline = Deadline(START_SECONDS, check_cancelled)
        try:
            protocol.receive_ready(self._channel, deadline)
            protocol.send_job(self._channel, _SELF_TEST, _self_test_document(), deadline)
            (batch,) = protocol.receive_result(self._channel, _SELF_TEST, deadline)
        except (ChannelError, InvalidReplyError, DocumentError) as error:
            self._broken = True
            raise DecoderUnavailableError("A decoder process did not start.") from error
        if not (batch.pixels == 255).all():
            self._broken = True
            raise DecoderUnavailableError("A decoder process decoded the self-test incorrectly.")

    def run(self, job: Job[Result], data: bytes, check_cancelled: CancelCheck = never_cancel) -> Result:
        """Process one document.

        Args:
            job: What to do with the document.
            data: The whole document.
            check_cancelled: Called several times a second; if it raises, decoding is stopped.

        Raises:
            DecoderLostError: If the process failed before it had the document.
            DocumentError: If the document cannot be read; `DecoderCrashedError` or `DecoderTimeoutError` if the
                process crashed, violated the protocol or exceeded the time limit.
        """
        self._hand_over(job, data, check_cancelled)
        received = self._channel.bytes_received
        try:
            return protocol.receive_result(self._channel, job, Deadline(job.limits.max_seconds, check_cancelled))
        except ChannelTimeoutError:
            self._broken = True
            raise DecoderTimeoutError(f"The document was not decoded within {job.limits.max_seconds:g} s.") from None
        except (ChannelError, InvalidReplyError) as error:
            self._broken = True
            raise DecoderCrashedError("The decoder process crashed on the document.") from error
        except DocumentError:
            raise
        except BaseException:
            self._stop(job, reply_begun=self._channel.bytes_received > received)
            raise

    def kill(self) -> None:
        """Kill the process, which another thread may be using."""
        self._process.kill()

    def close(self) -> None:
        """Kill the process and release its resources."""
        self._broken = True
        self._process.kill()
        self._channel.close()
        try:
            self._process.wait(_KILL_SECONDS)
        except subprocess.TimeoutExpired:  # stuck in the kernel; the process ends when the kernel returns
            return

    def _hand_over(self, job: Job[Result], data: bytes, check_cancelled: CancelCheck) -> None:
        try:
            protocol.send_job(self._channel, job, data, Deadline(HANDOVER_SECONDS, check_cancelled))
        except (ChannelError, InvalidReplyError) as error:
            self._broken = True
            raise DecoderLostError from error
        except BaseException:
            self._broken = True
            raise

    def _stop(self, job: Job[Result], *, reply_begun: bool) -> None:
        """Stop decoding: discard a reply that arrives soon, else mark the process as broken."""
        if reply_begun:
            self._broken = True
            return
        deadline = Deadline(GRACE_SECONDS)
        try:
            self._channel.send_message(protocol.STOP, deadline)
            protocol.receive_result(self._channel, job, deadline)
        except (DocumentError, protocol.JobCancelledError):
            return
        except (ChannelError, InvalidReplyError):
            self._broken = True


@cache
def _self_test_document() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (2, 2), "white").save(file, "PNG")
    return file.getvalue()
