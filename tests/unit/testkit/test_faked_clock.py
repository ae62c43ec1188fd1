"""Protects: the clock of other processes can be stepped while they run, and durations are measured as usual."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from testkit.faked_clock import FakedClock

_WATCH = """
import sys, time
for _ in sys.stdin:
    print(time.time(), time.monotonic(), flush=True)
"""


def test_clock_steps_while_a_process_runs(tmp_path: Path) -> None:
    clock = FakedClock(tmp_path / "clock")
    if not clock.works():
        pytest.skip("the library of libfaketime does not fit this machine")
    environment = os.environ | clock.environment
    with subprocess.Popen(
        [sys.executable, "-c", _WATCH], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        wall, monotonic = times_of(process)
        with clock.stepped(-86_400):
            stepped, later = times_of(process)
        assert stepped < wall - 80_000
        assert later >= monotonic
        assert times_of(process)[0] >= wall
        process.communicate()


def times_of(process: "subprocess.Popen[str]") -> tuple[float, float]:
    """Return the time of the wall clock and of the monotonic clock in a process."""
    assert process.stdin
    assert process.stdout
    process.stdin.write("\n")
    process.stdin.flush()
    wall, monotonic = process.stdout.readline().split()
    return float(wall), float(monotonic)
