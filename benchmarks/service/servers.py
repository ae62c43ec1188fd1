"""Servers under measurement: started as processes, spoken to alike, weighed, and ended."""

import base64
import http.client
import json
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

_START_SECONDS: Final = 120
_STOP_SECONDS: Final = 40
_MIB: Final = 1024 * 1024


@dataclass(frozen=True)
class Candidate:
    """How to start a server, and how it wants its documents.

    Attributes:
        name: In tables.
        arguments: Of Python; `{port}` is filled in.
        health: Path that answers 200 once it is ready.
        json: Whether documents come as base64 in JSON; else as they are.
        environment: Added to this process's.
    """

    name: str
    arguments: tuple[str, ...]
    health: str = "/health"
    json: bool = False
    environment: tuple[tuple[str, str], ...] = ()


class Server:
    """A running server. `seconds_to_ready` is measured from the start of its process."""

    def __init__(self, candidate: Candidate) -> None:
        self.candidate: Final = candidate
        self.name: Final = candidate.name
        self.port: Final = _free_port()
        started = time.perf_counter()
        arguments = [argument.format(port=self.port) for argument in candidate.arguments]
        self.process: Final = subprocess.Popen(
            [sys.executable, "-W", "ignore", *arguments],
            cwd=Path(__file__).parents[2],
            env={**os.environ, **dict(candidate.environment), "PORT": str(self.port)},
            stdout=subprocess.DEVNULL,
        )
        self._wait_until_ready(started + _START_SECONDS)
        self.seconds_to_ready: Final = time.perf_counter() - started

    def connect(self, timeout: float = 120) -> http.client.HTTPConnection:
        """A connection, kept alive between requests."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def body(self, document: bytes) -> bytes:
        """The document as this server wants it."""
        if self.candidate.json:
            return json.dumps({"content": base64.b64encode(document).decode()}).encode()
        return document

    @property
    def headers(self) -> dict[str, str]:
        """That go with the body."""
        return {"Content-Type": "application/json" if self.candidate.json else "application/octet-stream"}

    def memory_mib(self) -> float:
        """Of all its processes; what they share is counted once, where the system tells (Linux)."""
        processes = [psutil.Process(self.process.pid)]
        processes += processes[0].children(recursive=True)
        infos = [process.memory_full_info() for process in processes]
        return sum(float(getattr(info, "pss", info.rss)) for info in infos) / _MIB

    def cpu_seconds(self) -> float:
        """CPU time of all its processes that live."""
        processes = [psutil.Process(self.process.pid)]
        processes += processes[0].children(recursive=True)
        return sum(sum(process.cpu_times()[:2]) for process in processes)

    def stop(self) -> int:
        """End it, and give its exit code."""
        children = psutil.Process(self.process.pid).children(recursive=True) if self.process.poll() is None else []
        self.process.terminate()
        try:
            code = self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        for child in children:  # some servers leave theirs behind
            if child.is_running():
                child.kill()
        return code

    def _wait_until_ready(self, give_up: float) -> None:
        while True:
            connection = self.connect(1)
            try:
                connection.request("GET", self.candidate.health)
                if connection.getresponse().status == 200:
                    return
            except OSError:
                pass
            finally:
                connection.close()
            if self.process.poll() is not None or time.perf_counter() > give_up:
                self.stop()
                raise RuntimeError(f"{self.name} did not start")
            time.sleep(0.01)


def this_service(models: Path, *, name: str = "this service", **settings: str) -> Candidate:
    """The model service, with the settings that it has in production unless said otherwise."""
    environment = {"MODELS_DIR": str(models), "MODELS": "v1", "HOST": "127.0.0.1", **settings}
    return Candidate(name, ("-m", "model_service"), "/health/ready", environment=tuple(environment.items()))


def peers(torchscript: Path) -> list[Candidate]:
    """The others. LitServe twice: as it comes, and as it is fastest on two cores."""
    program = ("-m", "benchmarks.service.peers")
    model = str(torchscript)
    cores = str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    return [
        Candidate("FastAPI + TorchScript", (*program, "tutorial", model, "{port}")),
        Candidate("LitServe", (*program, "litserve", model, "{port}"), json=True),
        Candidate("LitServe, a worker a core", (*program, "litserve", model, "{port}", cores, "1"), json=True),
    ]


@contextmanager
def running(candidates: Sequence[Candidate]) -> Iterator[list[Server]]:
    """Start servers one after the other, and stop them in the end."""
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
