"""What a local stack remembers: all of it, or nothing, and never a process that is not its own."""

import json
import os
from pathlib import Path

import psutil
import pytest

from triptych.stack import Home
from triptych.stack.processes import Process
from triptych.stack.state import Server, State


@pytest.fixture
def state(tmp_path: Path) -> State:
    """A state whose processes all run: they are this one."""
    me = Process(os.getpid(), psutil.Process().create_time())
    return State(
        Home(tmp_path),
        emulator=Server(me, 4566, sources=""),
        services={"v1": Server(me, 8101, sources="abc")},
        deployed="def",
        outputs={"TableName": "records"},
        ingest="queue",
        retry_seconds=3.5,
    )


def test_it_is_read_as_it_was_saved(state: State) -> None:
    state.save()
    assert State.load(state.home) == state


def test_an_emulator_that_died_takes_what_was_deployed_with_it_but_not_what_was_chosen(state: State) -> None:
    assert state.emulator
    state.emulator = Server(Process(state.emulator.process.pid, started=1.0), 4566, sources="")
    state.save()
    found = State.load(state.home)
    assert (found.emulator, found.deployed, found.outputs) == (None, "", {})
    assert found.ingest == "queue"


@pytest.mark.parametrize(
    "change", [{"format": 1}, {"ingest": "carrier pigeon"}, {"services": {"v1": {}}}, {"retry_seconds": None}]
)
def test_what_cannot_be_read_counts_as_nothing(state: State, change: dict[str, object]) -> None:
    state.save()
    saved = json.loads(state.home.state_file.read_text())
    state.home.state_file.write_text(json.dumps({**saved, **change}))
    assert State.load(state.home) == State(state.home)
