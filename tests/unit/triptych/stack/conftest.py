from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from triptych.stack.home import Home
from triptych.stack.processes import MARK, Process, start, stop

Sleeper = Callable[..., Process]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Sleeper]:
    """Starts real processes that do nothing for a minute; whatever a test leaves of them is ended."""
    started: list[Process] = []

    def begin(script: str = "sleep 60", *, mark: Path | None = None) -> Process:
        environment = {"PATH": "/usr/bin:/bin"} | ({MARK: str(mark)} if mark else {})
        log = tmp_path / f"sleeper-{len(started)}.log"
        process = start(["/bin/sh", "-c", script], environment=environment, log=log, cwd=tmp_path)
        started.append(process)
        return process

    yield begin
    stop(*started, grace=0.5)
