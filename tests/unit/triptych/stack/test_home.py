"""One command at a time uses a home, and a crashed command does not keep it locked."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from triptych.stack.errors import StackError
from triptych.stack.home import REPOSITORY, Home

LOCK_SCRIPT = """
import sys, time
from pathlib import Path
from triptych.stack.home import Home
with Home(Path(sys.argv[1])).lock():
    print("locked", flush=True)
    time.sleep(60)
"""


def test_home_is_locked_by_one_command_at_a_time(home: Home) -> None:
    with home.lock(), pytest.raises(StackError, match="Another command"), home.lock():
        raise AssertionError("locked twice")
    with home.lock():
        pass


def test_two_homes_are_locked_independently(tmp_path: Path) -> None:
    with Home(tmp_path / "a").lock(), Home(tmp_path / "b").lock():
        pass


def test_killed_command_releases_the_lock(home: Home) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", LOCK_SCRIPT, str(home.path)], stdout=subprocess.PIPE, cwd=REPOSITORY
    )
    assert holder.stdout is not None
    with holder, holder.stdout:
        assert holder.stdout.readline() == b"locked\n"
        with pytest.raises(StackError), home.lock():
            raise AssertionError("locked twice")
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with home.lock():
        pass


def test_environment_variable_selects_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRIPTYCH_HOME", str(tmp_path))
    assert Home.default().path == tmp_path
    monkeypatch.delenv("TRIPTYCH_HOME")
    assert Home.default().path == REPOSITORY / ".triptych"
