"""Protects: stacks that start at the same moment, as the tests of two workers do, get emulators on different ports."""

from pathlib import Path

import pytest

from tests.support.tools import require_tool
from triptych.stack import emulator, ports
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
