"""Processes outlive their command: later commands find them, stop them with their children, and stop no others."""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tests.unit.triptych.stack.conftest import Sleeper
from triptych.stack.errors import StackError
from triptych.stack.processes import (
    HOME_VARIABLE,
    ManagedProcess,
    becomes_ready,
    require_ready,
    start_process,
    stop_orphans,
    stop_processes,
)


def eventually(holds: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not (true := holds()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return true


def test_process_is_alive_until_it_is_stopped(sleeper: Sleeper) -> None:
    process = sleeper()
    assert process.alive
    assert stop_processes(process)
    assert not process.alive
    assert not stop_processes(process)


def test_children_are_stopped_with_their_process(sleeper: Sleeper, tmp_path: Path) -> None:
    process = sleeper("sleep 60 & echo $! > child; wait")
    child_file = tmp_path / "child"
    assert eventually(lambda: child_file.exists() and child_file.read_text() != "")
    child = int(child_file.read_text())

    stop_processes(process)

    assert eventually(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == "zombie")


def test_process_that_ignores_sigterm_is_killed_after_the_grace_period(sleeper: Sleeper, tmp_path: Path) -> None:
    process = sleeper("trap '' TERM; touch trapped; while :; do sleep 0.1; done")
    assert eventually((tmp_path / "trapped").exists)
    stop_processes(process, grace=0.3)
    assert not process.alive


def test_other_process_with_a_reused_id_is_not_stopped(sleeper: Sleeper) -> None:
    other = sleeper()
    known = replace(other, started=other.started - 3600)  # the process that had this id an hour ago

    assert not known.alive
    assert not stop_processes(known)

    assert other.alive


def test_zombie_is_not_alive(sleeper: Sleeper) -> None:
    process = sleeper()
    os.kill(process.pid, signal.SIGKILL)  # not waited for yet
    assert eventually(lambda: not process.alive)
    assert not stop_processes(process)


def test_stop_orphans_stops_the_processes_of_one_home_only(sleeper: Sleeper, tmp_path: Path) -> None:
    own, other_stack, unrelated = sleeper(home=tmp_path / "a"), sleeper(home=tmp_path / "b"), sleeper()
    assert eventually(lambda: psutil.Process(own.pid).environ().get(HOME_VARIABLE) == str(tmp_path / "a"))

    assert stop_orphans(tmp_path / "a", grace=1) >= 1

    assert not own.alive
    assert other_stack.alive
    assert unrelated.alive
    assert eventually(lambda: stop_orphans(tmp_path / "a") == 0)  # a killed process may take a moment to disappear


def test_stop_orphans_keeps_the_groups_of_known_processes(sleeper: Sleeper, tmp_path: Path) -> None:
    known, orphan = (sleeper("sleep 60 & wait", home=tmp_path) for _ in range(2))
    assert eventually(lambda: all(psutil.Process(process.pid).children() for process in (known, orphan)))

    stop_orphans(tmp_path, keep=[known], grace=1)

    assert not orphan.alive
    assert known.alive
    assert len(psutil.Process(known.pid).children()) == 1


def test_log_of_the_previous_process_is_kept(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "service.log"
    for word in ("first", "second"):
        process = start_process(["/bin/echo", word], environment={}, log=log, cwd=tmp_path)
        assert eventually(lambda process=process: not process.alive)  # type: ignore[misc]
    assert log.read_text() == "second\n"
    assert (tmp_path / "logs" / "service.previous.log").read_text() == "first\n"


def test_require_ready_returns_when_the_process_is_ready(sleeper: Sleeper, tmp_path: Path) -> None:
    process = sleeper("touch ready; sleep 60")
    require_ready(process, (tmp_path / "ready").exists, name="It", log=tmp_path / "log", timeout=10)


def test_process_that_ends_before_it_is_ready_is_reported_with_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = start_process(["/bin/sh", "-c", "echo no model; exit 3"], environment={}, log=log, cwd=tmp_path)
    with pytest.raises(StackError, match=r"The service ended before it was ready\.\nno model\n"):
        require_ready(process, lambda: False, name="The service", log=log, timeout=10)


def test_ended_process_never_becomes_ready(tmp_path: Path) -> None:
    process = start_process(["/bin/true"], environment={}, log=tmp_path / "log", cwd=tmp_path)
    assert eventually(lambda: not process.alive)
    assert not becomes_ready(process, lambda: True, timeout=10)


def test_require_ready_raises_after_the_timeout(sleeper: Sleeper, tmp_path: Path) -> None:
    with pytest.raises(StackError, match="was not ready after 0 s"):
        require_ready(sleeper(), lambda: False, name="It", log=tmp_path / "log", timeout=0.2)


def test_unused_process_id_is_not_alive() -> None:
    assert not ManagedProcess(pid=2**22 + 1, started=0.0).alive
