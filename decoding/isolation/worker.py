"""The decoder process, `python -m decoding.isolation.worker FD`: decodes documents until its parent closes the channel.

It holds no model, no listening socket and none of its parent's environment. A document that takes it over or crashes
it gains nothing and harms only this process.
"""

import contextlib
import math
import os
import resource
import signal
import socket
import sys
from pathlib import Path
from typing import Any, Final

from decoding.errors import DocumentError
from decoding.isolation import memory, protocol
from decoding.isolation.channel import Channel, ChannelClosedError
from decoding.isolation.jobs import Job
from decoding.isolation.system_calls import deny_network_and_programs
from decoding.limits import Limits

# The parent kills a decoder process at the document's time limit. The alarm ends the process if the parent is gone. It
# is late enough for a document that was paused.
_ALARM_SLACK_SECONDS: Final = 60


class _Stopped(Exception):
    """The parent stopped the decoding of a document."""


def main(descriptor: int) -> None:
    """Decode documents until the parent closes the channel.

    Args:
        descriptor: File descriptor of the socket to the parent.
    """
    channel = Channel(socket.socket(fileno=descriptor))
    harden()
    serve(channel)


def serve(channel: Channel) -> None:
    """Process jobs, one after the other, until the parent closes the channel."""
    with contextlib.suppress(ChannelClosedError):
        channel.send_message(protocol.READY)
        while True:
            if not channel.has_input(memory.IDLE_SECONDS):
                memory.release_memory()
            message = channel.receive_message(protocol.MAX_MESSAGE_BYTES)
            if message != protocol.STOP:  # a STOP that arrived after the reply
                process_job(channel, message)


def process_job(channel: Channel, message: bytes) -> None:
    """Receive and process one job.

    Args:
        channel: To the parent.
        message: The message that announces the job.
    """
    execute_job(channel, *protocol.receive_job(channel, message))
    if memory.resident_bytes() > memory.MAX_KEPT_BYTES:
        memory.release_memory()


def execute_job(channel: Channel, job: Job[Any], data: bytes) -> None:
    """Process a document within its limits, and send the reply."""

    def check_stopped() -> None:
        if channel.has_input():
            raise _Stopped

    limit_memory(job.limits)
    signal.alarm(math.ceil(job.limits.max_seconds) + _ALARM_SLACK_SECONDS)
    try:
        reply = job.execute(data, check_stopped)
    except _Stopped:
        protocol.send_cancelled(channel)
    except DocumentError as error:
        protocol.send_problem(channel, error)
    else:
        protocol.send_reply(channel, reply)
    finally:
        signal.alarm(0)


def harden() -> None:
    """Restrict this process.

    It ignores the signals that a terminal or container sends to the whole group, leaves no core file, and is the first
    that the kernel kills when memory runs out. It can open no network connection and start no program (Linux on x86-64
    and ARM). Its standard error is discarded: C libraries write there about broken documents.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):  # Linux only
        Path("/proc/self/oom_score_adj").write_text("1000")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    deny_network_and_programs()


def limit_memory(limits: Limits) -> None:
    """Limit the address space of this process, where the system enforces such a limit."""
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (limits.max_memory, resource.getrlimit(resource.RLIMIT_AS)[1]))


if __name__ == "__main__":
    main(int(sys.argv[1]))
