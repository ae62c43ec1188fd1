"""Where a local stack keeps its state, its logs and its temporary files, and the lock on all that.

A stack is its home: two homes are two stacks, which run side by side on ports of their own.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from triptych.stack.errors import StackError

REPOSITORY = Path(__file__).resolve().parents[2]
"""The checkout. The local stack deploys its template.yaml and runs its services."""


@dataclass(frozen=True)
class Home:
    """The folder of one local stack."""

    path: Path

    @classmethod
    def default(cls) -> "Home":
        """`TRIPTYCH_HOME` of the environment, or `.triptych` in the checkout."""
        chosen = os.environ.get("TRIPTYCH_HOME")
        return cls(Path(chosen).resolve() if chosen else REPOSITORY / ".triptych")

    @property
    def state_file(self) -> Path:
        """What runs and what is deployed: see `state.py`."""
        return self.path / "state.json"

    @property
    def logs(self) -> Path:
        """One log for each process and for each step of the deployment."""
        return self.path / "logs"

    @property
    def build(self) -> Path:
        """What `sam build` made. It outlives the stack, so that the next one need not build again."""
        return self.path / "build"

    @property
    def scratch(self) -> Path:
        """Temporary files of the emulator and of its Lambda workers; deleted with the stack."""
        return self.path / "scratch"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold this home for one command. The system releases it, however the command ends.

        Raises:
            StackError: another command is at it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StackError(f"Another command is starting or stopping the stack in {self.path}.") from None
            yield
