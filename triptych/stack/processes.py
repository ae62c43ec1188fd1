"""Processes that outlive the command that started them, and that later commands find again.

A process is identified by its id *and* its start time, because the system reuses ids. Each process leads its own
process group, so that its children (such as the emulator's Lambda workers) stop with it. An environment variable names
the home of its stack, so that processes whose record was lost in a crash can be found.
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

HOME_VARIABLE = "TRIPTYCH_STACK_HOME"
"""The environment variable that names the home of the stack in each of its processes.

It is set by the stack, never by users. They choose a home with `TRIPTYCH_HOME` (see `Home.default`), a variable of its
own because a user's shell that exports it is not a process of the stack.
"""

RESPONSE_TIMEOUT = 10.0
"""Seconds in which a running server has to respond on a busy machine, before it counts as broken."""

_START_TOLERANCE = 1.0
"""Seconds. A start time is computed from the boot time, which moves a little when the clock is set."""

_children: dict[int, subprocess.Popen[bytes]] = {}
"""Children of this process, which become zombies unless it waits for them."""


@dataclass(frozen=True)
class ManagedProcess:
    """A process of the stack.

    Attributes:
        pid: The process id.
        started: The start time in seconds since the epoch.
    """

    pid: int
    started: float

    @property
    def alive(self) -> bool:
        """Whether the process runs. A zombie or another process with the same id does not count."""
        return self.find() is not None

    def find(self) -> psutil.Process | None:
        """Return the running process, or None if it has ended."""
        if child := _children.get(self.pid):
            child.poll()  # a child that has ended stays a zombie until then
        try:
            found = psutil.Process(self.pid)
            same = abs(found.create_time() - self.started) < _START_TOLERANCE
            return found if same and found.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None

    def listens_on(self, port: int) -> bool:
        """Return whether the process listens on a TCP port. Another process on the same port does not count."""
        try:
            found = self.find()
            connections = found.net_connections("tcp") if found else []
        except psutil.Error:
            return False  # the process has just ended
        return any(each.status == psutil.CONN_LISTEN and each.laddr.port == port for each in connections)


def stop_processes(*processes: ManagedProcess, grace: float = 5.0) -> bool:
    """Stop processes and their groups: with SIGTERM, and with SIGKILL after `grace` seconds.

    Returns:
        Whether any process was running. Another process with a reused id is left alone.
    """
    running = [found for process in processes if (found := process.find()) is not None]
    _terminate([*running, *(member for leader in running for member in _group_members(leader.pid))], grace)
    return bool(running)


def start_process(argv: Sequence[str], *, environment: Mapping[str, str], log: Path, cwd: Path) -> ManagedProcess:
    """Start a process in its own group with its output in `log`. The previous log is kept under another name."""
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
    return ManagedProcess(child.pid, psutil.Process(child.pid).create_time())


def becomes_ready(process: ManagedProcess, is_ready: Callable[[], bool], timeout: float) -> bool:
    """Wait until `is_ready` returns true, at most `timeout` seconds.

    Returns:
        Whether the process is ready. False as soon as it has ended: then another process may use its port.
    """
    deadline = time.monotonic() + timeout
    while process.alive:
        if is_ready():
            return process.alive
        if time.monotonic() >= deadline:
            break
        time.sleep(0.05)
    return False


def require_ready(
    process: ManagedProcess, is_ready: Callable[[], bool], *, name: str, log: Path, timeout: float
) -> None:
    """Wait until `is_ready` returns true.

    Raises:
        StackError: The process ended, or `timeout` seconds passed.
    """
    if not becomes_ready(process, is_ready, timeout):
        failure = f"was not ready after {timeout:.0f} s" if process.alive else "ended before it was ready"
        raise StackError(f"{name} {failure}.", log)


def stop_orphans(home: Path, *, keep: Iterable[ManagedProcess] = (), grace: float = 5.0) -> int:
    """Stop every process of the stack in `home` except the groups of `keep`.

    Returns:
        The number of processes.
    """
    kept = {process.pid for process in keep}
    orphans = [
        found for found in psutil.process_iter() if _home_of(found) == str(home) and _group_leader(found) not in kept
    ]
    _terminate(orphans, grace)
    return len(orphans)


def _group_members(leader: int) -> list[psutil.Process]:
    return [found for found in psutil.process_iter() if found.pid != leader and _group_leader(found) == leader]


def _group_leader(found: psutil.Process) -> int | None:
    try:
        return os.getpgid(found.pid)
    except OSError:
        return None  # the process has ended


def _home_of(found: psutil.Process) -> str | None:
    try:
        return found.environ().get(HOME_VARIABLE)
    except (psutil.Error, OSError):
        return None  # the process has ended, is a zombie, or belongs to another user


def _terminate(processes: Sequence[psutil.Process], grace: float) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in processes:
            try:
                process.send_signal(number)  # psutil checks the start time, so no other process is hit
            except psutil.NoSuchProcess:
                continue
        deadline = time.monotonic() + grace
        while any(_is_running(process) for process in processes) and time.monotonic() < deadline:
            time.sleep(0.02)
    for process in processes:
        if child := _children.pop(process.pid, None):
            child.wait()


def _is_running(process: psutil.Process) -> bool:
    """Return whether a process runs. A zombie has ended, even if its parent has not waited for it."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
