"""Servers of the model service, as processes on free local ports."""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil
import requests

_START_SECONDS: Final = 180
_STOP_SECONDS: Final = 30
_TIMELESS: Final = {"MAX_FURTHER_SECONDS": "60"}
"""Settings with which the pages that are read of a long document do not depend on the load of the machine."""


class ServerProcess:
    """A server as a process, with its children. It is ready when it is created.

    Args:
        command: Arguments of the process.
        environment: Variables added to those of this process. HOST and PORT are added as well.
        port: The port to listen on, see `free_port`.
        folder: Working directory.
        is_ready: Returns whether the server at an address is ready.

    Attributes:
        url: Address without a path.
        start_seconds: Time until it was ready.
        start_cpu_seconds: CPU time until it was ready.

    Raises:
        RuntimeError: It ended, or was not ready in time.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        port: int,
        *,
        folder: Path,
        is_ready: Callable[[str], bool],
    ) -> None:
        started = time.monotonic()
        self.url: Final = f"http://127.0.0.1:{port}"
        self._process: Final = psutil.Popen(
            command,
            cwd=folder,
            env={**os.environ, "HOST": "127.0.0.1", "PORT": str(port), **_TIMELESS, **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while not _responds(is_ready, self.url):
            if self._process.poll() is not None or time.monotonic() > started + _START_SECONDS:
                self.stop()
                raise RuntimeError(f"{command} did not start")
            time.sleep(0.05)
        self.start_seconds: Final = time.monotonic() - started
        self.start_cpu_seconds: Final = self.cpu_seconds()

    def cpu_seconds(self) -> float:
        """Return the CPU time of the process, of its children, and of those that have ended."""
        total = 0.0
        for process in (self._process, *self._process.children(recursive=True)):
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += times.user + times.system + times.children_user + times.children_system
        return total

    def kill(self) -> None:
        """Kill the process and its children with SIGKILL, whatever they do."""
        family = [self._process, *self._process.children(recursive=True)]
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(family, _STOP_SECONDS)

    def stop(self) -> None:
        """Stop the process and its children."""
        if not self._process.is_running():
            return
        family = [self._process, *self._process.children(recursive=True)]
        self._process.terminate()
        _, alive = psutil.wait_procs(family, _STOP_SECONDS)
        for process in alive:
            process.kill()
        psutil.wait_procs(alive, _STOP_SECONDS)


def _responds(is_ready: Callable[[str], bool], url: str) -> bool:
    try:
        return is_ready(url)
    except requests.RequestException:
        return False


def gets_ok(path: str) -> Callable[[str], bool]:
    """Return a check whether a server responds with 200 to a path."""
    return lambda url: requests.get(url + path, timeout=5).status_code == 200


@contextmanager
def running_servers(*servers: Callable[[], ServerProcess]) -> Iterator[list[ServerProcess]]:
    """Start servers, and stop them in the end.

    Args:
        servers: Each starts a server on another port whenever it is called.
    """
    with ExitStack() as stack:
        started = []
        for start in servers:
            try:
                server = start()
            except RuntimeError:  # another process may have taken its port meanwhile
                server = start()
            started.append(server)
            stack.callback(server.stop)
        yield started


def free_port() -> int:
    """Return a port that no server listens on at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
