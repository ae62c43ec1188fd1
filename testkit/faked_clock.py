"""A wall clock that can be stepped while processes run: libfaketime, preloaded into them. Needs Linux on x86-64."""

import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class FakedClock:
    """The clock of the processes that are started with `environment`. Durations are measured as usual.

    Args:
        file: Where these processes read by how much their clock is off.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._set(0)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that a process needs."""
        return {
            "LD_PRELOAD": str(_library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    @contextmanager
    def stepped(self, seconds: int) -> Iterator[None]:
        """Step the clock, and step it back when the block ends."""
        self._set(seconds)
        try:
            yield
        finally:
            self._set(0)

    def works(self) -> bool:
        """Return whether a process with this environment reads this clock: the library fits the machine."""
        with self.stepped(-3600):
            command = [sys.executable, "-c", "import time; print(time.time())"]
            done = subprocess.run(
                command, env=os.environ | self.environment, capture_output=True, text=True, check=False
            )
        try:
            return float(done.stdout) < time.time() - 1800
        except ValueError:
            return False

    def _set(self, seconds: int) -> None:
        draft = self._file.with_suffix(".draft")
        draft.write_text(f"{seconds:+d}\n")
        draft.replace(self._file)


def _library() -> Path:
    """Return the library of the package libfaketime, without importing it: the import restarts the interpreter."""
    found = importlib.util.find_spec("libfaketime")
    assert found
    assert found.origin, "make chaos installs libfaketime"
    return Path(found.origin).parent / "vendor" / "libfaketime" / "src" / "libfaketime.so.1"
