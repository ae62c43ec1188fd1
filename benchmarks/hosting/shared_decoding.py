"""What one decoding for all versions saves: `python -m benchmarks.hosting.shared_decoding`.

One service with all versions gets each document in a request for every version at the same time, as the orchestrator
sends them. It is compared with the same service without sharing. Both run in turn, round by round. Their predictions
are the same.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from rich.table import Table

from benchmarks.service import documents, weights
from benchmarks.service.servers import Candidate, Server, running, this_service
from benchmarks.service.three_versions import VERSIONS, Client, saturate, write_copies
from model_service.cpus import available_cpus
from testkit.reports import report_console
from testkit.template import ROOT

_SHARED, _EACH = "one decoding for all versions", "a decoding for each version"
_WITHOUT_SHARING: Final = """
import runpy
from model_service.classifier import Classifier
Classifier._key = lambda *_, **__: object()
runpy.run_module("model_service", run_name="__main__")
"""
_PAUSE_SECONDS: Final = 0.1


@dataclass
class Figures:
    """Measurements of one service for one kind of document.

    Attributes:
        latencies_ms: Time until all versions have answered, of a single client.
        cpu_ms: CPU time of a document, once a round.
        per_second: Documents per second with several clients, once a round.
    """

    latencies_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    per_second: list[float] = field(default_factory=list)


def measure(figures: Figures, server: Server, bodies: Sequence[bytes], seconds: float) -> list[dict[str, object]]:
    """Measure one service with one kind of document; return its answers."""
    client = Client(server)
    answers = [client.classify(body) for body in bodies]
    time.sleep(_PAUSE_SECONDS)
    before = server.cpu_seconds()
    for body in [*bodies, *bodies]:
        started = time.perf_counter()
        client.classify(body)
        figures.latencies_ms.append((time.perf_counter() - started) * 1000)
    figures.cpu_ms.append((server.cpu_seconds() - before) / (2 * len(bodies)) * 1000)
    client.close()
    figures.per_second.append(saturate(server, bodies, seconds))
    return answers


def copies(folder: Path) -> Path:
    """Write three versions that are the ResNet18 in int8, and return their folder."""
    write_copies(weights.write_int8(weights.write(folder / "f32"), folder / "int8"), folder / "copies")
    return folder / "copies"


def services(models: Path) -> tuple[Candidate, Candidate]:
    """Return the service as it is, and one whose versions do not share a decoding."""
    shared = this_service(models, name=_SHARED, MODELS=",".join(VERSIONS))
    return shared, replace(shared, name=_EACH, arguments=("-c", _WITHOUT_SHARING))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=ROOT / "models", help="folder of versions v1, v2 and v3")
    parser.add_argument(
        "--resnet", action="store_true", help="three copies of the ResNet18 in int8 of `make bench-service`"
    )
    parser.add_argument("--rounds", type=int, default=4, help="rounds over both services (default 4)")
    parser.add_argument("--seconds", type=float, default=3, help="seconds of saturation in a round (default 3)")
    options = parser.parse_args()
    bodies = documents.draw()
    figures = {(name, kind): Figures() for kind in bodies for name in (_SHARED, _EACH)}
    answers: dict[tuple[str, str], list[dict[str, object]]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        models = copies(Path(scratch)) if options.resnet else options.models
        for number in range(options.rounds):
            for candidate in services(models):
                print(f"round {number + 1}: {candidate.name}", file=sys.stderr)
                with running([candidate]) as (server,):
                    for kind, files in bodies.items():
                        each = candidate.name, kind
                        answers[each] = measure(figures[each], server, files, options.seconds)
    for kind in bodies:
        if answers[_SHARED, kind] != answers[_EACH, kind]:
            raise RuntimeError(f"{kind}: the predictions differ")
    print_report(figures, list(bodies))


def print_report(figures: dict[tuple[str, str], Figures], kinds: Sequence[str]) -> None:
    """Print what sharing changes, for each kind of document."""
    table = Table("", "three answers, ms", "ratio", "CPU ms", "ratio", "documents a second", "ratio")
    for kind in kinds:
        shared, each = (figures[name, kind] for name in (_SHARED, _EACH))
        cells = []
        for name in ("latencies_ms", "cpu_ms", "per_second"):
            now, before = (statistics.median(getattr(figure, name)) for figure in (shared, each))
            cells += [f"{now:.1f} instead of {before:.1f}", f"{now / before:.2f}"]
        table.add_row(kind, *cells)
    console = report_console()
    console.print(f"{available_cpus()} CPUs; one decoding for all versions instead of one for each; equal predictions")
    console.print(table)
    console.print(
        f"With all versions, a document takes {versions_of_work(figures, kinds):.2f} times the time of one version."
    )


def versions_of_work(figures: Mapping[tuple[str, str], Figures], kinds: Sequence[str]) -> float:
    """Return the time of a document relative to its time with one version alone, at full load; median of the kinds."""
    ratios = (
        statistics.median(figures[_EACH, kind].per_second) / statistics.median(figures[_SHARED, kind].per_second)
        for kind in kinds
    )
    return len(VERSIONS) * statistics.median(ratios)


if __name__ == "__main__":
    main()
