"""The functions of a stack that does not run, and what stopping affects."""

import pytest

from tests.unit.triptych.stack.conftest import Sleeper
from triptych import stack
from triptych.errors import StackUnavailable
from triptych.stack.home import Home
from triptych.stack.state import Choices, LocalServer, StackState

QUEUE = Choices(ingest="queue")


def test_running_stack_raises_without_a_stack(home: Home) -> None:
    with pytest.raises(StackUnavailable, match="triptych up"):
        stack.running_stack(home)


def test_stop_stack_does_nothing_without_a_stack(home: Home) -> None:
    assert stack.stop_stack(home=home) is False
    assert not home.path.exists()


def test_status_of_a_stopped_stack(home: Home) -> None:
    found = stack.stack_status(home)
    assert not found.healthy
    assert found == stack.StackStatus(emulator=False, services={"v1": False, "v2": False, "v3": False})


def test_service_functions_need_a_running_stack(home: Home) -> None:
    with pytest.raises(StackUnavailable):
        stack.start_service("v2", home)
    with pytest.raises(StackUnavailable, match="v2 is not running"):
        stack.stop_service("v2", home)


def test_stop_stack_stops_known_and_orphaned_processes(home: Home, sleeper: Sleeper) -> None:
    home.path.mkdir()
    known, orphan = sleeper(), sleeper(home=home.path)
    StackState(home, LocalServer(known, 4566, ""), choices=QUEUE).save()
    home.scratch.mkdir()

    assert stack.stop_stack(home=home) is True

    assert not known.alive
    assert not orphan.alive
    assert StackState.load(home) == StackState(home, choices=QUEUE), "the choices are kept"
    assert not home.scratch.exists()


def test_stop_stack_keeps_the_data_unless_they_are_to_be_forgotten(home: Home) -> None:
    home.data.mkdir(parents=True)
    StackState(home, choices=QUEUE).save()
    home.journal.write_text("{}\n")

    stack.stop_stack(home=home)
    assert home.journal.exists(), "an emulator that was killed has saved nothing"

    stack.stop_stack(home=home, forget=True)
    assert not home.data.exists()
    assert not home.state_file.exists()


def test_stop_service_leaves_the_other_services_running(home: Home, sleeper: Sleeper) -> None:
    home.path.mkdir()
    servers = {version: LocalServer(sleeper(), port, "") for port, version in enumerate(("v1", "v2", "v3"), 8101)}
    StackState(home, LocalServer(sleeper(), 4566, ""), servers).save()

    stack.stop_service("v2", home)

    assert [version for version, server in servers.items() if server.process.alive] == ["v1", "v3"]
    assert set(StackState.load(home).services) == {"v1", "v3"}
