"""With nothing running, each function says so, starts nothing and breaks nothing."""

import pytest

from tests.unit.triptych.stack.conftest import Sleeper
from triptych import stack
from triptych.errors import StackUnavailable
from triptych.stack.home import Home
from triptych.stack.state import Server, State


def test_there_is_no_current_stack(home: Home) -> None:
    with pytest.raises(StackUnavailable, match="triptych up"):
        stack.current(home)


def test_down_is_a_quiet_nothing(home: Home) -> None:
    assert stack.down(home=home) is False
    assert not home.path.exists()


def test_no_part_answers(home: Home) -> None:
    found = stack.status(home)
    assert not found.healthy
    assert found == stack.Status(emulator=False, services={"v1": False, "v2": False, "v3": False})


def test_a_service_needs_a_stack(home: Home) -> None:
    with pytest.raises(StackUnavailable):
        stack.start_service("v2", home)
    with pytest.raises(StackUnavailable, match="v2 is not running"):
        stack.stop_service("v2", home)


def test_down_ends_what_the_state_names_and_what_only_carries_the_mark(home: Home, sleeper: Sleeper) -> None:
    home.path.mkdir()
    remembered, stray = sleeper(), sleeper(mark=home.path)
    State(home, Server(remembered, 4566, "")).save()
    home.scratch.mkdir()

    assert stack.down(home=home) is True

    assert not remembered.alive
    assert not stray.alive
    assert not home.state_file.exists()
    assert not home.scratch.exists()


def test_stopping_one_service_leaves_the_others(home: Home, sleeper: Sleeper) -> None:
    home.path.mkdir()
    servers = {version: Server(sleeper(), port, "") for port, version in enumerate(("v1", "v2", "v3"), 8101)}
    State(home, Server(sleeper(), 4566, ""), servers).save()

    stack.stop_service("v2", home)

    assert [version for version, server in servers.items() if server.process.alive] == ["v1", "v3"]
    assert set(State.load(home).services) == {"v1", "v3"}
