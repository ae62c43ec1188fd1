"""Protects: injected faults of a process take effect, and end."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from testkit.process_limits import full_disk, memory_limit

_WORKER = """
import sys
for line in sys.stdin:
    try:
        exec(line)
        print("done", flush=True)
    except (OSError, MemoryError) as error:
        print(type(error).__name__, flush=True)
"""


class Worker:
    """A process that runs lines of Python, one after the other."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, line: str) -> str:
        """Run a line, and return `done` or the name of its error."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker()
    assert worker.run("pass") == "done"
    yield worker
    worker.process.kill()
    worker.process.communicate()


def test_process_cannot_write_files_while_its_disk_is_full(worker: Worker, tmp_path: Path) -> None:
    write = f"open({str(tmp_path / 'file')!r}, 'wb', buffering=0).write(b'content')"
    with full_disk([psutil.Process(worker.process.pid)]):
        assert worker.run(write) == "OSError"
    assert worker.run(write) == "done"


def test_process_cannot_allocate_more_once_its_memory_is_limited(worker: Worker) -> None:
    with memory_limit([psutil.Process(worker.process.pid)]):
        assert worker.run("bytearray(100_000_000)") == "MemoryError"
        assert worker.run("bytearray(1000)") == "done"


def test_process_that_ends_meanwhile_is_not_an_error(worker: Worker) -> None:
    with memory_limit([psutil.Process(worker.process.pid)]):
        worker.process.kill()
        worker.process.wait()
