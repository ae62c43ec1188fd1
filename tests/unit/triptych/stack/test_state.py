"""The state is saved and loaded, whatever a crash left behind."""

import json
import tempfile
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.triptych.stack.conftest import Sleeper
from triptych.stack.home import Home
from triptych.stack.processes import ManagedProcess, stop_processes
from triptych.stack.state import Choices, LocalServer, StackState

THIS_PROCESS = ManagedProcess(psutil.Process().pid, psutil.Process().create_time())
ENDED = ManagedProcess(pid=2**22 + 1, started=1.0)


@given(
    port=st.integers(1, 65535),
    sources=st.text(),
    outputs=st.dictionaries(st.text(), st.text()),
    services=st.sets(st.sampled_from(["v1", "v2", "v3"])),
    choices=st.from_type(Choices),
    retry_seconds=st.floats(0, 600),
)
def test_saved_state_is_loaded(
    port: int,
    sources: str,
    outputs: dict[str, str],
    services: set[str],
    choices: Choices,
    retry_seconds: float,
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        server = LocalServer(THIS_PROCESS, port, sources)
        running = dict.fromkeys(services, server)
        saved = StackState(home, server, running, sources, outputs, choices, retry_seconds)
        saved.saved, saved.port, saved.journal = sources, port, THIS_PROCESS
        saved.save()
        assert StackState.load(home) == saved


@given(st.binary() | st.builds(lambda value: json.dumps(value).encode(), st.recursive(st.none() | st.text(), st.lists)))
def test_unreadable_state_loads_as_empty(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        home.state_file.write_bytes(content)
        assert StackState.load(home) == StackState(home)


@pytest.mark.parametrize(
    "missing", ["format", "emulator", "services", "deployed", "outputs", "ingest", "retry_seconds"]
)
def test_incomplete_state_loads_as_empty(home: Home, missing: str) -> None:
    home.path.mkdir()
    StackState(home, LocalServer(THIS_PROCESS, 4566, ""), {}, "x", {"a": "b"}).save()
    saved = json.loads(home.state_file.read_text())
    del saved[missing]
    home.state_file.write_text(json.dumps(saved))
    assert StackState.load(home) == StackState(home)


def test_choices_that_an_earlier_release_did_not_save_have_their_defaults(home: Home) -> None:
    home.path.mkdir()
    StackState(home, LocalServer(THIS_PROCESS, 4566, ""), choices=Choices("queue")).save()
    saved = json.loads(home.state_file.read_text())
    for name in ("office_formats", "results", "hosting", "transfer", "functions_url"):
        del saved[name]
    home.state_file.write_text(json.dumps(saved))
    assert StackState.load(home).choices == Choices("queue")


def test_state_with_an_unknown_ingest_loads_as_empty(home: Home) -> None:
    home.path.mkdir()
    StackState(home, LocalServer(THIS_PROCESS, 4566, ""), {}, "x", {"a": "b"}).save()
    saved = json.loads(home.state_file.read_text())
    home.state_file.write_text(json.dumps({**saved, "ingest": "carrier pigeon"}))
    assert StackState.load(home) == StackState(home)


def test_ended_emulator_loses_its_deployment_but_not_the_services(home: Home) -> None:
    home.path.mkdir()
    service = LocalServer(THIS_PROCESS, 8101, "code")
    StackState(
        home, LocalServer(ENDED, 4566, ""), {"v1": service}, "deployed", {"TableName": "records"}, Choices("queue")
    ).save()

    loaded = StackState.load(home)

    assert loaded == StackState(home, services={"v1": service}, choices=Choices("queue")), "the chosen ingest is kept"


def test_ended_service_is_removed(home: Home, sleeper: Sleeper) -> None:
    home.path.mkdir()
    service = sleeper()
    StackState(
        home,
        LocalServer(THIS_PROCESS, 4566, ""),
        {"v1": LocalServer(THIS_PROCESS, 1, ""), "v2": LocalServer(service, 2, "")},
    ).save()
    assert set(StackState.load(home).services) == {"v1", "v2"}

    stop_processes(service)

    assert set(StackState.load(home).services) == {"v1"}
