"""Processes that outlive the command that started them, and are found again by the next.

A process is remembered by its id *and* the time it started, because the system hands ids out again. Each leads a
process group of its own, so that what it spawned (the emulator's Lambda workers) ends with it; and each carries a mark
in its environment, by which strays are found whose record was lost in a crash.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from triptych.stack.errors import StackError

MARK = "TRIPTYCH_STACK_HOME"
"""The environment variable that marks every process of a stack with its home."""

_SAME_START = 1.0
"""Seconds: a start time is computed from the boot time, which moves a little when the clock is set."""

_children: dict[int, subprocess.Popen[bytes]] = {}
"""Children of this very process, which have to be waited for or stay zombies."""


@dataclass(frozen=True)
class Process:
    """A process as the state remembers it. `started` is in seconds since the epoch."""

    pid: int
    started: float

    @property
    def alive(self) -> bool:
        """Whether this very process runs: not a zombie, and not another one with its id."""
        return self.find() is not None

    def find(self) -> psutil.Process | None:
        """This very process, or None if it has ended."""
        try:
            found = psutil.Process(self.pid)
            same = abs(found.create_time() - self.started) < _SAME_START
            return found if same and found.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


def stop(*processes: Process, grace: float = 5.0) -> bool:
    """End processes and their whole groups: SIGTERM, and SIGKILL for what remains after `grace` seconds.

    Returns:
        Whether there was anything to end. Another process that got one of the ids since is left alone.
    """
    running = [found for process in processes if (found := process.find()) is not None]
    _end([*running, *(member for leader in running for member in _group(leader.pid))], grace)
    return bool(running)


def start(argv: Sequence[str], *, environment: Mapping[str, str], log: Path, cwd: Path) -> Process:
    """Start a process in a group of its own, writing to `log`. The log of the one before it is kept beside it."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_suffix(".previous.log"))
    with log.open("wb") as output:
        child = subprocess.Popen(
            argv,
            env=dict(environment),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _children[child.pid] = child
    return Process(child.pid, psutil.Process(child.pid).create_time())


def becomes_ready(process: Process, is_ready: Callable[[], bool], timeout: float) -> bool:
    """Wait until `is_ready`, at most `timeout` seconds.

    False as soon as the process has ended: whatever answers on its port then is another's.
    """
    deadline = time.monotonic() + timeout
    while process.alive:
        if is_ready():
            return process.alive
        if time.monotonic() >= deadline:
            break
        time.sleep(0.05)
    return False


def wait_ready(process: Process, is_ready: Callable[[], bool], *, what: str, log: Path, timeout: float) -> None:
    """Wait until `is_ready`.

    Raises:
        StackError: the process ended, or `timeout` seconds passed.
    """
    if not becomes_ready(process, is_ready, timeout):
        how = f"was not ready after {timeout:.0f} s" if process.alive else "ended instead of becoming ready"
        raise StackError(f"{what} {how}.", log)


def end_strays(home: Path, *, keep: Iterable[Process] = (), grace: float = 5.0) -> int:
    """End every process that carries the mark of `home`, but for the groups of `keep`; tells how many."""
    kept = {process.pid for process in keep}
    strays = [found for found in psutil.process_iter() if _mark(found) == str(home) and _leader(found) not in kept]
    _end(strays, grace)
    return len(strays)


def _group(leader: int) -> list[psutil.Process]:
    return [found for found in psutil.process_iter() if found.pid != leader and _leader(found) == leader]


def _leader(found: psutil.Process) -> int | None:
    try:
        return os.getpgid(found.pid)
    except OSError:
        return None  # gone


def _mark(found: psutil.Process) -> str | None:
    try:
        return found.environ().get(MARK)
    except (psutil.Error, OSError):
        return None  # gone, a zombie, or someone else's


def _end(processes: Sequence[psutil.Process], grace: float) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in processes:
            try:
                process.send_signal(number)  # psutil looks at the start time again: no other process is hit
            except psutil.NoSuchProcess:
                continue
        deadline = time.monotonic() + grace
        while any(_lives(process) for process in processes) and time.monotonic() < deadline:
            time.sleep(0.02)
    for process in processes:
        if child := _children.pop(process.pid, None):
            child.wait()


def _lives(process: psutil.Process) -> bool:
    """A zombie has ended, however late its parent takes notice."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
