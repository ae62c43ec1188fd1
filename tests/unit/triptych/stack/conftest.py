from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from triptych.stack.home import Home
from triptych.stack.processes import HOME_VARIABLE, ManagedProcess, start_process, stop_processes

Sleeper = Callable[..., ManagedProcess]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Sleeper]:
    """Start real processes that sleep for a minute, and stop them after the test."""
    started: list[ManagedProcess] = []

    def start(script: str = "sleep 60", *, home: Path | None = None) -> ManagedProcess:
        environment = {"PATH": "/usr/bin:/bin"} | ({HOME_VARIABLE: str(home)} if home else {})
        log = tmp_path / f"sleeper-{len(started)}.log"
        process = start_process(["/bin/sh", "-c", script], environment=environment, log=log, cwd=tmp_path)
        started.append(process)
        return process

    yield start
    stop_processes(*started, grace=0.5)
