"""Processes outlive their command, so the next one must find them, end all of them, and never hit a stranger."""

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
from triptych.stack.processes import MARK, Process, becomes_ready, end_strays, start, stop, wait_ready


def eventually(holds: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not (true := holds()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return true


def test_a_started_process_is_alive_until_it_is_stopped(sleeper: Sleeper) -> None:
    process = sleeper()
    assert process.alive
    assert stop(process)
    assert not process.alive
    assert not stop(process)


def test_what_a_process_spawned_ends_with_it(sleeper: Sleeper, tmp_path: Path) -> None:
    process = sleeper("sleep 60 & echo $! > child; wait")
    child_file = tmp_path / "child"
    assert eventually(lambda: child_file.exists() and child_file.read_text() != "")
    child = int(child_file.read_text())

    stop(process)

    assert eventually(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == "zombie")


def test_a_process_that_ignores_sigterm_is_killed_after_the_grace(sleeper: Sleeper, tmp_path: Path) -> None:
    process = sleeper("trap '' TERM; touch deaf; while :; do sleep 0.1; done")
    assert eventually((tmp_path / "deaf").exists)
    stop(process, grace=0.3)
    assert not process.alive


def test_another_process_that_got_the_id_is_never_ended(sleeper: Sleeper) -> None:
    stranger = sleeper()
    remembered = replace(stranger, started=stranger.started - 3600)  # what had this id an hour ago

    assert not remembered.alive
    assert not stop(remembered)

    assert stranger.alive


def test_a_zombie_is_not_alive(sleeper: Sleeper) -> None:
    process = sleeper()
    os.kill(process.pid, signal.SIGKILL)  # nobody has waited for it yet
    assert eventually(lambda: not process.alive)
    assert not stop(process)


def test_strays_are_found_by_their_mark_and_others_are_left(sleeper: Sleeper, tmp_path: Path) -> None:
    mine, other_stack, unmarked = sleeper(mark=tmp_path / "a"), sleeper(mark=tmp_path / "b"), sleeper()
    assert eventually(lambda: psutil.Process(mine.pid).environ().get(MARK) == str(tmp_path / "a"))

    assert end_strays(tmp_path / "a", grace=1) >= 1

    assert not mine.alive
    assert other_stack.alive
    assert unmarked.alive
    assert eventually(lambda: end_strays(tmp_path / "a") == 0)  # the killed one may take a moment to go


def test_what_is_remembered_is_no_stray(sleeper: Sleeper, tmp_path: Path) -> None:
    remembered, stray = (sleeper("sleep 60 & wait", mark=tmp_path) for _ in range(2))
    assert eventually(lambda: all(psutil.Process(process.pid).children() for process in (remembered, stray)))

    end_strays(tmp_path, keep=[remembered], grace=1)

    assert not stray.alive
    assert remembered.alive
    assert len(psutil.Process(remembered.pid).children()) == 1


def test_the_log_of_the_former_process_is_kept(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "service.log"
    for word in ("first", "second"):
        process = start(["/bin/echo", word], environment={}, log=log, cwd=tmp_path)
        assert eventually(lambda process=process: not process.alive)  # type: ignore[misc]
    assert log.read_text() == "second\n"
    assert (tmp_path / "logs" / "service.previous.log").read_text() == "first\n"


def test_waiting_ends_as_soon_as_it_is_ready(sleeper: Sleeper, tmp_path: Path) -> None:
    process = sleeper("touch ready; sleep 60")
    wait_ready(process, (tmp_path / "ready").exists, what="It", log=tmp_path / "log", timeout=10)


def test_a_process_that_ends_instead_is_told_with_its_last_words(tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = start(["/bin/sh", "-c", "echo no model; exit 3"], environment={}, log=log, cwd=tmp_path)
    with pytest.raises(StackError, match=r"The service ended instead of becoming ready\.\nno model\n"):
        wait_ready(process, lambda: False, what="The service", log=log, timeout=10)


def test_what_answers_on_the_port_of_a_process_that_ended_is_not_it(tmp_path: Path) -> None:
    process = start(["/bin/true"], environment={}, log=tmp_path / "log", cwd=tmp_path)
    assert eventually(lambda: not process.alive)
    assert not becomes_ready(process, lambda: True, timeout=10)


def test_waiting_has_an_end(sleeper: Sleeper, tmp_path: Path) -> None:
    with pytest.raises(StackError, match="was not ready after 0 s"):
        wait_ready(sleeper(), lambda: False, what="It", log=tmp_path / "log", timeout=0.2)


def test_an_id_that_nobody_has_is_not_alive() -> None:
    assert not Process(pid=2**22 + 1, started=0.0).alive
