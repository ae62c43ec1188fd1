"""Protects: stacks that start at the same moment, as the tests of two workers do, get emulators on different ports."""

import socket
from pathlib import Path

import pytest

from tests.support.tools import require_tool
from triptych.stack import emulator, ports, services
from triptych.stack.home import Home
from triptych.stack.processes import stop_processes


def test_an_emulator_whose_port_was_taken_after_it_was_chosen_starts_on_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_tool("ministack")
    first = emulator.start_emulator(Home(tmp_path / "first"), retry_seconds=1, services=("s3",))
    choices = iter([first.port, ports.choose_port(first.port)])
    monkeypatch.setattr(ports, "choose_port", lambda _: next(choices))
    try:
        second = emulator.start_emulator(Home(tmp_path / "second"), retry_seconds=1, services=("s3",))
        stop_processes(second.process)
    finally:
        stop_processes(first.process)
    assert second.port != first.port
    assert next(choices, None) is None


def test_a_service_whose_port_was_taken_after_it_was_chosen_starts_on_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path)
    with socket.socket() as other:
        other.bind((ports.HOST, 0))
        other.listen()
        taken = other.getsockname()[1]
        choices = iter([taken, ports.choose_port(taken)])
        monkeypatch.setattr(ports, "choose_port", lambda _: next(choices))
        server = services.wait_for_service(home, "v1", services.start_service_process(home, "v1"))
        try:
            assert server.port != taken
            assert services.service_is_ready(server)
        finally:
            stop_processes(server.process)
