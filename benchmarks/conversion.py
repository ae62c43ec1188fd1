"""Durations of conversions: `python -m benchmarks.conversion`.

Starts a converter with two workers, and converts 60 generated files in ten formats, one after the other. Prints the p50
and p99 of each round, and the slowest files. Plain text, which needs no converter, is left out.
"""

import argparse
import http.client
import statistics
import time
from collections.abc import Mapping, Sequence

from benchmarks.service.servers import Candidate, Server, running
from decoding.convertible import convertible_format
from testkit.office_files import sixty_files

_WORKERS = 2
_SLOWEST = 5


def main() -> None:
    """Parse the arguments, measure and print the durations."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("--rounds", type=int, default=3, help="repetitions (default: 3)")
    parser.add_argument("--pause", type=float, default=1.5, help="seconds between two files (default: 1.5)")
    options = parser.parse_args()
    files = {name: data for name, data in sixty_files().items() if convertible_format(data)}
    converter = Candidate(
        "converter",
        ("-m", "converter"),
        "/health/ready",
        environment=(("WORKERS", str(_WORKERS)), ("HOST", "127.0.0.1")),
    )
    with running([converter]) as (server,):
        for number in range(options.rounds):
            print(f"round {number + 1}: {describe(measure(server, files, options.pause))}")


def measure(server: Server, files: Mapping[str, bytes], pause: float) -> dict[str, float]:
    """Convert the files one after the other; return the seconds of each.

    The pause lets the process that replaces a used one start, as between documents that arrive one by one.

    Raises:
        RuntimeError: If a file is not converted.
    """
    seconds = {}
    for name, data in files.items():
        time.sleep(pause)
        started = time.perf_counter()
        connection = server.connect()
        connection.request("POST", "/convert", data)
        response = connection.getresponse()
        response.read()
        seconds[name] = time.perf_counter() - started
        connection.close()
        if response.status != http.client.OK:
            raise RuntimeError(f"{name}: status {response.status}")
    return seconds


def describe(seconds: Mapping[str, float]) -> str:
    """Return p50, p99 and the slowest files as a line."""
    slowest = sorted(seconds, key=seconds.__getitem__, reverse=True)[:_SLOWEST]
    names = ", ".join(f"{name} {seconds[name]:.2f} s" for name in slowest)
    values = list(seconds.values())
    return f"{len(values)} files, p50 {statistics.median(values):.2f} s, p99 {_p99(values):.2f} s; slowest: {names}"


def _p99(values: Sequence[float]) -> float:
    return sorted(values)[min(len(values) - 1, round(0.99 * len(values)))]


if __name__ == "__main__":
    main()
