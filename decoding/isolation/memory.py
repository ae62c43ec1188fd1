"""Memory that a decoder process keeps from one document for the next.

New memory is expensive: the kernel clears each page at its first use. A fax of A4 at 300 dpi needs 17 MB, which took
two fifths of its decoding. So the memory of an ordinary page is kept while documents follow each other, and returned to
the system once none has come for ten seconds, or at once if there is much of it.
"""

import ctypes
import os
import sys
from pathlib import Path
from typing import Final

_MIB: Final = 1024 * 1024

MALLOC_ENVIRONMENT: Final = {
    # glibc: 32 MiB is the largest block that it can keep. Pillow allocates images in blocks of at most 16 MiB.
    "MALLOC_MMAP_THRESHOLD_": str(32 * _MIB),
    "MALLOC_TRIM_THRESHOLD_": str(64 * _MIB),
}
"""Environment variables of a decoder process."""
IDLE_SECONDS: Final = 10.0
"""Seconds without a document after which a decoder process returns its free memory to the system."""
MAX_KEPT_BYTES: Final = 128 * _MIB
"""Memory of a decoder process between two documents, above which it returns what is free at once."""


def resident_bytes(pid: int | str = "self") -> int:
    """Return the memory that a process occupies; 0 where the system does not report it."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def release_memory() -> bool:
    """Return the free memory of this process to the system.

    Returns:
        Whether the C library can do so. Only glibc can.
    """
    if sys.platform != "linux":
        return False
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except AttributeError:
        return False
    return True
