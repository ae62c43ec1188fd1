"""Protects: the memory of a large document does not stay in a decoder process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from decoding.isolation.memory import MALLOC_ENVIRONMENT, release_memory, resident_bytes

_RELEASES = """
import ctypes
from decoding.isolation.memory import release_memory, resident_bytes
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
blocks = []
for _ in range(4):
    blocks.append(libc.malloc(12 * 1024 * 1024))
    ctypes.memset(blocks[-1], 1, 12 * 1024 * 1024)
held = libc.malloc(1024)
for block in blocks:
    libc.free(block)
before = resident_bytes()
released = release_memory()
print(released, before - resident_bytes())
"""


def test_the_memory_of_a_process_that_does_not_exist_is_zero() -> None:
    assert resident_bytes("none") == 0


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_free_memory_is_kept_and_then_released_even_below_used_memory() -> None:
    run = subprocess.run(
        [sys.executable, "-c", _RELEASES],
        cwd=Path(__file__).parents[4],
        env=os.environ | MALLOC_ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )

    released, fell_by = run.stdout.split()

    if released == "True":
        assert int(fell_by) > 40 * 1024 * 1024
    else:
        assert not release_memory()
