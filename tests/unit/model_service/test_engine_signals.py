"""Protects: signals are handled after models were unloaded in any order (OpenVINO's alternate signal stacks)."""

import subprocess
import sys
from pathlib import Path

from tests.support.tiny_model import write_tiny_model

UNLOAD_OLDEST_FIRST = """
import gc, pathlib, signal, sys
from model_service.engine import load_model

first, second = (load_model(pathlib.Path(folder)) for folder in sys.argv[1:])
del first
gc.collect()
del second
gc.collect()
signal.signal(signal.SIGUSR1, lambda *_: print("handled"))
signal.raise_signal(signal.SIGUSR1)
"""


def test_a_signal_is_handled_after_the_oldest_model_was_unloaded_first(tmp_path: Path) -> None:
    """With a core per model, the process ended with a segmentation fault."""
    for version in ("v1", "v2"):
        write_tiny_model(tmp_path, version)
    process = subprocess.run(
        [sys.executable, "-c", UNLOAD_OLDEST_FIRST, str(tmp_path / "v1"), str(tmp_path / "v2")],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (process.returncode, process.stdout) == (0, "handled\n"), process.stderr
