"""Protects: a process that handles documents reaches no network and starts no program."""

import subprocess
import sys
from pathlib import Path

import pytest

from decoding.isolation.pool import DecoderPool

PROBE = """
import os, socket, subprocess, sys
from decoding.isolation.system_calls import deny_network_and_programs
if not deny_network_and_programs():
    sys.exit(77)
denied = []
for attempt in (
    lambda: socket.socket(socket.AF_INET),
    lambda: socket.socket(socket.AF_INET6),
    lambda: subprocess.run(["/bin/true"]),
    lambda: os.execv("/bin/true", ["true"]),
):
    try:
        attempt()
    except PermissionError:
        denied.append(True)
ours, theirs = socket.socketpair()
ours.send(b"x")
print(len(denied), theirs.recv(1).decode())
"""


def test_network_and_programs_are_denied_and_local_channels_are_not() -> None:
    completed = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=False)

    if completed.returncode == 77:
        pytest.skip("the system offers no filter of system calls")
    assert completed.stdout.split() == ["4", "x"], completed.stderr


def test_decoder_process_has_a_filter_and_can_gain_no_privileges(pool: DecoderPool) -> None:
    [pid] = pool.pids
    status = dict(
        line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line
    )
    if status.get("Seccomp") is None:
        pytest.skip("the system offers no filter of system calls")
    assert (status["Seccomp"], status["NoNewPrivs"]) == ("2", "1")
