"""Each format against the lower bound: `python -m benchmarks.service.formats`.

The service and the floor, which decodes and classifies in one process without a server, process the same documents in
turn. The ratio of the two shows what the service adds to each format.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.service import documents, load, weights
from benchmarks.service.floor import Floor
from benchmarks.service.servers import Server, running, this_service
from model_service.cpus import available_cpus

_PAUSE_SECONDS: Final = 0.3


@dataclass
class FormatMetrics:
    """Measurements of one kind of document.

    Attributes:
        floor_ms: Time of each document without a server.
        latencies_ms: Time of each request of a single client.
        floor_cpu_ms: CPU time of a document without a server, once a round.
        cpu_ms: CPU time of a request, once a round.
        floor_per_second: Throughput without a server, once a round.
        per_second: Throughput with eight clients, once a round.
        stages_ms: The service's timings of each request, by stage.
    """

    floor_ms: list[float] = field(default_factory=list)
    latencies_ms: list[float] = field(default_factory=list)
    floor_cpu_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    floor_per_second: list[float] = field(default_factory=list)
    per_second: list[float] = field(default_factory=list)
    stages_ms: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def row(self) -> list[str]:
        """Return the cells of a table: three ratios, then milliseconds."""
        latency, floor = statistics.median(self.latencies_ms), statistics.median(self.floor_ms)
        cpu, floor_cpu = statistics.median(self.cpu_ms), statistics.median(self.floor_cpu_ms)
        throughput = statistics.mean(self.floor_per_second) / max(statistics.mean(self.per_second), 1e-9)
        stages = [statistics.median(self.stages_ms[stage]) for stage in ("decode", "infer", "total")]
        ratios = [f"{latency / floor:.2f}", f"{cpu / max(floor_cpu, 1e-9):.2f}", f"{throughput:.2f}"]
        return [*ratios, *(f"{milliseconds:.1f}" for milliseconds in (floor, latency, *stages, floor_cpu, cpu))]


_COLUMNS: Final = (
    "", "latency", "CPU time", "throughput", "floor, ms", "service, ms", "of which decode", "infer", "total",
    "floor, CPU ms", "service, CPU ms",
)  # fmt: skip


def measure(metrics: FormatMetrics, floor: Floor, server: Server, bodies: Sequence[bytes], requests: int) -> None:
    """Process documents without and with the server in turn, one at a time."""
    floor.sequential(bodies, 1)
    _send(server, bodies, 1)
    before = floor.cpu_seconds(), server.cpu_seconds()
    for number in range(requests):
        body = [bodies[number % len(bodies)]]
        metrics.floor_ms += floor.sequential(body, 1)
        for milliseconds, stages in _send(server, body, 1):
            metrics.latencies_ms.append(milliseconds)
            for stage, value in stages.items():
                metrics.stages_ms[stage].append(value)
        time.sleep(_PAUSE_SECONDS)  # threads of the engine spin for a while after work
    after = floor.cpu_seconds(), server.cpu_seconds()
    metrics.floor_cpu_ms.append((after[0] - before[0]) / requests * 1000)
    metrics.cpu_ms.append((after[1] - before[1]) / requests * 1000)


def _send(server: Server, bodies: Sequence[bytes], count: int) -> list[tuple[float, dict[str, float]]]:
    """Send requests; return the milliseconds of each, and those of the service's stages."""
    connection = server.connect()
    results = []
    for body in bodies[:count]:
        started = time.perf_counter()
        connection.request("POST", server.path, server.body(body), server.headers)
        content = connection.getresponse().read()
        milliseconds = (time.perf_counter() - started) * 1000
        results.append((milliseconds, json.loads(content)["timings_ms"]))
    connection.close()
    return results


def main() -> None:
    """Parse the arguments, measure every kind of document and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("--models", type=Path, help="folder of versions (default: a ResNet18 with random weights)")
    parser.add_argument("--version", default="v1", help="version to serve (default: v1)")
    parser.add_argument("--rounds", type=int, default=3, help="repetitions (default: 3)")
    parser.add_argument("--requests", type=int, default=10, help="documents of a kind in a round (default: 10)")
    parser.add_argument("--seconds", type=float, default=4, help="seconds of saturation in a round (default: 4)")
    parser.add_argument("--only", default="", help="kinds whose name contains this text")
    options = parser.parse_args()
    bodies = documents.draw([kind for kind in documents.KINDS if options.only in kind])
    results = {kind: FormatMetrics() for kind in bodies}
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.models / options.version if options.models else weights.write(Path(scratch) / "f32")
        floor = Floor(folder.absolute())
        with running([this_service(folder.absolute().parent, MODELS=options.version)]) as (server,):
            for _ in range(options.rounds):
                for kind, files in bodies.items():
                    measure(results[kind], floor, server, files, options.requests)
                    # A long document occupies all CPUs. More clients would be answered with fewer pages.
                    long = kind in documents.LONG
                    seconds, clients = (5 * options.seconds, available_cpus()) if long else (options.seconds, 8)
                    results[kind].floor_per_second.append(floor.saturate(files, seconds))
                    results[kind].per_second.append(load.saturate(server, files, seconds, clients))
            memory = server.memory_mib()
    print(f"{available_cpus()} CPUs, load {os.getloadavg()[0]:.1f}; memory of the service after load {memory:.0f} MiB")
    print("Ratio to the floor: latency with one client, CPU time, throughput with eight clients (long: one per CPU)\n")
    print("|", " | ".join(_COLUMNS), "|")
    print("|" + "---|" * len(_COLUMNS))
    for kind, metrics in results.items():
        print("|", " | ".join([kind, *metrics.row()]), "|")


if __name__ == "__main__":
    main()
