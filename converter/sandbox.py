"""Restrictions of the processes that handle documents: resources, no network, no other programs."""

import contextlib
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Final

from decoding.isolation.system_calls import deny_network_and_programs

# Bytes of one file that a process may write.
_MAX_FILE_BYTES: Final = 256 * 1024 * 1024
_MAX_OPEN_FILES: Final = 512


def restrict(*, max_memory: int) -> None:
    """Restrict this process and all its later threads and children.

    It ignores the signals that a terminal or container sends to the whole group, leaves no core file, and is the first
    that the kernel kills when memory runs out. Its standard error is discarded.

    Args:
        max_memory: Bytes of address space.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    for limit, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, _MAX_FILE_BYTES),
        (resource.RLIMIT_NOFILE, _MAX_OPEN_FILES),
        (resource.RLIMIT_AS, max_memory),
    ):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(limit, (value, value))
    with contextlib.suppress(OSError):  # Linux only
        Path("/proc/self/oom_score_adj").write_text("1000")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    deny_network_and_programs()
