"""Measure the service, its peers and its floor in one run: `make bench-service`. Prints Markdown; draws the chart."""

import argparse
import os
import platform
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks.service import chart, documents, load, overload, weights
from benchmarks.service.floor import Floor
from benchmarks.service.servers import Candidate, Server, peers, running, this_service
from model_service.cpus import available_cpus

CHART = Path(__file__).parents[2] / "docs" / "images" / "performance.svg"
_REST_SECONDS = 0.5


@dataclass
class Measured:
    """Everything measured of one candidate, by kind of document."""

    latencies_ms: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    per_second: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    cpu_ms: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """CPU time a document with one caller, mean of each round: what a document costs, however busy the machine is."""
    ready_seconds: float | None = None
    idle_mib: float | None = None
    busy_mib: float | None = None

    def latency(self, kind: str) -> float:
        """Median in milliseconds."""
        return statistics.median(self.latencies_ms[kind])

    def cpu(self, kind: str) -> float:
        """Median over the rounds, in milliseconds."""
        return statistics.median(self.cpu_ms[kind])

    def throughput(self, kind: str) -> float:
        """Mean over the rounds, in documents a second."""
        return statistics.mean(self.per_second[kind])


Results = dict[str, Measured]


def compare(
    candidates: list[Candidate], floor: Floor, drawn: dict[str, list[bytes]], arguments: argparse.Namespace
) -> Results:
    """Measure all in turns, several times round, so that a busy moment of the machine hits no one alone."""
    results: Results = {floor.name: Measured(), **{candidate.name: Measured() for candidate in candidates}}
    with running(candidates) as servers:
        for server in servers:
            results[server.name].ready_seconds = server.seconds_to_ready
            results[server.name].idle_mib = server.memory_mib()
        for _ in range(arguments.rounds):
            for kind, bodies in drawn.items():
                everyone: list[Floor | Server] = [floor, *servers]
                for who in everyone:
                    _one_turn(results, who, kind, bodies, arguments)
        for server in servers:
            results[server.name].busy_mib = server.memory_mib()
    return results


def _one_turn(
    results: Results, who: Floor | Server, kind: str, bodies: list[bytes], arguments: argparse.Namespace
) -> None:
    time.sleep(_REST_SECONDS)  # thread pools spin for a while after work
    result = results[who.name]
    one_by_one = partial(load.one_by_one, who) if isinstance(who, Server) else who.one_by_one
    saturate = partial(load.saturate, who) if isinstance(who, Server) else who.saturate
    one_by_one(bodies, 1)
    before = who.cpu_seconds()
    result.latencies_ms[kind] += one_by_one(bodies, arguments.requests)
    result.cpu_ms[kind].append((who.cpu_seconds() - before) / arguments.requests * 1000)
    result.per_second[kind].append(saturate(bodies, arguments.seconds))


def report(results: Results, kinds: list[str]) -> None:
    """Print ratios first, then the figures they come from."""
    ours = next(name for name in results if name != Floor.name)
    measures: list[tuple[str, Callable[[Measured, str], float]]] = [
        ("time a document, one caller", Measured.latency),
        ("CPU time a document, one caller", Measured.cpu),
        ("documents a second, eight callers", Measured.throughput),
    ]
    for title, measure in measures:
        print()
        _row(f"{title}: ratio to this service", *kinds)
        _rule(len(kinds) + 1)
        for name, result in results.items():
            _row(name, *(f"{measure(result, kind) / measure(results[ours], kind):.2f}" for kind in kinds))
    print("\nMedian milliseconds, one caller; CPU milliseconds; documents a second, eight callers\n")
    _row("", *kinds, "ready after, s", "memory idle, after load, MiB")
    _rule(len(kinds) + 3)
    for name, result in results.items():
        figures = [
            f"{result.latency(kind):.0f} ms, {result.cpu(kind):.0f} ms, {result.throughput(kind):.1f}/s"
            for kind in kinds
        ]
        ready = "" if result.ready_seconds is None else f"{result.ready_seconds:.1f}"
        memory = "" if result.idle_mib is None else f"{result.idle_mib:.0f}, {result.busy_mib:.0f}"
        _row(name, *figures, ready, memory)


def report_overload(found: overload.Overload, gone: overload.Abandoned) -> None:
    """Print how the service bears too much."""
    statuses = ", ".join(f"{count} times {status}" for status, count in sorted(found.flood.statuses.items()))
    print(f"\nTwice the capacity ({found.rate:.0f} requests a second, sent by the clock)\n")
    print(
        f"- answers: {statuses}; lost: {found.flood.lost}; 503 without Retry-After: {found.flood.without_retry_after}"
    )
    print(
        f"- accepted: median {found.flood.percentile(0.5):.0f} ms, p99 {found.flood.percentile(0.99):.0f} ms; "
        f"a full queue worked off at capacity is {found.bound_ms:.0f} ms"
    )
    if found.flood.refused_ms:
        print(f"- refused: median {statistics.median(found.flood.refused_ms):.1f} ms")
    print(f"- memory: {found.memory_before_mib:.0f} MiB before, {found.memory_after_mib:.0f} MiB after")
    print(
        f"- {gone.callers} callers killed: nothing in flight after {gone.seconds * 1000:.0f} ms, "
        f"{gone.cpu_seconds_after * 1000:.0f} ms of CPU time in the second after"
    )


def _row(*cells: str) -> None:
    print("|", " | ".join(cells), "|")


def _rule(columns: int) -> None:
    print("|" + "---|" * columns)


def main() -> None:
    """Run everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="times round all candidates")
    parser.add_argument("--requests", type=int, default=12, help="by one caller, each kind and round")
    parser.add_argument("--seconds", type=float, default=4, help="of saturation, each kind and round")
    arguments = parser.parse_args()

    drawn = documents.draw()
    with tempfile.TemporaryDirectory() as scratch:
        folder = weights.write(Path(scratch) / "f32")
        ours = this_service(folder.parent)
        quantised = weights.write_int8(folder, Path(scratch) / "int8")
        bytewise = this_service(quantised.parent, name="this service, int8")
        cpu = next((line for line in _cpuinfo() if line.startswith("model name")), platform.processor()).split(":")[-1]
        print(
            f"{available_cpus()} CPUs ({cpu.strip()}), Python {platform.python_version()}, {platform.system()}; ",
            end="",
        )
        print(f"load before: {os.getloadavg()[0]:.1f}; {weights.ARCHITECTURE} at {weights.SIDE}², f32 if not said")
        for kind, bodies in drawn.items():
            print(f"- {kind}: {', '.join(f'{len(body) // 1024} KiB' for body in bodies)}")
        results = compare([ours, bytewise, *peers(folder / weights.TORCHSCRIPT)], Floor(folder), drawn, arguments)
        report(results, list(drawn))
        with running([ours]) as (server,):
            capacity = load.saturate(server, drawn[documents.SCAN], arguments.seconds)
            found = overload.overrun(server, drawn[documents.SCAN], capacity, 5 * arguments.seconds)
            gone = overload.abandon(server, drawn[documents.SCAN][0])
        report_overload(found, gone)
    chart.draw(
        CHART,
        list(drawn),
        {name: [result.latency(kind) for kind in drawn] for name, result in results.items()},
        {name: [result.throughput(kind) for kind in drawn] for name, result in results.items()},
    )


def _cpuinfo() -> list[str]:
    file = Path("/proc/cpuinfo")
    return file.read_text().splitlines() if file.exists() else []


if __name__ == "__main__":
    main()
