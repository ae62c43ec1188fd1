"""State that a crash left behind must be recognised, whatever it looks like."""

import json
import tempfile
from pathlib import Path
from typing import get_args

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.triptych.stack.conftest import Sleeper
from triptych.stack.home import Home
from triptych.stack.processes import Process, stop
from triptych.stack.state import Ingest, Server, State

ME = Process(psutil.Process().pid, psutil.Process().create_time())
GONE = Process(pid=2**22 + 1, started=1.0)


@given(
    port=st.integers(1, 65535),
    sources=st.text(),
    outputs=st.dictionaries(st.text(), st.text()),
    services=st.sets(st.sampled_from(["v1", "v2", "v3"])),
    ingest=st.sampled_from(get_args(Ingest)),
    retry_seconds=st.floats(0, 600),
)
def test_what_is_saved_is_loaded(
    port: int, sources: str, outputs: dict[str, str], services: set[str], ingest: Ingest, retry_seconds: float
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        server = Server(ME, port, sources)
        saved = State(home, server, dict.fromkeys(services, server), sources, outputs, ingest, retry_seconds)
        saved.save()
        assert State.load(home) == saved


@given(st.binary() | st.builds(lambda value: json.dumps(value).encode(), st.recursive(st.none() | st.text(), st.lists)))
def test_what_cannot_be_read_counts_as_nothing(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        home.state_file.write_bytes(content)
        assert State.load(home) == State(home)


@pytest.mark.parametrize(
    "missing", ["format", "emulator", "services", "deployed", "outputs", "ingest", "retry_seconds"]
)
def test_a_state_that_lacks_a_part_counts_as_nothing(home: Home, missing: str) -> None:
    home.path.mkdir()
    State(home, Server(ME, 4566, ""), {}, "x", {"a": "b"}).save()
    saved = json.loads(home.state_file.read_text())
    del saved[missing]
    home.state_file.write_text(json.dumps(saved))
    assert State.load(home) == State(home)


def test_an_ingest_that_nobody_knows_counts_as_nothing(home: Home) -> None:
    home.path.mkdir()
    State(home, Server(ME, 4566, ""), {}, "x", {"a": "b"}).save()
    saved = json.loads(home.state_file.read_text())
    home.state_file.write_text(json.dumps({**saved, "ingest": "carrier pigeon"}))
    assert State.load(home) == State(home)


def test_with_a_dead_emulator_goes_what_it_had_deployed_but_not_the_services(home: Home) -> None:
    home.path.mkdir()
    service = Server(ME, 8101, "code")
    State(home, Server(GONE, 4566, ""), {"v1": service}, "deployed", {"TableName": "records"}, "queue").save()

    loaded = State.load(home)

    assert loaded == State(home, services={"v1": service}, ingest="queue"), "what a person chose stays chosen"


def test_a_service_that_died_is_forgotten(home: Home, sleeper: Sleeper) -> None:
    home.path.mkdir()
    service = sleeper()
    State(home, Server(ME, 4566, ""), {"v1": Server(ME, 1, ""), "v2": Server(service, 2, "")}).save()
    assert set(State.load(home).services) == {"v1", "v2"}

    stop(service)

    assert set(State.load(home).services) == {"v1"}
