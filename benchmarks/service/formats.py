"""Each format against the lower bound: `python -m benchmarks.service.formats`.

The service and the floor, which decodes and classifies in one process without a server, process the same documents in
turn. The ratio of the two shows what the service adds to each format.
"""

import argparse
import os
import statistics
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.service import documents, load, weights
from benchmarks.service.floor import Floor
from benchmarks.service.in_turn import PairedMetrics, measure_in_turn
from benchmarks.service.servers import running, this_service
from model_service.cpus import available_cpus


@dataclass
class FormatMetrics:
    """Measurements of one kind of document.

    Attributes:
        pairs: Times of the same documents without and with the service.
        floor_per_second: Throughput without a server, once a round.
        per_second: Throughput with eight clients, once a round.
    """

    pairs: PairedMetrics = field(default_factory=PairedMetrics)
    floor_per_second: list[float] = field(default_factory=list)
    per_second: list[float] = field(default_factory=list)

    def row(self) -> list[str]:
        """Return the cells of a table: three ratios, then milliseconds."""
        pairs = self.pairs
        throughput = statistics.mean(self.floor_per_second) / max(statistics.mean(self.per_second), 1e-9)
        stages = [pairs.stages_ms[stage] for stage in ("decode", "infer", "total")]
        times = [pairs.floor_ms, pairs.service_ms, *stages, pairs.floor_cpu_ms, pairs.service_cpu_ms]
        ratios = [pairs.ratio(), f"{pairs.cpu_ratio():.2f}", f"{throughput:.2f}"]
        return [*ratios, *(f"{statistics.median(milliseconds):.1f}" for milliseconds in times)]


_COLUMNS: Final = (
    "", "latency", "CPU time", "throughput", "floor, ms", "service, ms", "of which decode", "infer", "total",
    "floor, CPU ms", "service, CPU ms",
)  # fmt: skip


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
                    measure_in_turn(results[kind].pairs, floor, server, files, options.requests)
                    # A long document occupies all CPUs. More clients would be answered with fewer pages.
                    long = kind in documents.LONG
                    seconds, clients = (5 * options.seconds, available_cpus()) if long else (options.seconds, 8)
                    results[kind].floor_per_second.append(floor.saturate(files, seconds))
                    results[kind].per_second.append(load.saturate(server, files, seconds, clients))
            memory = server.memory_mib()
    print(f"{available_cpus()} CPUs, load {os.getloadavg()[0]:.1f}; memory of the service after load {memory:.0f} MiB")
    print("Ratio to the floor: latency with one client (median of the pairs, 95 % interval), CPU time, throughput with")
    print("eight clients (long: one per CPU)\n")
    print("|", " | ".join(_COLUMNS), "|")
    print("|" + "---|" * len(_COLUMNS))
    for kind, metrics in results.items():
        print("|", " | ".join([kind, *metrics.row()]), "|")


if __name__ == "__main__":
    main()
