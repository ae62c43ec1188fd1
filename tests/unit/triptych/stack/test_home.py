"""Two commands at once must not start two stacks in one home, and a crashed one must not lock it for good."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from triptych.stack.errors import StackError
from triptych.stack.home import REPOSITORY, Home

HOLD = """
import sys, time
from pathlib import Path
from triptych.stack.home import Home
with Home(Path(sys.argv[1])).lock():
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_home_is_held_by_one_command_at_a_time(home: Home) -> None:
    with home.lock(), pytest.raises(StackError, match="Another command"), home.lock():
        raise AssertionError("held twice")
    with home.lock():
        pass


def test_two_homes_do_not_hinder_each_other(tmp_path: Path) -> None:
    with Home(tmp_path / "a").lock(), Home(tmp_path / "b").lock():
        pass


def test_a_killed_command_releases_its_home(home: Home) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(home.path)], stdout=subprocess.PIPE, cwd=REPOSITORY)
    assert holder.stdout is not None
    with holder, holder.stdout:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StackError), home.lock():
            raise AssertionError("held twice")
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with home.lock():
        pass


def test_the_environment_chooses_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRIPTYCH_HOME", str(tmp_path))
    assert Home.default().path == tmp_path
    monkeypatch.delenv("TRIPTYCH_HOME")
    assert Home.default().path == REPOSITORY / ".triptych"
