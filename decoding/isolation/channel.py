"""A byte channel between two processes, with bounds on the time and the size of every transfer.

Only raw bytes pass; nothing is unpickled. A message is a 4-byte length followed by that many bytes.
"""

import math
import socket
import struct
import time
from collections.abc import Callable
from typing import Final

from decoding.cancellation import CancelCheck, never_cancel

_LENGTH: Final = struct.Struct("!I")
# How often a blocked transfer calls its cancel check.
_CHECK_SECONDS: Final = 0.05


class ChannelError(Exception):
    """Base of the errors of a channel. After one, the channel is of no further use."""


class ChannelClosedError(ChannelError):
    """The other process closed the channel or ended."""


class ChannelTimeoutError(ChannelError):
    """A transfer did not complete within its deadline."""


class MessageTooLargeError(ChannelError):
    """The other process announced a message above the size limit."""


class Deadline:
    """A bound on the time of one or more transfers.

    Args:
        seconds: From now on; None for no bound.
        check_cancelled: Called several times a second while a transfer is blocked. Its duration extends the bound.
    """

    def __init__(self, seconds: float | None = None, check_cancelled: CancelCheck = never_cancel) -> None:
        now = time.monotonic()
        self._end = math.inf if seconds is None else now + seconds
        self._check_cancelled: Final = check_cancelled
        self._next_check = math.inf if check_cancelled is never_cancel else now + _CHECK_SECONDS

    def next_timeout(self) -> float | None:
        """Return how many seconds a transfer may block before this method must be called again.

        Raises:
            ChannelTimeoutError: If the deadline is over. What the cancel check raises propagates, too.
        """
        now = time.monotonic()
        if now >= self._next_check:
            self._check_cancelled()
            checked = time.monotonic()
            self._end += checked - now
            now, self._next_check = checked, checked + _CHECK_SECONDS
        if now >= self._end:
            raise ChannelTimeoutError
        wake_up = min(self._end, self._next_check)
        return None if wake_up == math.inf else wake_up - now


NO_DEADLINE: Final = Deadline()


class Channel:
    """One end of a stream socket.

    Args:
        connection: Owned by the channel, which closes it.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket: Final = connection
        self.bytes_received = 0
        """Bytes read from the channel so far."""

    def send(self, data: bytes | memoryview, deadline: Deadline = NO_DEADLINE) -> None:
        """Send raw bytes.

        Raises:
            ChannelError: If the other process has gone, or does not read them in time.
        """
        self._transfer(self._socket.send, memoryview(data), deadline)

    def send_message(self, message: bytes, deadline: Deadline = NO_DEADLINE) -> None:
        """Send a message: its length and its bytes.

        Raises:
            ChannelError: If the other process has gone, or does not read it in time.
        """
        self.send(_LENGTH.pack(len(message)) + message, deadline)

    def receive_into(self, buffer: memoryview, deadline: Deadline = NO_DEADLINE) -> None:
        """Fill a buffer with raw bytes.

        Raises:
            ChannelError: If the other process has gone, or does not send them in time.
        """
        self._transfer(self._receive_some, buffer, deadline)

    def receive_message(self, max_bytes: int, deadline: Deadline = NO_DEADLINE) -> bytes:
        """Receive a message.

        Args:
            max_bytes: Size limit; nothing is allocated for a longer message.
            deadline: Bound on the time until the whole message has arrived.

        Raises:
            ChannelError: If the other process has gone, does not send it in time, or announces a longer one.
        """
        length = bytearray(_LENGTH.size)
        self.receive_into(memoryview(length), deadline)
        (size,) = _LENGTH.unpack(length)
        if size > max_bytes:
            raise MessageTooLargeError(f"{size:,} bytes are above the limit of {max_bytes:,}")
        message = bytearray(size)
        self.receive_into(memoryview(message), deadline)
        return bytes(message)

    def has_input(self, seconds: float = 0.0) -> bool:
        """Wait at most `seconds` until bytes, or the end of the stream, can be read, and return whether they can."""
        self._socket.settimeout(seconds)
        try:
            self._socket.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, TimeoutError):
            return False
        except OSError:
            return True
        return True

    def close(self) -> None:
        """Close this end."""
        self._socket.close()

    def _receive_some(self, buffer: memoryview) -> int:
        count = self._socket.recv_into(buffer)
        if count == 0:
            raise ChannelClosedError
        self.bytes_received += count
        return count

    def _transfer(self, step: Callable[[memoryview], int], buffer: memoryview, deadline: Deadline) -> None:
        while buffer:
            self._socket.settimeout(deadline.next_timeout())
            try:
                buffer = buffer[step(buffer) :]
            except TimeoutError:
                continue
            except OSError as error:
                raise ChannelClosedError from error
