"""One process that converts one document, as the service sees it."""

import contextlib
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from converter import protocol
from converter.conversion import Conversion, ConversionLimits
from decoding.cancellation import CancelCheck, never_cancel
from decoding.errors import DecoderCrashedError, DecoderTimeoutError, DecoderUnavailableError
from decoding.isolation.channel import Channel, ChannelError, ChannelTimeoutError, Deadline
from decoding.isolation.environment import inherited_environment

START_SECONDS: Final = 60.0
"""Time limit from the start of a process until it is ready. LibreOffice needs about a second of CPU time."""
_HANDOVER_SECONDS: Final = 2.0
_KILL_SECONDS: Final = 2.0
_WORKER: Final = "converter.worker"


class ProcessLostError(Exception):
    """A process failed before it had received a document completely. The document is not the cause."""


class ConverterProcess:
    """A process that converts one document, and is then closed.

    Args:
        arguments: Its kind, and what that kind needs; see `converter.worker`.

    Raises:
        OSError: If the system cannot start another process.
    """

    def __init__(self, kind: str, *arguments: str) -> None:
        self.kind: Final = kind
        self._folder: Final = Path(tempfile.mkdtemp(prefix="conversion-"))
        ours, theirs = socket.socketpair()
        self._channel: Final = Channel(ours)
        try:
            with theirs:
                self._process: Final = subprocess.Popen(
                    self._command(theirs.fileno(), arguments),
                    pass_fds=(theirs.fileno(),),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    cwd=Path(__file__).parents[1],
                    env=inherited_environment() | {"HOME": str(self._folder), "TMPDIR": str(self._folder)},
                )
        except BaseException:
            self._channel.close()
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    def _command(self, descriptor: int, arguments: Sequence[str]) -> list[str]:
        return [sys.executable, "-m", _WORKER, str(descriptor), self.kind, str(self._folder), *arguments]

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def is_ready(self) -> bool:
        """Whether the process, which waits for its document, still runs."""
        return self._process.poll() is None and not self._channel.has_input()

    def wait_until_ready(self, check_cancelled: CancelCheck = never_cancel) -> None:
        """Wait until the process has started.

        Raises:
            DecoderUnavailableError: If it does not start.
        """
        try:
            ready = self._channel.receive_message(len(protocol.READY), Deadline(START_SECONDS, check_cancelled))
        except ChannelError as error:
            raise DecoderUnavailableError(f"A process of the kind {self.kind!r} did not start.") from error
        if ready != protocol.READY:
            raise DecoderUnavailableError(f"A process of the kind {self.kind!r} did not report that it is ready.")

    def convert(
        self, document_format: str, data: bytes, limits: ConversionLimits, check_cancelled: CancelCheck = never_cancel
    ) -> Conversion:
        """Convert the document.

        Args:
            document_format: Its format, see `converter.formats`.
            data: The whole document.
            limits: Bounds on the conversion.
            check_cancelled: Called several times a second; if it raises, the caller closes the process.

        Raises:
            ProcessLostError: If the process failed before it had the document.
            DocumentError: If the document cannot be converted; `DecoderCrashedError` or `DecoderTimeoutError` if the
                process crashed, violated the protocol or exceeded the time limit.
        """
        handover = Deadline(_HANDOVER_SECONDS, check_cancelled)
        try:
            protocol.send_document(self._channel, document_format, data, limits, handover)
        except (ChannelError, protocol.InvalidConversionError) as error:
            raise ProcessLostError from error
        deadline = Deadline(limits.max_seconds, check_cancelled)
        try:
            return protocol.receive_conversion(self._channel, document_format, limits, deadline)
        except ChannelTimeoutError:
            raise DecoderTimeoutError(f"The document was not converted within {limits.max_seconds:g} s.") from None
        except (ChannelError, protocol.InvalidConversionError) as error:
            raise DecoderCrashedError("The converter crashed on the document.") from error

    def close(self) -> None:
        """Kill the process and delete its files."""
        self._process.kill()
        self._channel.close()
        with contextlib.suppress(subprocess.TimeoutExpired):  # stuck in the kernel; it ends when the kernel returns
            self._process.wait(_KILL_SECONDS)
        shutil.rmtree(self._folder, ignore_errors=True)
