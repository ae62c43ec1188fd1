"""Measure the service, its alternatives and its lower bound: `make bench-service`.

Prints Markdown tables and draws the chart.
"""

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
from benchmarks.service.servers import Candidate, Server, alternatives, running, this_service
from model_service.cpus import available_cpus
from testkit.reports import percentile

CHART = Path(__file__).parents[2] / "docs" / "images" / "performance.svg"
_PAUSE_SECONDS = 0.5


@dataclass
class ServerMetrics:
    """Measurements of one server. The dictionaries are keyed by kind of document.

    Attributes:
        latencies_ms: Latency of each request of a single caller.
        per_second: Throughput with eight callers, once a round.
        cpu_ms: Mean CPU time of a document with one caller, once a round. It holds on a busy machine too.
        ready_seconds: Time from the start of the process until it is ready.
        idle_mib: Memory before the first request.
        busy_mib: Memory after the last request.
    """

    latencies_ms: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    per_second: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    cpu_ms: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    ready_seconds: float | None = None
    idle_mib: float | None = None
    busy_mib: float | None = None

    def latency(self, kind: str) -> float:
        """Return the median latency in milliseconds."""
        return statistics.median(self.latencies_ms[kind])

    def cpu(self, kind: str) -> float:
        """Return the median CPU time of the rounds, in milliseconds."""
        return statistics.median(self.cpu_ms[kind])

    def throughput(self, kind: str) -> float:
        """Return the mean throughput of the rounds, in documents per second."""
        return statistics.mean(self.per_second[kind])


Results = dict[str, ServerMetrics]


def compare(
    candidates: list[Candidate], floor: Floor, bodies: dict[str, list[bytes]], arguments: argparse.Namespace
) -> Results:
    """Measure all servers alternately in several rounds, so that load on the machine affects all of them."""
    results: Results = {floor.name: ServerMetrics(), **{candidate.name: ServerMetrics() for candidate in candidates}}
    with running(candidates) as servers:
        for server in servers:
            results[server.name].ready_seconds = server.seconds_to_ready
            results[server.name].idle_mib = server.memory_mib()
        for _ in range(arguments.rounds):
            for kind, documents_of_kind in bodies.items():
                targets: list[Floor | Server] = [floor, *servers]
                for target in targets:
                    _measure(results[target.name], target, kind, documents_of_kind, arguments)
        for server in servers:
            results[server.name].busy_mib = server.memory_mib()
    return results


def _measure(
    metrics: ServerMetrics, target: Floor | Server, kind: str, bodies: list[bytes], arguments: argparse.Namespace
) -> None:
    time.sleep(_PAUSE_SECONDS)  # thread pools spin for a while after work
    sequential = partial(load.sequential, target) if isinstance(target, Server) else target.sequential
    saturate = partial(load.saturate, target) if isinstance(target, Server) else target.saturate
    sequential(bodies, 1)
    before = target.cpu_seconds()
    metrics.latencies_ms[kind] += sequential(bodies, arguments.requests)
    metrics.cpu_ms[kind].append((target.cpu_seconds() - before) / arguments.requests * 1000)
    metrics.per_second[kind].append(saturate(bodies, arguments.seconds))


def report(results: Results, kinds: list[str]) -> None:
    """Print ratios to this service, then the absolute figures."""
    reference = next(name for name in results if name != Floor.name)
    measures: list[tuple[str, Callable[[ServerMetrics, str], float]]] = [
        ("latency, one caller", ServerMetrics.latency),
        ("CPU time per document, one caller", ServerMetrics.cpu),
        ("documents per second, eight callers", ServerMetrics.throughput),
    ]
    for title, measure in measures:
        print()
        _row(f"{title}: ratio to this service", *kinds)
        _rule(len(kinds) + 1)
        for name, result in results.items():
            _row(name, *(f"{measure(result, kind) / measure(results[reference], kind):.2f}" for kind in kinds))
    print("\nMedian latency, one caller; CPU time; documents per second, eight callers\n")
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


def report_overload(result: overload.OverloadResult, abandoned: overload.AbandonedRequests) -> None:
    """Print the behaviour at twice the capacity."""
    requests = result.requests
    statuses = ", ".join(f"{count} times {status}" for status, count in sorted(requests.statuses.items()))
    print(f"\nTwice the capacity ({result.rate:.0f} requests per second, open loop)\n")
    print(
        f"- responses: {statuses}; lost: {requests.lost}; "
        f"429 or 503 without Retry-After: {requests.without_retry_after}"
    )
    print(
        f"- accepted: p50 {percentile(requests.accepted_ms, 50):.0f} ms, "
        f"p99 {percentile(requests.accepted_ms, 99):.0f} ms; "
        f"a full queue takes {result.full_queue_ms:.0f} ms at capacity"
    )
    if requests.rejected_ms:
        print(f"- rejected: p50 {statistics.median(requests.rejected_ms):.1f} ms")
    print(f"- memory: {result.memory_before_mib:.0f} MiB before, {result.memory_after_mib:.0f} MiB after")
    print(
        f"- {abandoned.callers} callers disconnected: no request in flight after {abandoned.seconds * 1000:.0f} ms, "
        f"{abandoned.cpu_seconds_after * 1000:.0f} ms of CPU time in the second after"
    )


def _row(*cells: str) -> None:
    print("|", " | ".join(cells), "|")


def _rule(columns: int) -> None:
    print("|" + "---|" * columns)


def main() -> None:
    """Measure everything, print the report and draw the chart."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="rounds over all servers (default 3)")
    parser.add_argument(
        "--requests", type=int, default=12, help="requests of a single caller, for each kind and round (default 12)"
    )
    parser.add_argument(
        "--seconds", type=float, default=4, help="seconds of saturation, for each kind and round (default 4)"
    )
    arguments = parser.parse_args()

    bodies = documents.draw()
    with tempfile.TemporaryDirectory() as scratch:
        folder = weights.write(Path(scratch) / "f32")
        service = this_service(folder.parent)
        quantised = weights.write_int8(folder, Path(scratch) / "int8")
        int8_service = this_service(quantised.parent, name="this service, int8")
        cpu = next((line for line in _cpuinfo() if line.startswith("model name")), platform.processor()).split(":")[-1]
        print(
            f"{available_cpus()} CPUs ({cpu.strip()}), Python {platform.python_version()}, {platform.system()}; ",
            end="",
        )
        print(f"load before: {os.getloadavg()[0]:.1f}; {weights.ARCHITECTURE} at {weights.SIDE}², f32 by default")
        for kind, documents_of_kind in bodies.items():
            print(f"- {kind}: {', '.join(f'{len(document) // 1024} KiB' for document in documents_of_kind)}")
        candidates = [service, int8_service, *alternatives(folder / weights.TORCHSCRIPT)]
        results = compare(candidates, Floor(folder), bodies, arguments)
        report(results, list(bodies))
        scans = bodies[documents.SCAN]
        with running([service]) as (server,):
            capacity = load.saturate(server, scans, arguments.seconds)
            overloaded = overload.overload(server, scans, capacity, 5 * arguments.seconds)
            abandoned = overload.abandon(server, scans[0])
        report_overload(overloaded, abandoned)
    chart.draw(
        CHART,
        list(bodies),
        {name: [result.latency(kind) for kind in bodies] for name, result in results.items()},
        {name: [result.throughput(kind) for kind in bodies] for name, result in results.items()},
    )


def _cpuinfo() -> list[str]:
    file = Path("/proc/cpuinfo")
    return file.read_text().splitlines() if file.exists() else []


if __name__ == "__main__":
    main()
