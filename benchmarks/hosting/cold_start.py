"""How long a model function takes to start: `python -m benchmarks.hosting.cold_start --starts 5`.

Each start is that of AWS's runtime interface emulator with the real handler: from the process to the first response,
without the download of the image. The CPU time does not depend on what else the machine does.
"""

import argparse
import os
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil
from rich.table import Table

from testkit.reports import report_console
from triptych.stack import functions, ports
from triptych.stack.home import Home
from triptych.stack.processes import ManagedProcess, becomes_ready, stop_processes

VERSIONS: Final = ("v1", "v2", "v3")
_TIMEOUT_S: Final = 120.0
_PORT: Final = 8301


@dataclass(frozen=True)
class Start:
    """One start of a function.

    Attributes:
        seconds: Until the first response.
        cpu_s: CPU time of all of its processes until then.
        memory_mb: Memory of all of its processes then, in MB; what they share counts once.
    """

    seconds: float
    cpu_s: float
    memory_mb: float


def measure_start(version: str) -> Start:
    """Start the function of a version, and stop it.

    Raises:
        RuntimeError: It did not start.
    """
    with tempfile.TemporaryDirectory() as folder:
        port = ports.choose_port(_PORT)
        started = time.monotonic()
        process = functions.start_function(Home(Path(folder)), version, port)
        try:
            if not becomes_ready(process, lambda: functions.function_is_ready(port), _TIMEOUT_S):
                raise RuntimeError(f"the function of {version} did not start")
            return Start(time.monotonic() - started, *_usage(process))
        finally:
            stop_processes(process)


def _usage(process: ManagedProcess) -> tuple[float, float]:
    """Return the CPU seconds and the memory in MB of a process and its descendants."""
    leader = psutil.Process(process.pid)
    family = [leader, *leader.children(recursive=True)]
    times = [each.cpu_times() for each in family]
    memory = sum(each.memory_full_info().pss for each in family)
    return sum(each.user + each.system for each in times), memory / 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=5, help="number of starts of each version")
    count = parser.parse_args().starts
    load = os.getloadavg()[0]
    table = Table("version", "s", "CPU s", "memory MB", title=f"medians of {count} starts, load {load:.1f}")
    for version in VERSIONS:
        starts = [measure_start(version) for _ in range(count)]
        medians = (
            statistics.median(each) for each in zip(*((s.seconds, s.cpu_s, s.memory_mb) for s in starts), strict=True)
        )
        table.add_row(version, *(f"{median:.1f}" for median in medians))
    report_console().print(table)


if __name__ == "__main__":
    main()
