"""The decoder process, `python -m decoding.isolation.worker FD`: decodes documents until its service hangs up.

It holds no model, no listening socket and none of the service's environment, so a document that takes it over or brings
it down gets nothing but itself.
"""

import contextlib
import math
import os
import resource
import signal
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from decoding import batch
from decoding.errors import DocumentError
from decoding.isolation import protocol
from decoding.limits import Limits

# The service kills a decoder at the document's time limit. Should the service itself be gone, this does.
_ALARM_SLACK_SECONDS: Final = 2


class _Abandoned(Exception):
    """Nobody waits for this document any more."""


def main(descriptor: int) -> None:
    """Answer documents, one after the other.

    Args:
        descriptor: Of the socket to the service.
    """
    with Connection(descriptor) as service:
        settle()
        service.send_bytes(protocol.READY)
        with contextlib.suppress(EOFError, ConnectionError):  # the service has ended
            while True:
                if head := service.recv_bytes():  # else a STOP that came too late
                    _decode(service, head)


def _decode(service: Connection, head: bytes) -> None:
    frame, limits = protocol.parse_job(head)
    data = service.recv_bytes()
    bound_memory(limits)

    def check_cancelled() -> None:
        if service.poll():
            raise _Abandoned

    signal.alarm(math.ceil(limits.max_seconds) + _ALARM_SLACK_SECONDS)
    try:
        answer, pixels = protocol.answer(batch.decode_batch(data, frame, limits, check_cancelled))
    except _Abandoned:
        service.send_bytes(protocol.ABANDONED)
    except DocumentError as error:
        service.send_bytes(protocol.refusal(error))
    else:
        service.send_bytes(answer)
        service.send_bytes(pixels)
    finally:
        signal.alarm(0)


def settle() -> None:
    """Become a process that ends by its service alone, leaves no core file, and is the first to go without memory."""
    for number in (signal.SIGINT, signal.SIGTERM):  # sent to the whole group of a terminal or a container
        signal.signal(number, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):  # Linux only: the service must outlive what it decodes
        Path("/proc/self/oom_score_adj").write_text("1000")
    # What C libraries remark on broken input goes nowhere; an error before this line is told.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def bound_memory(limits: Limits) -> None:
    """Take no more memory than a document may need (where the system enforces it)."""
    with contextlib.suppress(ValueError, OSError):  # not every system enforces it
        resource.setrlimit(resource.RLIMIT_AS, (limits.max_memory, resource.getrlimit(resource.RLIMIT_AS)[1]))


if __name__ == "__main__":
    main(int(sys.argv[1]))
