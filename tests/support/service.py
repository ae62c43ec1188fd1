"""The model service as a process on a free local port."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx2
import psutil

_START_SECONDS: Final = 60
_STOP_SECONDS: Final = 40
_STARTED: Final = "Uvicorn running on "

DEFAULT_COMMAND: Final = (sys.executable, "-m", "model_service")
CONVERTER_COMMAND: Final = (sys.executable, "-m", "converter")


class ServiceProcess:
    """A running service.

    Args:
        models_dir: Folder of all versions.
        models: Versions to serve, separated by commas.
        settings: Further environment variables.
        command: Starts the service.
    """

    def __init__(
        self, models_dir: Path, models: str, settings: Mapping[str, str], command: Sequence[str] = DEFAULT_COMMAND
    ) -> None:
        environment = {"MODELS_DIR": str(models_dir), "MODELS": models, "HOST": "127.0.0.1", "PORT": "0"}
        self.log: list[dict[str, Any]] = []
        """The lines of the log so far."""
        self.url = ""
        """The address of the service."""
        self._started = threading.Event()
        self._changed = threading.Condition()
        self.process = subprocess.Popen(
            command,
            cwd=Path(__file__).parents[2],
            env={**os.environ, **environment, **settings},
            stdout=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        if not self._started.wait(_START_SECONDS) or not self.url:
            self.process.kill()
            self.process.wait()
            self._close()
            raise RuntimeError(f"the service did not start: {self.log}")

    def _read_log(self) -> None:
        assert self.process.stdout is not None
        for text in self.process.stdout:
            line = json.loads(text)
            message = str(line["message"])
            if message.startswith(_STARTED):
                self.url = message.removeprefix(_STARTED).split()[0]
                self._started.set()
            with self._changed:
                self.log.append(line)
                self._changed.notify_all()
        self._started.set()

    def wait_for_log(self, seconds: float = 10, **fields: object) -> dict[str, Any]:
        """Wait for a line of the log with these fields, and return it."""

        def matches() -> list[dict[str, Any]]:
            return [line for line in self.log if fields.items() <= line.items()]

        with self._changed:
            lines = self._changed.wait_for(matches, seconds)
        if not lines:
            raise AssertionError(f"no line with {fields} in {self.log}")
        return lines[0]

    def signal(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Send a signal to the service."""
        self.process.send_signal(number)

    def decoders(self) -> list[psutil.Process]:
        """Return the decoder processes."""
        return psutil.Process(self.process.pid).children()

    def memory(self) -> int:
        """Return the resident memory of the service and its decoder processes in bytes."""
        processes = [psutil.Process(self.process.pid), *self.decoders()]
        return sum(process.memory_info().rss for process in processes)

    def peak_memory(self) -> int:
        """Return the largest resident memory that the service itself has had, in bytes (Linux)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        kibibytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(kibibytes) * 1024

    def wait(self) -> int:
        """Wait until the process has ended, and return its exit code."""
        code = self.process.wait(_STOP_SECONDS)
        self._close()
        return code

    def stop(self) -> None:
        """Stop the process if it still runs."""
        if self.process.poll() is None:
            self.signal()
            try:
                self.process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._close()

    def _close(self) -> None:
        self._reader.join(5)
        if self.process.stdout is not None:
            self.process.stdout.close()


@contextmanager
def running_service(
    models_dir: Path, models: str = "v1", *, command: Sequence[str] = DEFAULT_COMMAND, **settings: str
) -> Iterator[ServiceProcess]:
    """Start a service, and stop it in the end.

    Args:
        models_dir: Folder of all versions.
        models: Versions to serve, separated by commas.
        command: Starts the service.
        settings: Further environment variables, such as `MAX_IN_FLIGHT="1"`.
    """
    service = ServiceProcess(models_dir, models, settings, command)
    try:
        yield service
    finally:
        service.stop()


def metric(service: ServiceProcess, line: str) -> float:
    """Return the value of a metric, 0 if it has none yet."""
    values = (text.rpartition(" ")[::2] for text in httpx2.get(service.url + "/metrics").text.splitlines())
    return next((float(value) for name, value in values if name == line), 0.0)
