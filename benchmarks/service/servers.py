"""Servers to measure, each in its own process."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from benchmarks.service.wire import RAW, WireFormat

_START_SECONDS: Final = 120
_STOP_SECONDS: Final = 40
_MIB: Final = 1024 * 1024


@dataclass(frozen=True)
class Candidate:
    """A way to start a server, and its request format.

    Attributes:
        name: Name in tables.
        arguments: Arguments of Python; `{port}` is replaced.
        health: Path that returns 200 once the server is ready.
        wire: How documents are sent and predictions returned.
        environment: Variables added to those of this process.
        python: Interpreter of the server's environment.
    """

    name: str
    arguments: tuple[str, ...]
    health: str = "/health"
    wire: WireFormat = RAW
    environment: tuple[tuple[str, str], ...] = ()
    python: Path = Path(sys.executable)


class Server:
    """A running server. `seconds_to_ready` is measured from the start of its process."""

    def __init__(self, candidate: Candidate) -> None:
        self.candidate: Final = candidate
        self.name: Final = candidate.name
        self.port: Final = _free_port()
        started = time.perf_counter()
        arguments = [argument.format(port=self.port) for argument in candidate.arguments]
        self.process: Final = subprocess.Popen(
            [candidate.python, "-W", "ignore", *arguments],
            cwd=Path(__file__).parents[2],
            env={**os.environ, **dict(candidate.environment), "PORT": str(self.port)},
            stdout=subprocess.DEVNULL,
            stderr=None if candidate.python == Path(sys.executable) else subprocess.DEVNULL,  # peers log much
        )
        self._wait_until_ready(started + _START_SECONDS)
        self.seconds_to_ready: Final = time.perf_counter() - started

    def connect(self, timeout: float = 120) -> http.client.HTTPConnection:
        """Return a connection that stays open between requests."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def body(self, document: bytes) -> bytes:
        """Return the request body for a document."""
        return self.candidate.wire.encode(document)

    @property
    def headers(self) -> dict[str, str]:
        """Request headers for the body."""
        return {"Content-Type": self.candidate.wire.content_type}

    @property
    def path(self) -> str:
        """Path to which documents are posted."""
        return self.candidate.wire.path

    def memory_mib(self) -> float:
        """Return the memory of all its processes. On Linux, shared memory counts once."""
        infos = [process.memory_full_info() for process in self._processes()]
        return sum(float(getattr(info, "pss", info.rss)) for info in infos) / _MIB

    def cpu_seconds(self) -> float:
        """Return the CPU time of all its running processes."""
        return sum(sum(process.cpu_times()[:2]) for process in self._processes())

    def metric(self, name: str) -> float:
        """Return a metric of this service without labels, such as `triptych_in_flight`."""
        connection = self.connect(10)
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().splitlines()
        connection.close()
        return next(float(line.split()[1]) for line in lines if line.startswith(name + " "))

    def stop(self) -> int:
        """Stop the server and return its exit code."""
        children = self._processes()[1:] if self.process.poll() is None else []
        self.process.terminate()
        try:
            code = self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        for child in children:  # some servers do not stop their workers
            if child.is_running():
                child.kill()
        return code

    def _processes(self) -> list[psutil.Process]:
        process = psutil.Process(self.process.pid)
        return [process, *process.children(recursive=True)]

    def _wait_until_ready(self, deadline: float) -> None:
        while True:
            connection = self.connect(1)
            try:
                connection.request("GET", self.candidate.health)
                if connection.getresponse().status == 200:
                    return
            except (OSError, http.client.HTTPException):
                pass
            finally:
                connection.close()
            if self.process.poll() is not None or time.perf_counter() > deadline:
                self.stop()
                raise RuntimeError(f"{self.name} did not start")
            time.sleep(0.01)


def this_service(models: Path, *, name: str = "this service", **settings: str) -> Candidate:
    """Return the model service with its production settings, except for those given."""
    environment = {"MODELS_DIR": str(models), "MODELS": "v1", "HOST": "127.0.0.1", **settings}
    return Candidate(name, ("-m", "model_service"), "/health/ready", environment=tuple(environment.items()))


@contextmanager
def running(candidates: Sequence[Candidate]) -> Iterator[list[Server]]:
    """Start servers sequentially, and stop them when the block ends."""
    servers: list[Server] = []
    try:
        for candidate in candidates:
            servers.append(Server(candidate))  # noqa: PERF401 -- one that fails must not leave the others running
        yield servers
    finally:
        for server in servers:
            server.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
