"""The home of a local stack: the folder with its state, its data, its logs and its temporary files, and a lock on them.

Each home is a separate stack. Stacks with different homes run at the same time, on separate ports.
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
        """Return the home that a user set in the variable `TRIPTYCH_HOME`, or `.triptych` in the checkout.

        The variable `TRIPTYCH_STACK_HOME` is not for users: it marks the processes of a stack (see `processes.py`).
        """
        configured = os.environ.get("TRIPTYCH_HOME")
        return cls(Path(configured).resolve() if configured else REPOSITORY / ".triptych")

    @property
    def state_file(self) -> Path:
        """The running processes and the deployment, see `state.py`."""
        return self.path / "state.json"

    @property
    def logs(self) -> Path:
        """One log for each process and for each step of the deployment."""
        return self.path / "logs"

    @property
    def build(self) -> Path:
        """The output of `sam build`. It is kept when the stack stops, so that the next start need not build it."""
        return self.path / "build"

    @property
    def data(self) -> Path:
        """Documents, records and the deployment: what the stack keeps when it stops, until it is forgotten."""
        return self.path / "data"

    @property
    def journal(self) -> Path:
        """Changes of the table since the emulator last saved its state, see `journal.py`."""
        return self.data / "journal.jsonl"

    @property
    def scratch(self) -> Path:
        """Temporary files of the emulator and of its Lambda workers, deleted when the stack stops."""
        return self.path / "scratch"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Lock this home for one command. The system releases the lock when the process ends.

        Raises:
            StackError: Another command holds the lock.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StackError(f"Another command is starting or stopping the stack in {self.path}.") from None
            yield
